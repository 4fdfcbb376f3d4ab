//! How well models find what they were trained for, as `yolo val` measures it.

use super::super::progress::{bar, report_split};
use super::super::val::matched;
use super::subject::Subject;
use crate::classes::ClassMap;
use crate::data::{Dataset, Item, Loader, LoaderOptions, SplitName, SplitOptions};
use crate::validation::{Options, ValidatedBatch, validate};
use anyhow::Context;
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// Images a batch, as in `yolo val`: in rectangular batches the metrics depend on it a little.
const BATCH: usize = 32;

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

/// Labelled images: the part `val` of a dataset.
pub struct Validator {
    items: Vec<Item>,
    /// Of each subject, by its name.
    classes: HashMap<String, ClassMap>,
}

impl Validator {
    /// Reads a dataset, on which all `subjects` that have weights can be validated.
    pub fn new(data: &Path, subjects: &[Subject]) -> anyhow::Result<Self> {
        let dataset = Dataset::read(data).context("--data")?;
        let mut classes = HashMap::new();
        for Subject { name, model, meta, .. } in subjects.iter().filter(|subject| subject.trained) {
            let map = matched(Path::new(name), (meta, model.detect.nc), data, &dataset)?;
            classes.insert(name.clone(), map);
        }
        let split = dataset.split(SplitName::Val, SplitOptions::default())?;
        report_split(SplitName::Val, &split);
        Ok(Validator { items: split.items, classes })
    }

    /// Validates a model; nothing for one without weights.
    pub fn quality(&self, subject: &mut Subject) -> anyhow::Result<Option<Quality>> {
        let Subject { trained, model, engine, anchors, shape, name, .. } = subject;
        if !*trained {
            return Ok(None);
        }
        let loading = LoaderOptions {
            imgsz: shape[2].max(shape[3]),
            channels: model.spec.channels,
            batch: BATCH,
            stride: model.detect.max_stride(),
            rect: true,
            pad: 0.5,
            threads: 2,
            ..LoaderOptions::default()
        };
        let loader = Loader::new(self.items.clone(), loading)?;
        let progress = bar(loader.batches(), name);
        let mut watch = |validated: &ValidatedBatch| progress.set_position(validated.index as u64 + 1);
        let options = Options { classes: self.classes.get(name).cloned(), ..Options::default() };
        let validation = validate(engine, &model.detect, anchors, &loader, None, &options, &mut watch)?;
        progress.finish_and_clear();
        let crate::eval::Summary { precision, recall, map50, map, .. } = validation.summary;
        Ok(Some(Quality { precision, recall, map50, map }))
    }
}
