//! Blocks from dynamic libraries: opened, asked for their description, and never unloaded.
#![allow(unsafe_code)] // opening a library runs its code, and its entry function is called

use super::registry::duplicate;
use super::{LibraryError, Origin, Registry, RegistryError, descriptors, inspect, search};
#[cfg(any(unix, windows))]
use libloading::Library;
#[cfg(any(unix, windows))]
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
#[cfg(any(unix, windows))]
use yolo_plugin::abi;

impl Registry {
    /// Adds the blocks of a library, or of every library in a folder. Nothing of a library is added if anything in it is
    /// wrong. A library that is there already is skipped.
    ///
    /// This runs the library's code, which can do whatever this process can.
    pub fn load(&mut self, path: &Path) -> Result<(), RegistryError> {
        let failed = |path: &Path, source| RegistryError::Library { path: path.into(), source };
        for file in search::libraries(path).map_err(|source| failed(path, source))? {
            if !self.libraries.contains(&file) {
                let described = describe(&file).map_err(|source| failed(&file, source))?;
                self.add_library(&file, described)?;
                self.libraries.insert(file);
            }
        }
        Ok(())
    }

    /// Adds the blocks of the libraries that the environment variable `YOLO_PLUGIN_PATH` names.
    pub fn load_environment(&mut self) -> Result<(), RegistryError> {
        let failed = |source: RegistryError| RegistryError::Environment { source: source.into() };
        search::environment().iter().try_for_each(|path| self.load(path)).map_err(failed)
    }

    /// Whether the library at this path is there already.
    pub fn has_loaded(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| self.libraries.contains(&path))
    }

    /// Whether [`load_trusted`](Self::load_trusted) may load what model files ask for; at first it may not.
    pub fn trust_models(&mut self, trust: bool) {
        self.trusts_models = trust;
    }

    /// Whether it may.
    pub fn trusts_models(&self) -> bool {
        self.trusts_models
    }

    /// Adds the libraries that a model file asks for, if models are trusted.
    pub fn load_trusted(&mut self, plugins: &[PathBuf]) -> Result<(), RegistryError> {
        match self.trusts_models {
            true => plugins.iter().try_for_each(|path| self.load(path)),
            false => Ok(()),
        }
    }

    fn add_library(&mut self, file: &Path, described: descriptors::Library) -> Result<(), RegistryError> {
        let descriptors::Library { name, version, blocks } = described;
        let origin = Origin::Library { path: file.into(), name, version };
        let entries = blocks.into_iter().map(|block| descriptors::read(block, origin.clone()));
        let (mut fresh, mut known) = (Registry::default(), Vec::new());
        for entry in entries.collect::<Result<Vec<_>, _>>()? {
            match self.get(&entry.name) {
                Some(first) if first.is_same_as(&entry) => known.push((entry.name, first.origin.clone())),
                Some(first) => return Err(duplicate(first, &entry)),
                None => fresh.add(entry)?,
            }
        }
        if let [(_, origin), ..] = known.as_slice() {
            let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            let names = names.join(", ");
            let file = file.display();
            self.notes
                .push(format!("{file} is not used for {names}, which {origin} describes in the same way"));
        }
        self.entries.append(&mut fresh.entries);
        Ok(())
    }
}

/// Opens a library and reads what it says of itself.
#[cfg(any(unix, windows))]
fn describe(file: &Path) -> Result<descriptors::Library, LibraryError> {
    inspect::inspect(file)?;
    // SAFETY: this runs the library's initialisers, which is what its user asked for; it is a plugin by its symbols. It
    // stays loaded for good, so that its functions and descriptors do too.
    let library = unsafe { open(file) }.map_err(|source| LibraryError::Load { source })?;
    let library = ManuallyDrop::new(library);
    // SAFETY: the symbol's name belongs to the contract, which gives it this type; what it returns is static.
    unsafe {
        let entry = library
            .get::<abi::Entry>(abi::ENTRY.as_bytes())
            .map_err(|source| LibraryError::Load { source })?;
        descriptors::library(entry()).map_err(|why| LibraryError::Unsound { why })
    }
}

/// A browser loads none.
#[cfg(not(any(unix, windows)))]
fn describe(file: &Path) -> Result<descriptors::Library, LibraryError> {
    inspect::inspect(file)?;
    Err(LibraryError::Unsupported)
}

/// With everything that the library needs looked up now, and its symbols to itself.
///
/// # Safety
/// Runs the library's initialisers.
#[cfg(unix)]
unsafe fn open(file: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix;
    // SAFETY: passed on to the caller.
    unsafe { unix::Library::open(Some(file), unix::RTLD_NOW | unix::RTLD_LOCAL) }.map(Library::from)
}

/// # Safety
/// Runs the library's initialisers.
#[cfg(windows)]
unsafe fn open(file: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: passed on to the caller.
    unsafe { Library::new(file) }
}
