//! How well a model finds what it was trained for, as `yolo val` measures it.

use super::super::progress::{bar, report_split};
use super::subject::Subject;
use crate::data::{Dataset, Loader, LoaderOptions, SplitName, SplitOptions};
use crate::validator::{Judged, Options, validate};
use anyhow::{Context, ensure};
use serde::Serialize;
use std::path::Path;

/// Means over all classes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quality {
    /// At the confidence of the best F1.
    pub precision: f64,
    /// Likewise.
    pub recall: f64,
    /// AP at IoU 0.5.
    pub map50: f64,
    /// AP at IoU 0.5 to 0.95.
    pub map: f64,
}

/// Pictures a batch, as in `yolo val`: in rectangular batches the metrics depend on it a little.
const BATCH: usize = 32;

/// Validates a model on the part `val` of a dataset.
pub fn quality(subject: &mut Subject, data: &Path) -> anyhow::Result<Quality> {
    let dataset = Dataset::read(data).context("--data")?;
    let detect = &subject.model.detect;
    ensure!(
        dataset.names.len() == detect.nc,
        "{} has {} classes, but {} finds {}",
        data.display(),
        dataset.names.len(),
        subject.name,
        detect.nc
    );
    let split = dataset.split(SplitName::Val, SplitOptions::default())?;
    report_split(SplitName::Val, &split);
    let loading = LoaderOptions {
        imgsz: subject.shape[2].max(subject.shape[3]),
        batch: BATCH,
        stride: detect.max_stride(),
        rect: true,
        pad: 0.5,
        threads: 2,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(split.items, loading)?;
    let progress = bar(loader.batches(), "val");
    let mut watch = |judged: &Judged| progress.set_position(judged.index as u64 + 1);
    let options = Options::default();
    let validation =
        validate(&mut subject.engine, detect, &subject.anchors, &loader, None, &options, &mut watch)?;
    progress.finish_and_clear();
    let summary = validation.summary;
    Ok(Quality {
        precision: summary.precision,
        recall: summary.recall,
        map50: summary.map50,
        map: summary.map,
    })
}
