//! Where a block comes from.

use std::fmt;
use std::path::PathBuf;

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
