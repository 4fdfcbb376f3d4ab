//! Which library files a path or the environment names.

use super::LibraryError;
use std::env::consts::DLL_EXTENSION;
use std::path::{Path, PathBuf};

/// The environment variable that names libraries and folders of them, separated as in PATH.
pub const PLUGIN_PATH: &str = "YOLO_PLUGIN_PATH";

/// What the environment names.
pub fn environment() -> Vec<PathBuf> {
    let paths = std::env::var_os(PLUGIN_PATH).unwrap_or_default();
    std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// The libraries at a path: the file itself, or those of a folder in the order of their names.
pub fn libraries(path: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let read = |source| LibraryError::Read { source };
    // Also finds a file without a slash where it is, and not where the system looks for libraries.
    let path = path.canonicalize().map_err(read)?;
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(read)? {
        let file = entry.map_err(read)?.path();
        if file.extension().is_some_and(|extension| extension == DLL_EXTENSION) && !is_cargo_copy(&file) {
            // A link to nothing is told by its own name when it is read.
            files.push(file.canonicalize().unwrap_or(file));
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(LibraryError::EmptyFolder { extension: DLL_EXTENSION }),
        false => Ok(files),
    }
}

/// cargo keeps `libghost-0123456789abcdef.so` beside `libghost.so`, the same or an older one.
fn is_cargo_copy(file: &Path) -> bool {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let Some((name, hash)) = stem.rsplit_once('-') else {
        return false;
    };
    let hexadecimal = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal && file.with_file_name(format!("{name}.{DLL_EXTENSION}")).exists()
}
