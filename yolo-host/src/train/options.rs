//! What a training is asked to do: upstream's options, as far as they make sense on one machine.

use super::{Device, Rule};
use crate::data::{Cache, SplitOptions};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Options of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Weights to start from.
    pub weights: Option<PathBuf>,
    /// Model YAML; none for the one that the weights carry.
    pub cfg: Option<PathBuf>,
    /// Dataset YAML or folder.
    pub data: PathBuf,
    /// Hyperparameters; none for scratch-low.
    pub hyp: Option<PathBuf>,
    /// Epochs.
    pub epochs: usize,
    /// Images a batch; 0 for as many as a GPU can take, and on the CPU 16.
    pub batch: usize,
    /// Side of the images, in pixels.
    pub imgsz: usize,
    /// Batches of images of like shape, without mosaics.
    pub rect: bool,
    /// Write checkpoints only at the end.
    pub nosave: bool,
    /// Validate only at the end.
    pub noval: bool,
    /// Leave the anchors as they are.
    pub noautoanchor: bool,
    /// Where images are kept.
    pub cache: Cache,
    /// Draw images more often whose classes are found worse.
    pub image_weights: bool,
    /// Vary the size by ±50 %.
    pub multi_scale: bool,
    /// All objects are of one class.
    pub single_cls: bool,
    /// The share of images for training where no list says which are.
    #[serde(default = "default_split")]
    pub split: f64,
    /// The optimiser.
    pub optimizer: Rule,
    /// Threads that prepare images.
    pub workers: usize,
    /// Four images in one of twice the side, half of the time.
    pub quad: bool,
    /// Cosine instead of linear fall of the rate.
    pub cos_lr: bool,
    /// ε of label smoothing.
    pub label_smoothing: f64,
    /// Epochs without a better one after which to stop; 0 for never.
    pub patience: usize,
    /// Layers that stay as they are: one number for so many first ones, several for these.
    pub freeze: Vec<usize>,
    /// Keep a checkpoint every so many epochs; 0 for never.
    pub save_period: usize,
    /// Of everything random.
    pub seed: u64,
    /// What computes.
    #[serde(default)]
    #[serde(rename = "machine")] // as state files have it since 0.1
    pub device: Device,
    /// Maps and their gradients in bf16, where the device is not the CPU.
    #[serde(default)]
    pub amp: bool,
}

fn default_split() -> f64 {
    SplitOptions::default().share
}

impl Default for Options {
    /// Upstream's, with neither data nor a model.
    fn default() -> Self {
        Options {
            weights: None,
            cfg: None,
            data: PathBuf::new(),
            hyp: None,
            epochs: 300,
            batch: 16,
            imgsz: 640,
            rect: false,
            nosave: false,
            noval: false,
            noautoanchor: false,
            cache: Cache::None,
            image_weights: false,
            multi_scale: false,
            single_cls: false,
            split: default_split(),
            optimizer: Rule::Sgd,
            workers: 2,
            quad: false,
            cos_lr: false,
            label_smoothing: 0.0,
            patience: 100,
            freeze: vec![0],
            save_period: 0,
            seed: 0,
            device: Device::Cpu,
            amp: false,
        }
    }
}

impl Options {
    /// The rows of the model that do not move.
    pub fn frozen(&self) -> Vec<usize> {
        match self.freeze.as_slice() {
            // No model has more rows.
            [count] => (0..(*count).min(1_000)).collect(),
            rows => rows.to_vec(),
        }
    }
}
