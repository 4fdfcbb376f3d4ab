//! Lists the files of `models/`, so that the program has each of them built in: a new one by being there.
//!
//! `cargo package` takes only this folder. There the models would lie in `yolo-host/models`, for example by a symbolic
//! link to `../models`, which it packs as the files themselves.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let inside = here.join("models");
    let folder = if inside.is_dir() { inside } else { here.join("../models") };
    println!("cargo::rerun-if-changed={}", folder.display());
    let listed = fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = listed.collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let entry = |file: &PathBuf| -> io::Result<String> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Ok(format!("    ({name:?}, include_str!({:?})),\n", fs::canonicalize(file)?.to_string_lossy()))
    };
    let entries: String = files.iter().map(entry).collect::<io::Result<_>>()?;
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("models.rs"), format!("&[\n{entries}]\n"))
}
