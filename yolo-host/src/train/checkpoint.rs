//! What a training leaves on the disk: self-describing weights for users, and the whole state for a resume. Each file
//! appears whole or not at all, and a resume reads one file only.

use super::train_step::Set;
use super::{EarlyStopping, Error, TrainingRun};
use crate::graph::{ParamId, Role};
use crate::model::Model;
use crate::weights::{self, Array, Checkpoint, Data, Dtype, Meta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Metadata keys of a state file.
pub(super) const PROGRESS: &str = "progress";
pub(super) const OPTIONS: &str = "options";
pub(super) const HYPER: &str = "hyper";

/// Where a training stands, besides its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The epoch, from 0 …
    pub epoch: usize,
    /// … and the batch in it that comes next.
    pub batch: usize,
    /// The iteration of the optimiser's last step; −1 before it.
    pub last_step: i64,
    /// Mean losses (box, objectness, class) of the epoch so far.
    pub mean: [f64; 3],
    /// When to stop early.
    pub stop: EarlyStopping,
    /// The best fitness so far.
    pub best: f64,
    /// AP of each class in the last validation, for `image_weights`.
    pub maps: Vec<f64>,
    /// The loss's weights of the layers.
    pub balance: Vec<f64>,
    /// Steps of the optimiser, updates of the averages, batches seen.
    pub counts: [u64; 3],
    /// Seconds of training so far.
    pub seconds: f64,
    /// Images and objects of the training set, so that a change of it is noticed.
    pub data: [usize; 2],
    /// Patience came to its end.
    #[serde(default)]
    pub early: bool,
    /// Nothing is left to do, the report included.
    #[serde(default)]
    pub finished: bool,
    /// The folder that the dataset's path is relative to.
    #[serde(default)]
    pub started_in: Option<PathBuf>,
}

impl Progress {
    /// Whether a training of this model can stand here: anybody can write into the file.
    pub(super) fn check(&self, model: &Model) -> Result<(), String> {
        const MOST: u64 = 1 << 40;
        let counts =
            self.counts.iter().chain([&(self.epoch as u64), &(self.batch as u64)]).all(|n| *n < MOST);
        let fits = self.maps.len() == model.detect.nc && self.balance.len() == model.detect.strides.len();
        let passed = self.stop.best_epoch() <= self.epoch && (-1..MOST as i64).contains(&self.last_step);
        if counts && fits && passed { Ok(()) } else { Err("its progress is not that of its model".into()) }
    }
}

impl TrainingRun {
    /// The folder's file.
    pub fn weights_file(&self, name: &str) -> PathBuf {
        self.folder.join("weights").join(format!("{name}.safetensors"))
    }

    /// The averages, as `weights/NAME.safetensors`: half precision where all values fit.
    pub(super) fn save_weights(&self, name: &str) -> Result<(), Error> {
        let mut extra = BTreeMap::new();
        extra.insert(OPTIONS.into(), json(&self.options));
        extra.insert(HYPER.into(), json(&self.hyper));
        extra.insert("epoch".into(), self.progress.epoch.to_string());
        extra.insert("fitness".into(), self.fitness.to_string());
        let arrays = self.named(Set::Averages)?.into_iter().collect();
        let checkpoint = Checkpoint { arrays, meta: self.meta(extra), ..Checkpoint::default() };
        let path = self.weights_file(name);
        match weights::write(&path, &checkpoint, Dtype::F16) {
            Err(error) if matches!(error.kind, weights::ErrorKind::OutOfRange { .. }) => {
                weights::write(&path, &checkpoint, Dtype::F32)
            }
            written => written,
        }
        .map_err(Error::from)
    }

    /// Everything that a resume needs, as `weights/last.state.safetensors`.
    pub(super) fn save_state(&mut self) -> Result<(), Error> {
        self.progress.balance = self.loss.balance().to_vec();
        let mut extra = BTreeMap::new();
        extra.insert(PROGRESS.into(), json(&self.progress));
        extra.insert(OPTIONS.into(), json(&self.options));
        extra.insert(HYPER.into(), json(&self.hyper));
        let mut arrays = BTreeMap::new();
        for (name, set) in Set::ALL {
            arrays.extend(
                self.named(set)?.into_iter().map(|(param, array)| (format!("{name}/{param}"), array)),
            );
        }
        weights::write(
            &self.weights_file("last.state"),
            &Checkpoint { arrays, meta: self.meta(extra), ..Checkpoint::default() },
            Dtype::F32,
        )?;
        Ok(())
    }

    fn meta(&self, extra: BTreeMap<String, String>) -> Meta {
        Meta {
            model: Some(self.model.spec.text.clone()),
            names: Some(self.names.clone()),
            imgsz: Some(self.options.imgsz),
            // Whoever trains on data of their own decides.
            licence: None,
            plugins: self.model.plugins.clone(),
            extra,
        }
    }

    /// After the last epoch and its report: the state stays, so that more epochs can follow.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.progress.finished = true;
        self.save_state()
    }

    /// Puts the tensors of a state file in their places.
    pub(super) fn restore(&mut self, file: &Path, arrays: &BTreeMap<String, Array>) -> Result<(), Error> {
        let why = |why: String| Error::Resume { file: file.into(), why, remedy: None };
        let params = self.model.graph.params.iter().enumerate();
        for (i, param) in params.filter(|(_, param)| param.role != Role::Counter) {
            for (name, set) in Set::ALL {
                match arrays.get(&format!("{name}/{}", param.name)) {
                    Some(Array { shape, data: Data::F32(values) }) if *shape == param.shape => {
                        self.train_step.set(set, ParamId(i), values)?;
                    }
                    Some(_) => {
                        return Err(why(format!("{name}/{} has another shape than the model", param.name)));
                    }
                    None if matches!(set, Set::Weights | Set::Averages) => {
                        return Err(why(format!("has no {name}/{}", param.name)));
                    }
                    None => (),
                }
            }
        }
        Ok(())
    }

    /// A set's numbers by name, as far as there are any.
    fn named(&self, set: Set) -> Result<Vec<(String, Array)>, Error> {
        let batches = i64::try_from(self.progress.counts[2]).unwrap_or(i64::MAX);
        let mut named = vec![];
        for (i, param) in self.model.graph.params.iter().enumerate() {
            let data = match param.role {
                Role::Counter => Data::I64(vec![batches]),
                _ => Data::F32(self.train_step.get(set, ParamId(i))?),
            };
            if !data.is_empty() {
                named.push((param.name.clone(), Array { shape: param.shape.clone(), data }));
            }
        }
        Ok(named)
    }
}

/// Dtype of a run are finite, and its keys are text: this cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
