//! What can go wrong between a block's name and the block.

use super::Origin;
use super::search::PLUGIN_PATH;
use std::path::PathBuf;
use yolo_plugin::abi;

/// A registry that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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

/// Why a library cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The file cannot be read.
    #[error("cannot be read")]
    Read {
        /// Why.
        source: std::io::Error,
    },
    /// A folder without libraries.
    #[error("is a folder without files that end in .{extension}")]
    EmptyFolder {
        /// How libraries end here.
        extension: &'static str,
    },
    /// Not a dynamic library.
    #[error("is not a dynamic library: {why}")]
    Format {
        /// Why.
        why: String,
    },
    /// One for another machine.
    #[error("is made for another machine: {found}, where {needed} is needed")]
    Machine {
        /// What the file is.
        found: String,
        /// What it would have to be.
        needed: String,
    },
    /// One that is no plugin.
    #[error("is a dynamic library, but not a plugin: it does not export {}", abi::ENTRY)]
    NoEntry,
    /// The system cannot load it.
    #[error("cannot be loaded")]
    Load {
        /// Why.
        source: libloading::Error,
    },
    /// Programs for this system load no libraries, as in a browser.
    #[cfg(not(any(unix, windows)))]
    #[error("cannot be loaded: there are no dynamic libraries here, as in a browser")]
    Unsupported,
    /// It breaks the block contract.
    #[error("is not a sound plugin: {why}")]
    Unsound {
        /// How.
        why: String,
    },
}
