//! Lists the files of `models/`, so that the program has each of them built in, and the block families of `plugins/`, so that it
//! knows where a block comes from that is not linked in: a new one by being there.
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
    fs::write(Path::new(&out).join("models.rs"), format!("&[\n{entries}]\n"))?;
    fs::write(Path::new(&out).join("families.rs"), format!("&[\n{}]\n", families(&here.join("../plugins"))?))
}

/// Rows `(feature, blocks)`, one for each folder whose crate registers blocks.
fn families(plugins: &Path) -> io::Result<String> {
    let mut rows = String::new();
    if !plugins.is_dir() {
        return Ok(rows);
    }
    println!("cargo::rerun-if-changed={}", plugins.display());
    for family in sorted(plugins)? {
        let sources = family.join("src");
        if !sources.is_dir()
            || !fs::read_to_string(sources.join("lib.rs"))?.contains("\nyolo_plugin::register!")
        {
            continue;
        }
        let mut blocks = vec![];
        for file in sorted(&sources)? {
            let text = fs::read_to_string(file)?;
            let names =
                text.split("Block::new(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
            blocks.extend(names.filter_map(|rest| Some(rest.split_once('"')?.0.to_string())));
        }
        rows +=
            &format!("    ({:?}, &{blocks:?}),\n", family.file_name().unwrap_or_default().to_string_lossy());
    }
    Ok(rows)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries: io::Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut entries = entries?;
    entries.sort();
    Ok(entries)
}
