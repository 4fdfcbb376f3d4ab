//! What can go wrong with a report, each message naming the file.

use std::io;
use std::path::{Path, PathBuf};

/// A report that could not be read or written. The cause is part of the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read '{}': {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// The file cannot be written.
    #[error("cannot write '{}': {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// A line of a table is not what it should be.
    #[error("'{}', line {line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

impl Error {
    pub(super) fn write(path: &Path) -> impl Fn(io::Error) -> Error {
        |cause| Error::Write { path: path.to_path_buf(), cause }
    }
}
