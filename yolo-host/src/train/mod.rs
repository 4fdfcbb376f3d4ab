//! Training: the loss with its gradient, optimisers and schedule, checkpoints, and the loop (v6.1 `train.py`).
//!
//! ```text
//! Options ─ setup ─▶ Training ──▶ run: for each epoch   batches ─ forward ─ loss ─ backward ─ optimizer ─ ema
//!   data, model,        ▲                               validate the averages, results.csv
//!   weights, anchors    └────────── checkpoint ◀─────── best, last, and the state that a resume needs
//! ```
//!
//! Everything random is a function of the seed and of where the run stands, so that the state is numbers alone.

mod anchors;
mod autoanchor;
mod check;
mod checkpoint;
mod early_stop;
mod ema;
mod error;
mod evolve;
mod facts;
mod head;
mod hyper;
mod multi_scale;
mod optimizer;
mod options;
mod resume;
mod run;
mod schedule;
mod setup;
mod train_step;

pub use crate::exec::Device;
pub use anchors::{Fit, fit, kmean_anchors};
pub use checkpoint::Progress;
pub use early_stop::EarlyStopping;
pub use ema::Ema;
pub use error::{Error, Remedy};
pub use evolve::Evolution;
pub use hyper::{Gene, Hyper};
pub use optimizer::{Group, Optimizer, Rates, Rule, groups};
pub use options::Options;
#[cfg(feature = "cli")]
pub(crate) use resume::folder_of;
pub use resume::{Changes, Saved};
pub use run::{BatchReport, EpochReport, Finish, Observer};
pub use schedule::{Iteration, Schedule};
pub use setup::TrainingRun;
