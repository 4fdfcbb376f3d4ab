//! What can stop a training.

use crate::loss::LossError;
use crate::plugin::RegistryError;
use crate::{data, exec, model, report, text, validation, weights};
use std::path::PathBuf;

/// A training that cannot be started or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Hyperparameters that cannot be used.
    #[error("{}: {why}", file.display())]
    Hyper {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A file that is to hold them is no text.
    #[error(transparent)]
    Text(#[from] text::Error),
    /// Options that do not go together; names of [`super::Options`] stand in backticks.
    #[error("{0}")]
    Options(String),
    /// A file of the run cannot be read or written.
    #[error("{}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The files of the model do not become one.
    #[error(transparent)]
    Load(Box<model::LoadError>),
    /// The model cannot be built.
    #[error(transparent)]
    Model(Box<model::Error>),
    /// A plugin that the model asks for cannot be used.
    #[error(transparent)]
    Registry(Box<RegistryError>),
    /// A checkpoint cannot be read or written.
    #[error(transparent)]
    Weights(#[from] weights::Error),
    /// The network cannot be trained.
    #[error(transparent)]
    Network(Box<exec::Error>),
    /// The loss cannot be computed.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// Validation fails.
    #[error(transparent)]
    Validation(Box<validation::Error>),
    /// Results cannot be written.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// The model's anchors are to be found, but there are too few objects.
    #[error(
        "{file}: {wanted} anchors are to be found, but of {objects} objects at least {wanted} of two pixels or more are \
         needed; write their sizes into the model file, for each output one list of widths and heights in pixels, as in \
         `anchors: [[10,13, 16,30, 33,23], [30,61, 62,45, 59,119], [116,90, 156,198, 373,326]]`"
    )]
    Anchors {
        /// The model.
        file: String,
        /// How many are to be found.
        wanted: usize,
        /// How many objects there are.
        objects: usize,
    },
    /// The numbers are no longer finite.
    #[error(
        "epoch {epoch}, batch {batch}: {why}; the last good checkpoint is {}; lower lr0 or raise warmup_epochs, and \
         look for broken labels", checkpoint.display()
    )]
    Diverged {
        /// The epoch, from 0.
        epoch: usize,
        /// The batch, from 0.
        batch: usize,
        /// What is not finite.
        why: String,
        /// The checkpoint.
        checkpoint: PathBuf,
    },
    /// There is nothing to resume.
    #[error("{}: {why}", file.display())]
    Resume {
        /// The file or folder.
        file: PathBuf,
        /// Why not.
        why: String,
        /// What helps.
        remedy: Option<Remedy>,
    },
}

/// What helps where a training cannot be gone on with as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A larger patience, such as this one.
    Patience(usize),
    /// More epochs, such as so many.
    Epochs(usize),
    /// The dataset at the place where it is now.
    Data,
    /// The dataset as it was, or a new training from the weights.
    SameData,
    /// A new training from the weights.
    Weights,
}

/// Large ones are boxed, so that a result stays small where all goes well.
macro_rules! boxed {
    ($($variant:ident $error:ty),*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Error::$variant(Box::new(error))
            }
        })*
    };
}
boxed!(Registry RegistryError, Network exec::Error, Validation validation::Error, Model model::Error,
    Load model::LoadError);
