//! What a run leaves behind: `results.csv`, TensorBoard's event files, COCO's results, and a report in HTML.

pub mod coco;
pub mod csv;
mod error;
mod escape;
pub mod evolve;
pub mod html;
mod number;
mod record;
mod svg;
pub mod tensorboard;
mod unused;

pub use error::Error;
#[cfg(feature = "plots")]
pub(crate) use number::general;
pub use unused::UnusedNames;

/// The columns of `results.csv` after the epoch, and TensorBoard's tags, as upstream's `Loggers` calls them.
pub const COLUMNS: [&str; 13] = [
    "train/box_loss",
    "train/obj_loss",
    "train/cls_loss",
    "metrics/precision",
    "metrics/recall",
    "metrics/mAP_0.5",
    "metrics/mAP_0.5:0.95",
    "val/box_loss",
    "val/obj_loss",
    "val/cls_loss",
    "x/lr0",
    "x/lr1",
    "x/lr2",
];

/// What one epoch of training came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EpochRow {
    /// Counted from 0.
    pub epoch: usize,
    /// Loss in training: box, objectness, class.
    pub train: [f64; 3],
    /// Precision, recall, mAP50, mAP50-95.
    pub metrics: [f64; 4],
    /// Loss in validation: box, objectness, class.
    pub val: [f64; 3],
    /// Learning rates of the three groups of parameters.
    pub rates: [f64; 3],
}

impl EpochRow {
    /// The values in the order of [`COLUMNS`].
    pub fn values(&self) -> [f64; COLUMNS.len()] {
        let mut values = [0.0; COLUMNS.len()];
        let parts: [&[f64]; 4] = [&self.train, &self.metrics, &self.val, &self.rates];
        for (to, from) in values.iter_mut().zip(parts.concat()) {
            *to = from;
        }
        values
    }

    /// From values in the order of [`COLUMNS`].
    pub fn from_values(epoch: usize, values: [f64; COLUMNS.len()]) -> Self {
        let [t0, t1, t2, p, r, map50, map, v0, v1, v2, x0, x1, x2] = values;
        EpochRow {
            epoch,
            train: [t0, t1, t2],
            metrics: [p, r, map50, map],
            val: [v0, v1, v2],
            rates: [x0, x1, x2],
        }
    }

    /// What the epoch is measured by: 0.1 mAP50 + 0.9 mAP50-95 (v6.1 `fitness`).
    pub fn fitness(&self) -> f64 {
        0.1 * self.metrics[2] + 0.9 * self.metrics[3]
    }
}
