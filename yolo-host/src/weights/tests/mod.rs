//! Whole files: every format read and written, and hostile bytes of all of them.

mod hostile;
pub mod pickler;
mod whole_files;
