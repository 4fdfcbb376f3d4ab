//! What can go wrong with an export.

use crate::graph::{CustomLacks, NodeError};
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// A model that cannot be written for another runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operator set is not one of those that can be written.
    #[error("opset {opset} is not written; those from {} to {} are", known.start(), known.end())]
    Opset {
        /// What was asked for.
        opset: i64,
        /// What there is.
        known: RangeInclusive<i64>,
    },
    /// The operator set has nothing that computes an operation.
    #[error("layer {layer}: {op} needs opset {needed} or newer, not {opset}")]
    OldOpset {
        /// The YAML row.
        layer: usize,
        /// The operation.
        op: &'static str,
        /// What was asked for.
        opset: i64,
        /// The first that has it.
        needed: i64,
    },
    /// An operation for which the format has no rule with these sizes.
    #[error("layer {layer}: {op} cannot be written: {why}")]
    NoRule {
        /// The YAML row.
        layer: usize,
        /// The operation.
        op: &'static str,
        /// What is in the way.
        why: &'static str,
    },
    /// A plugin's operation without a name in the format.
    #[error(transparent)]
    Custom(#[from] CustomLacks),
    /// The size does not fit through the network.
    #[error("the input does not fit the network")]
    Shape(#[from] NodeError),
    /// Options that contradict each other.
    #[error("{0}")]
    Options(&'static str),
    /// What an operation reads is not there.
    #[error("layer {layer} ({op}): an input is missing")]
    Missing {
        /// The YAML row.
        layer: usize,
        /// The operation.
        op: &'static str,
    },
    /// The file cannot be written.
    #[error("cannot write '{}'", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// There is a file already, of another kind.
    #[error("'{}' is there and is no {format} file: it is not replaced", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        format: &'static str,
    },
}
