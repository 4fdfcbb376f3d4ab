//! What a training leaves on the disk: self-describing weights for users, and the whole state for a resume. Each file
//! appears whole or not at all, and a resume reads one file only.

use super::{EarlyStopping, Error, Training};
use crate::autograd::cpu::Trainer;
use crate::graph::{ParamId, Role};
use crate::model::Model;
use crate::weights::{self, Array, Checkpoint, Data, Meta, Precision};
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
    /// Pictures and objects of the training set, so that a change of it is noticed.
    pub data: [usize; 2],
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

impl Training {
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
        let arrays = named(&self.trainer, &self.ema.values, self.progress.counts[2]);
        let checkpoint = Checkpoint { arrays, meta: self.meta(extra) };
        let path = self.weights_file(name);
        match weights::write(&path, &checkpoint, Precision::F16) {
            Err(error) if matches!(error.kind, weights::ErrorKind::OutOfRange { .. }) => {
                weights::write(&path, &checkpoint, Precision::F32)
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
        let [first, second] = &self.optimizer.moments;
        let mut arrays = BTreeMap::new();
        let sets = [
            ("weights", self.trainer.values()),
            ("ema", &self.ema.values),
            ("first", first),
            ("second", second),
            ("sum", &self.sums),
        ];
        for (set, values) in sets {
            let named = named(&self.trainer, values, self.progress.counts[2]);
            arrays.extend(named.into_iter().map(|(name, array)| (format!("{set}/{name}"), array)));
        }
        weights::write(
            &self.weights_file("last.state"),
            &Checkpoint { arrays, meta: self.meta(extra) },
            Precision::F32,
        )?;
        Ok(())
    }

    fn meta(&self, extra: BTreeMap<String, String>) -> Meta {
        Meta {
            model: Some(self.model.spec.text.clone()),
            names: Some(self.names.clone()),
            imgsz: Some(self.options.imgsz),
            licence: Some("GPL-3.0-or-later".into()),
            extra,
        }
    }

    /// Puts the tensors of a state file in their places.
    pub(super) fn restore(&mut self, file: &Path, arrays: &BTreeMap<String, Array>) -> Result<(), Error> {
        let why = |why: String| Error::Resume { file: file.into(), why };
        let params = self.model.graph.params.clone();
        for (i, param) in params.iter().enumerate().filter(|(_, param)| param.role != Role::Counter) {
            let find = |set: &str| {
                let Some(array) = arrays.get(&format!("{set}/{}", param.name)) else { return Ok(None) };
                match &array.data {
                    Data::F32(values) if array.shape == param.shape => Ok(Some(values)),
                    _ => Err(why(format!("{set}/{} has another shape than the model", param.name))),
                }
            };
            let placed = |values: &Vec<f32>| self.trainer.in_kernel_order(ParamId(i), values);
            let need =
                |set: &str| find(set)?.map(placed).ok_or_else(|| why(format!("has no {set}/{}", param.name)));
            let (weights, ema) = (need("weights")?, need("ema")?);
            let rest = ["first", "second", "sum"].map(|set| find(set).map(|found| found.map(placed)));
            let [first, second, sum] = rest;
            self.optimizer.moments[0][i] = first?.unwrap_or_default();
            self.optimizer.moments[1][i] = second?.unwrap_or_default();
            self.sums[i] = sum?.unwrap_or_default();
            if let Some(values) = self.trainer.values_mut().nth(i) {
                values.copy_from_slice(&weights);
            }
            self.ema.values[i] = ema;
        }
        Ok(())
    }
}

/// Tensors in the kernels' order by name, row-major; empty ones are left out.
fn named(trainer: &Trainer<f32>, values: &[Vec<f32>], batches: u64) -> BTreeMap<String, Array> {
    let array = |(i, values): (usize, &Vec<f32>)| {
        let param = &trainer.graph().params[i];
        let data = match param.role {
            Role::Counter => Data::I64(vec![i64::try_from(batches).unwrap_or(i64::MAX)]),
            _ if values.is_empty() => return None,
            _ => Data::F32(trainer.row_major(ParamId(i), values)),
        };
        Some((param.name.clone(), Array { shape: param.shape.clone(), data }))
    };
    values.iter().enumerate().filter_map(array).collect()
}

/// Numbers of a run are finite, and its keys are text: this cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
