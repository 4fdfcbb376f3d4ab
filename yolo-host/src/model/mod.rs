//! From YAML to a graph: YOLOv5's `parse_model`, the Detect layer, and the values of a new or loaded model.

mod detect;
mod error;
mod find;
mod init;
mod missing;
mod parse;
mod spec;
mod state;
mod statistics;

pub use detect::Detect;
pub use error::{Error, LayerError};
pub use parse::{Layer, Model};
pub use spec::{Anchors, Row, Spec};
pub use state::{Mismatch, State};
pub use statistics::{LayerRow, Statistics};
