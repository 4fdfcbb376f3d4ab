//! From a block's name in YAML to the block, wherever it comes from.

use super::{Entry, Origin, RegistryError, descriptors};
use crate::near::near;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Every block that YAML can name, by name.
#[derive(Debug, Default)]
pub struct Registry {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) libraries: BTreeSet<PathBuf>,
    pub(super) notes: Vec<String>,
    pub(super) trusts_models: bool,
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
            registry.add(descriptors::read(registered.block.descriptor(), origin)?)?;
        }
        Ok(registry)
    }

    /// Adds a block; a second one of the same name is an error.
    pub fn add(&mut self, entry: Entry) -> Result<(), RegistryError> {
        if let Some(first) = self.entries.get(&entry.name) {
            return Err(duplicate(first, &entry));
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

/// The error of two blocks of one name.
pub fn duplicate(first: &Entry, second: &Entry) -> RegistryError {
    RegistryError::Duplicate {
        name: first.name.clone(),
        first: first.origin.clone().into(),
        second: second.origin.clone().into(),
    }
}
