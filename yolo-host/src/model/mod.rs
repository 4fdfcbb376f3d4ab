//! From YAML to a graph: YOLOv5's `parse_model`, the Detect layer, and the values of a new or loaded model.

mod adopt;
mod cause;
mod detect;
mod edit;
mod error;
mod exported;
mod find;
mod fixed;
mod fused;
mod init;
mod keys;
mod load;
mod missing;
mod modules;
mod parse;
mod python;
mod relatives;
mod spec;
mod state;
mod statistics;
mod values;

pub use adopt::Misfit;
pub use detect::Detect;
pub use error::{Error, LayerError};
pub use exported::Unlike;
pub use load::{LoadError, Loaded, ModelFiles, Opened, load, load_bytes, open};
pub use parse::{Layer, Model};
pub use spec::{Anchors, Row, Spec};
pub use state::{Mismatch, State};
pub use statistics::{LayerRow, Statistics};
