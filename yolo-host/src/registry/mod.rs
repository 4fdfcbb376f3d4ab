//! From a block's name in YAML to the block, wherever it comes from.

pub mod activation;
mod arg;
mod border;
mod entry;
mod families;
mod inspect;
mod library;
mod search;

pub use arg::{Arg, ArgError};
pub use entry::{Entry, Kind, ParamInfo};
pub use families::{families, family_of};
pub use inspect::check as check_library;
pub use library::LibraryError;
pub use search::PLUGIN_PATH;

use crate::near::near;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// The block that every model ends with is the program's own, and no registry's: its outputs are several.
pub const DETECT: &str = "Detect";

/// Where a block comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// YOLOv5's own blocks.
    Host,
    /// A crate linked into this program.
    Crate {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
    },
    /// A dynamic library.
    Library {
        /// The file.
        path: PathBuf,
        /// Name of the plugin.
        name: String,
        /// Its version.
        version: String,
    },
}

impl Origin {
    /// Name and version of the plugin, wherever it is.
    pub fn plugin(&self) -> (&str, &str) {
        match self {
            Origin::Host => ("yolo-host", env!("CARGO_PKG_VERSION")),
            Origin::Crate { name, version } | Origin::Library { name, version, .. } => (name, version),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, version) = self.plugin();
        match self {
            Origin::Host => f.write_str(name),
            Origin::Crate { .. } => write!(f, "{name} {version} (linked in)"),
            Origin::Library { path, .. } => write!(f, "{name} {version} ({})", path.display()),
        }
    }
}

/// A registry that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Two blocks of one name.
    #[error("block `{name}` is there twice and not the same: from {first}, and from {second}; leave one out")]
    Duplicate {
        /// The name.
        name: String,
        /// One origin.
        first: Box<Origin>,
        /// The other.
        second: Box<Origin>,
    },
    /// A descriptor that breaks the contract.
    #[error("a block from {origin} breaks the block contract: {why}")]
    Invalid {
        /// Where it comes from.
        origin: Origin,
        /// What is wrong.
        why: String,
    },
    /// The environment names a library that cannot be used.
    #[error("{PLUGIN_PATH} names what cannot be used")]
    Environment {
        /// Why.
        source: Box<RegistryError>,
    },
    /// A dynamic library that cannot be used.
    #[error("plugin {}", path.display())]
    Library {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: LibraryError,
    },
}

/// Every block that YAML can name, by name.
#[derive(Debug, Default)]
pub struct Registry {
    entries: BTreeMap<String, Entry>,
    libraries: BTreeSet<PathBuf>,
    notes: Vec<String>,
    trusts_models: bool,
}

impl Registry {
    /// All blocks linked into this program.
    pub fn linked() -> Result<Self, RegistryError> {
        let mut registry = Registry::default();
        for registered in yolo_plugin::registered() {
            let origin = match registered.plugin {
                env!("CARGO_PKG_NAME") => Origin::Host,
                name => Origin::Crate { name: name.into(), version: registered.version.into() },
            };
            registry.add(border::read(registered.block.descriptor(), origin)?)?;
        }
        Ok(registry)
    }

    /// Adds a block; a second one of the same name is an error.
    pub fn add(&mut self, entry: Entry) -> Result<(), RegistryError> {
        if let Some(first) = self.entries.get(&entry.name) {
            return Err(library::duplicate(first, &entry));
        }
        self.entries.insert(entry.name.clone(), entry);
        Ok(())
    }

    /// Adds what a user should know of a model that was read.
    pub fn add_notes(&mut self, notes: impl IntoIterator<Item = String>) {
        self.notes.extend(notes);
    }

    /// What a user should know of the libraries that were loaded and the models that were read, since the last call.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The block of that name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// All blocks, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The known name most like `name`, if one is like it at all.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        near(name, self.entries.keys().map(String::as_str)).first().copied()
    }
}
