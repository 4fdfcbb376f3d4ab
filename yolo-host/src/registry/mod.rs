//! From a block's name in YAML to the block, wherever it comes from.

mod arg;
mod border;
mod entry;

pub use arg::{Arg, ArgError};
pub use entry::{Entry, Kind, ParamInfo};

use std::collections::BTreeMap;
use std::fmt;

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
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Host => f.write_str("yolo-host"),
            Origin::Crate { name, version } => write!(f, "{name} {version}"),
        }
    }
}

/// A registry that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two blocks of one name.
    #[error("block `{name}` is registered twice: by {first} and by {second}; remove one of them")]
    Duplicate {
        /// The name.
        name: String,
        /// One origin.
        first: Origin,
        /// The other.
        second: Origin,
    },
    /// A descriptor that breaks the contract.
    #[error("a block from {origin} breaks the block contract: {why}")]
    Invalid {
        /// Where it comes from.
        origin: Origin,
        /// What is wrong.
        why: String,
    },
}

/// Every block that YAML can name, by name.
#[derive(Debug, Default)]
pub struct Registry {
    entries: BTreeMap<String, Entry>,
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
            return Err(RegistryError::Duplicate {
                name: entry.name,
                first: first.origin.clone(),
                second: entry.origin,
            });
        }
        self.entries.insert(entry.name.clone(), entry);
        Ok(())
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
        let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
        let best = self.entries.keys().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(best) > 0.7).then_some(best)
    }
}
