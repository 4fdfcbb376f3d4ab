//! `yolo blocks new`: a folder with a plugin that builds, a model that uses it, and a test.

use super::Outcome;
use super::output::line;
use crate::plugin::{DETECT, Registry};
use anyhow::{Context, ensure};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use yolo_plugin::carried;

/// Write a folder with a plugin of one block: source, model YAML, test, and what it needs to build
#[derive(clap::Args)]
pub struct NewArgs {
    /// Name of the block, as in YAML
    name: String,
    /// Its language
    #[arg(long, value_enum)]
    lang: Language,
    /// Folder to write (default: the name in small letters)
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    Rust,
    C,
}

const RUST: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("../../templates/rust/Cargo.toml")),
    ("README.md", include_str!("../../templates/rust/README.md")),
    ("model.yaml", include_str!("../../templates/model.yaml")),
    ("src/lib.rs", include_str!("../../templates/rust/src/lib.rs")),
    ("tests/plugin.rs", include_str!("../../templates/rust/tests/plugin.rs")),
];

const C: [(&str, &str); 4] = [
    ("README.md", include_str!("../../templates/c/README.md")),
    ("model.yaml", include_str!("../../templates/model.yaml")),
    ("test.sh", include_str!("../../templates/c/test.sh")),
    ("{{name}}.c", include_str!("../../templates/c/block.c")),
];

pub fn run(args: NewArgs, registry: &Registry) -> anyhow::Result<Outcome> {
    let name = &args.name;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    ensure!(
        name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_word),
        "a block's name is made of letters, digits and _, begins with a letter, and has at most 64: not `{name}`"
    );
    // YAML reads these as no text, and yolo-plugin is the crate that the plugin needs.
    let other = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "plugin"];
    ensure!(
        name != DETECT && !other.contains(&name.to_lowercase().as_str()),
        "`{name}` means something else already; choose another name"
    );
    if let Some(entry) = registry.get(name) {
        anyhow::bail!("there is a block `{name}` already, from {}; choose another name", entry.origin);
    }
    let small = snake_case(name);
    let library = format!("{DLL_PREFIX}yolo_{small}{DLL_SUFFIX}");
    let (library, templates) = match args.lang {
        Language::Rust => (format!("target/release/{library}"), RUST.as_slice()),
        Language::C => (library, C.as_slice()),
    };
    let fill = |text: &str| {
        text.replace("{{Name}}", name)
            .replace("{{name}}", &small)
            .replace("{{dashed}}", &small.replace('_', "-"))
            .replace("{{library}}", &library)
    };
    let mut files: Vec<(String, String)> =
        templates.iter().map(|(path, text)| (fill(path), fill(text))).collect();
    match args.lang {
        Language::Rust => files.extend(carried_crate()),
        Language::C => files.push(("yolo_plugin.h".into(), carried::HEADER.into())),
    }

    let folder = args.output.unwrap_or_else(|| PathBuf::from(&small));
    ensure!(!folder.exists(), "{} exists already; name another folder with --output", folder.display());
    fs::create_dir(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    if let Err(error) = write(&folder, &files) {
        // What is there is ours, and half of it is of no use.
        let _ = fs::remove_dir_all(&folder);
        return Err(error);
    }
    line(&format!("{}: a plugin with the block {name}; its README.md says how to go on", folder.display()))?;
    Ok(Outcome::Done)
}

/// The crate `yolo-plugin`, of the version that this program understands.
fn carried_crate() -> Vec<(String, String)> {
    let sources = carried::SOURCES.iter().map(|(path, text)| (path.to_string(), text.to_string()));
    let manifest = ("Cargo.toml".to_string(), carried::MANIFEST.to_string());
    sources.chain([manifest]).map(|(path, text)| (format!("yolo-plugin/{path}"), text)).collect()
}

fn write(folder: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        let written =
            fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| fs::write(&path, text));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// `MyBlock` as `my_block`.
fn snake_case(name: &str) -> String {
    let mut small = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            small.push('_');
        }
        small.push(c.to_ascii_lowercase());
        before = c;
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_small_letters() {
        let cases =
            [("MyBlock", "my_block"), ("LCNet_Block", "lcnet_block"), ("c3x", "c3x"), ("C3TR", "c3_tr")];
        for (name, small) in cases {
            assert_eq!(snake_case(name), small);
        }
    }
}
