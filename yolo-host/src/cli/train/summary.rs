//! What is about to be trained, a line each, before the first batch.

use crate::cli::output::thousands;
use crate::train::{Device, TrainingRun};
use std::path::Path;

/// Tells it on standard error.
pub fn print(training: &TrainingRun, folder: &Path) -> anyhow::Result<()> {
    let (options, model) = (training.options(), training.model());
    let statistics = model.statistics(options.imgsz)?;
    let moving = training.moving();
    let params = model.graph.params.iter().zip(&moving);
    let gradients: usize = params.filter(|(_, moves)| **moves).map(|(param, _)| param.len()).sum();
    eprintln!(
        "model: {}, {} layers, {} parameters, {} gradients, {:.1} GFLOPs at {} pixels",
        model.spec.file,
        statistics.layers,
        thousands(statistics.parameters),
        thousands(gradients),
        statistics.gflops,
        statistics.imgsz,
    );
    let frozen = options.frozen();
    if let [first, .., last] | [first @ last] = frozen.as_slice() {
        eprintln!("frozen: {} of {} layers ({first} to {last})", frozen.len(), statistics.layers);
    }
    let names = training.names();
    let (shown, more) = names.split_at(names.len().min(20));
    eprintln!("classes: {}: {}{}", names.len(), shown.join(", "), if more.is_empty() { "" } else { ", …" });
    let [norm, weight, bias] = training.groups();
    eprintln!(
        "optimiser: {}; {weight} weights with decay, {norm} without (batch norm), {bias} biases",
        options.optimizer.name()
    );
    let batches = training.images().batches();
    eprintln!(
        "images: {} pixels to train and to validate, {} a batch, {batches} {} an epoch",
        options.imgsz,
        options.batch,
        if batches == 1 { "batch" } else { "batches" },
    );
    eprintln!("epochs: {}, beginning with {}", options.epochs, training.epochs_done() + 1);
    let mixed = if options.amp && options.device != Device::Cpu { ", in mixed precision" } else { "" };
    let (threads, workers) = (rayon::current_num_threads(), options.workers.max(1));
    eprintln!(
        "training on {}{mixed}: threads that compute {threads}, that prepare images {workers}",
        options.device
    );
    eprintln!("results go to {}", folder.display());
    Ok(())
}
