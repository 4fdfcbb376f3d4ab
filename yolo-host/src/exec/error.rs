//! What can go wrong while a network runs.

use super::precision::{Precision, names};
use crate::graph::{CustomError, CustomLacks, NodeError};

/// Why a library below fails, whatever library it is.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A network that cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input does not fit through the graph.
    #[error("the input does not fit the network")]
    Shape(#[from] NodeError),
    /// candle fails.
    #[error("candle, in layer {layer} ({op})")]
    Candle {
        /// The YAML row.
        layer: usize,
        /// The operation.
        op: &'static str,
        /// Why.
        source: Cause,
    },
    /// A plugin's own operation fails.
    #[error("layer {layer}")]
    Custom {
        /// The YAML row.
        layer: usize,
        /// Why.
        source: CustomError,
    },
    /// A custom operation has no gradient.
    #[error(transparent)]
    Untrainable(#[from] CustomLacks),
    /// A batch of one number has no variance.
    #[error(
        "layer {layer}: batch norm needs more than one value a channel to train; take more or larger images"
    )]
    OneValue {
        /// The YAML row.
        layer: usize,
    },
    /// A slice that does not have the elements of its shape.
    #[error("{what}: {given} numbers, where {needed} are needed")]
    Length {
        /// What it is.
        what: &'static str,
        /// How many there are.
        given: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A step reads what no step before it made.
    #[error("layer {layer} ({op}): an input is missing")]
    Missing {
        /// The YAML row.
        layer: usize,
        /// The operation.
        op: &'static str,
    },
    /// A name that means no device.
    #[error("device `{0}`: name cpu, or the number of one CUDA device, such as 0")]
    UnknownDevice(String),
    /// CUDA is asked for, and this program has none.
    #[error("this program was built without CUDA, the cargo feature cudnn")]
    WithoutCuda,
    /// A precision that an executor does not compute in.
    #[error("{precision} is not computed on {device}, only {}", names(takes))]
    Precision {
        /// What was asked for.
        precision: Precision,
        /// Where.
        device: String,
        /// What is computed there.
        takes: &'static [Precision],
    },
    /// A CUDA device that does not answer.
    #[error("no CUDA device {index} answers; see what nvidia-smi says")]
    NoGpu {
        /// Its number.
        index: usize,
        /// Why.
        source: Cause,
    },
    /// A step of the optimiser, or what belongs to it, fails on a device.
    #[error("{what}, on {device}")]
    Update {
        /// What is done.
        what: &'static str,
        /// The device.
        device: &'static str,
        /// Why.
        source: Cause,
    },
    /// A tensor cannot be brought to the device.
    #[error("cannot copy a tensor to or from {device}")]
    Transfer {
        /// The device.
        device: String,
        /// Why.
        source: Cause,
    },
}

/// Fails if a precision is none of those that are computed on a device.
pub(crate) fn check_precision(
    precision: Precision,
    takes: &'static [Precision],
    device: impl std::fmt::Display,
) -> Result<(), Error> {
    match takes.contains(&precision) {
        true => Ok(()),
        false => Err(Error::Precision { precision, device: device.to_string(), takes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_that_is_not_taken_is_named_with_those_that_are() {
        let takes = &[Precision::F32, Precision::Bf16, Precision::Int8];
        assert!(check_precision(Precision::Int8, takes, "the CPU").is_ok());
        let said = |takes, device| check_precision(Precision::Tf32, takes, device).unwrap_err().to_string();
        assert_eq!(said(takes, "the CPU"), "tf32 is not computed on the CPU, only f32, bf16 or int8");
        assert_eq!(said(&takes[..1], "CUDA device 1"), "tf32 is not computed on CUDA device 1, only f32");
    }
}
