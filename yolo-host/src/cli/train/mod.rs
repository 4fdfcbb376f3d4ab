//! `yolo train`: training, as `train.py` does it.

mod args;
mod given;
mod opt;
mod resume;
mod summary;
mod values;

pub use given::Train;

use super::album::{Album, BATCHES, titles};
use super::plugins::notes;
use super::progress::Watch;
use super::{Outcome, check_data, evolve, facts, weights};
use crate::atomic;
use crate::plugin::Registry;
use crate::train::{Finish, Hyper, TrainingRun};
use anyhow::Context;
use args::PROJECT;
use std::io::Write;
use std::path::{Path, PathBuf};

pub fn run(train: Train) -> anyhow::Result<Outcome> {
    let train = train.with_file()?;
    train.args.device.threads.start()?;
    let mut registry = train.args.plugins.registry()?;
    let mut watch = Watch::new();
    let (mut training, folder) = match &train.args.training.resume {
        Some(path) => resume::resume(&train, path.as_deref(), &mut registry, &mut watch)?,
        None => match start(&train, &mut registry, &mut watch)? {
            Started::Training(training, folder) => (*training, folder),
            Started::Evolved(outcome) => return Ok(outcome),
        },
    };
    notes(&mut registry);
    opt::write(&folder, &train)?;
    if train.args.training.resume.is_none() {
        write_hyper(&folder, training.hyper())?;
    }
    summary::print(&training, &folder)?;
    match training.run(&mut watch)? {
        Finish::Stopped => {
            eprintln!("stopped; go on with: yolo train --resume {}", folder.display());
            Ok(Outcome::Interrupted)
        }
        finish => {
            if let Finish::Early { best } = finish {
                let patience = training.options().patience;
                eprintln!("no better epoch for {patience} epochs; the best was {}", best + 1);
            }
            validate_best(&mut training, &folder)?;
            training.finish()?;
            eprintln!("results are in {}", folder.display());
            Ok(Outcome::Done)
        }
    }
}

enum Started {
    Training(Box<TrainingRun>, PathBuf),
    Evolved(Outcome),
}

/// A new training, ready to run, or an evolution, which is then over.
fn start(train: &Train, registry: &mut Registry, watch: &mut Watch) -> anyhow::Result<Started> {
    let args = &train.args;
    let options = args.options()?;
    check_data(&options.data)?;
    options.weights.as_deref().map_or(Ok(()), weights::there)?;
    let hyper = match &options.hyp {
        Some(file) => Hyper::read(file).context("--hyp")?,
        None => Hyper::default(),
    };
    let mut results = args.results.folder.clone();
    if args.training.evolve.is_some() && results.project == Path::new(PROJECT) {
        results.project = "runs/evolve".into();
    }
    let folder = results.create()?.path().to_path_buf();
    // Where nothing was written yet: a folder that says nothing helps nobody.
    let unused = || _ = std::fs::remove_dir(&folder);
    if let Some(count) = args.training.evolve {
        let ran = evolve::run(count as usize, &options, hyper, &folder, registry, watch);
        return ran.inspect_err(|_| unused()).map(Started::Evolved);
    }
    let made = TrainingRun::new(options, hyper, &folder, registry, watch).inspect_err(|_| unused())?;
    Ok(Started::Training(Box::new(made), folder))
}

/// `hyp.yaml`, as `--hyp` takes it.
fn write_hyper(folder: &Path, hyper: &Hyper) -> anyhow::Result<()> {
    let file = folder.join("hyp.yaml");
    let text = format!("# For another training like this one: --hyp {}\n", file.display());
    let text = text + &serde_yaml::to_string(hyper)?;
    let written = atomic::replace(&file, |out| out.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// Validates the best weights, and draws the run.
fn validate_best(training: &mut TrainingRun, folder: &Path) -> anyhow::Result<()> {
    let mut album = Album::new(folder, training.names());
    album.labels(training.images())?;
    for (i, batch) in training.images().epoch(0, 0, None).take(BATCHES).enumerate() {
        let batch = batch?;
        let titles = titles(training.images(), &batch);
        album.batch(&format!("train_batch{i}.jpg"), &format!("Training batch {}", i + 1), &batch, &titles)?;
    }
    let mut drawn = Ok(());
    let validation = training.validate_best(&mut |validated, loader| {
        if validated.index < BATCHES && drawn.is_ok() {
            drawn = album.validated(loader, validated);
        }
    })?;
    drawn?;
    album.curves(&validation.summary)?;
    album.facts(facts::training(training));
    album.report(&validation.summary)?;
    let summary = &validation.summary;
    eprintln!(
        "best: precision {:.4}, recall {:.4}, mAP50 {:.4}, mAP50-95 {:.4}",
        summary.precision, summary.recall, summary.map50, summary.map
    );
    Ok(())
}
