//! What can be wrong with a model file, always with the file and, where there is one, the layer and block.

use crate::graph::{BuildError, NodeError};
use crate::plugin::{ArgError, RegistryError};
use crate::weights::FileRole;
use std::path::PathBuf;

/// A model that cannot be read or built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read, or is no text.
    #[error(transparent)]
    Text(#[from] crate::text::Error),
    /// There is no such file, and none of its name is built in.
    #[error("{}: no such model file, here or in models/, and not built in; built in are: {built_in}", file.display())]
    NoSuchModel {
        /// As named.
        file: PathBuf,
        /// Models like it, else all of them.
        built_in: String,
    },
    /// The text is not YAML.
    #[error("{file}: not valid YAML")]
    Yaml {
        /// The file, or what stands for it.
        file: String,
        /// Where and why.
        #[source]
        source: serde_yaml::Error,
    },
    /// The YAML is not a model.
    #[error("{file}: {why}")]
    Spec {
        /// The file, or what stands for it.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// The YAML is a file of another job.
    #[error("{file}: {}, not a model", match role {
        FileRole::Hyper => "holds hyperparameters",
        _ => "describes data",
    })]
    Misplaced {
        /// The file, or what stands for it.
        file: String,
        /// What it is for.
        role: FileRole,
    },
    /// A plugin that the model asks for cannot be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// One row cannot be built.
    #[error("{file}, {place}, layer {layer} ({block})")]
    Layer {
        /// The file, or what stands for it.
        file: String,
        /// Part and row in it.
        place: String,
        /// Index of the row in backbone and head together.
        layer: usize,
        /// Its block, and the library that it comes from if it does.
        block: String,
        /// What is wrong.
        source: Box<LayerError>,
    },
    /// A checkpoint's modules are others than the model's.
    #[error("{file}")]
    Modules {
        /// The file, or what stands for it.
        file: String,
        /// What is wrong.
        source: super::Misfit,
    },
    /// The model does not work at some input size.
    #[error("{file}: the model does not take images of {height}×{width}")]
    Size {
        /// The file, or what stands for it.
        file: String,
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
        /// Where it fails.
        source: NodeError,
    },
}

/// What is wrong with one row.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// `from` names a layer that is not there yet.
    #[error("`from` names layer {from}, but only what stands before can be read: {}", before(*layer))]
    From {
        /// As written.
        from: i64,
        /// The row itself.
        layer: usize,
    },
    /// The wrong number of layers in `from`.
    #[error("takes {expected} layers in `from`, not {given}")]
    Inputs {
        /// How many it takes.
        expected: String,
        /// How many are named.
        given: usize,
    },
    /// No block of that name.
    #[error(
        "there is no block `{name}`{}. Known blocks: {known}. {advice}",
        match (foreign, nearest) {
            (Some(foreign), _) => format!("; it is {foreign}"),
            (None, Some(nearest)) => format!("; the nearest is `{nearest}`"),
            (None, None) => String::new(),
        }
    )]
    UnknownBlock {
        /// As written.
        name: String,
        /// What it is elsewhere.
        foreign: Option<&'static str>,
        /// The known name most like it.
        nearest: Option<String>,
        /// All of them.
        known: Box<str>,
        /// Where it might come from.
        advice: String,
        /// Libraries that the model asks for and that were not loaded, since the registry does not trust models.
        asked: Box<[PathBuf]>,
    },
    /// A block of a plugin that is known and not there.
    #[error("there is no block `{name}` here: it is one of {plugin}. {advice}")]
    MissingPlugin {
        /// The block.
        name: String,
        /// Its plugin.
        plugin: String,
        /// How to get it.
        advice: String,
        /// As in [`LayerError::UnknownBlock`].
        asked: Box<[PathBuf]>,
    },
    /// Arguments that the block does not take.
    #[error(transparent)]
    Args(#[from] ArgError),
    /// The block cannot be built on these inputs.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// What the layers give that the row reads does not go together.
    #[error("{fault}: {read} (channels, height and width, for images of {nominal}×{nominal})")]
    Unfit {
        /// What does not fit.
        fault: BuildError,
        /// What each of them gives.
        read: String,
        /// Height and width.
        nominal: usize,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What `from` may name in this row.
fn before(layer: usize) -> String {
    match layer {
        0 => "in the first row -1, the image".to_string(),
        _ => format!("here -1 to -{layer}, or 0 to {}", layer - 1),
    }
}
