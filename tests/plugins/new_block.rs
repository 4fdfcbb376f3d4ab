//! `yolo blocks new` writes plugins that build and pass their own tests, and models that use them.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::Path;
use std::process::{Command, Output};
use yolo_plugin::carried;
use yolo_tests::documents::{self, Shown};
use yolo_tests::plugins::cargo;
use yolo_tests::{bare_yolo, build_folder, root};

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn success(command: &mut Command) -> String {
    let output = output(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}:\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Writes a plugin with the block `TwoStep` into `folder`.
fn write_plugin(language: &str, folder: &Path) {
    success(bare_yolo().args(["blocks", "new", "TwoStep", "--lang", language, "--output"]).arg(folder));
}

/// The commands in a document, as they stand, one after the other; `yolo` is the one under test.
fn follow(document: &str, start: &Path) -> usize {
    let yolo = bare_yolo().get_program().to_owned();
    let mut folder = start.to_path_buf();
    let commands = documents::commands(document);
    for Shown { text: line, .. } in &commands {
        if line.starts_with("sed") {
            success(Command::new("sh").args(["-c", line]).current_dir(&folder)); // it has quotes
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if line.contains(" plugins/examples/") {
            folder = start.to_path_buf(); // in the root of the repository
        }
        let mut command = match words[0] {
            "cd" => {
                folder = folder.join(words[1]);
                continue;
            }
            "cargo" => cargo(words[1]),
            "yolo" => Command::new(&yolo),
            program => Command::new(program),
        };
        command
            .args(&words[if words[0] == "cargo" { 2 } else { 1 }..])
            .current_dir(&folder)
            .env("YOLO", &yolo);
        let printed = success(command.env_remove("CARGO_TARGET_DIR"));
        if words[1] == "info" {
            // The model refers to the library where the command before has put it.
            let words: Vec<&str> = printed.split_whitespace().collect();
            assert!(words.join(" ").contains("strides [8.0, 16.0, 32.0]"), "{printed}");
        }
    }
    commands.len()
}

fn follow_readme(folder: &Path) {
    assert_eq!(follow(&std::fs::read_to_string(folder.join("README.md")).unwrap(), folder), 3);
}

/// Copies a folder without what was built in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        match path.is_dir() {
            true if name != "target" => copy(&path, &to.join(name)),
            true => (),
            false => std::fs::copy(&path, to.join(name)).map(|_| ()).unwrap(),
        }
    }
}

/// The part of CONTRIBUTING.md under a headline.
fn section(headline: &str) -> String {
    let document = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let behind = document.split(headline).nth(1).unwrap_or_else(|| panic!("no {headline}"));
    behind.split("\n## ").next().unwrap().split("\n### ").next().unwrap().to_string()
}

/// What CONTRIBUTING.md leads a newcomer through, in a copy of what it needs of this repository.
#[test]
fn contributing_s_ten_minutes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("plugins")).unwrap();
    for part in ["plugins/api", "plugins/examples"] {
        copy(&root().join(part), &folder.path().join(part));
    }
    // A manifest that takes its versions from the workspace needs one.
    std::fs::copy(root().join("Cargo.toml"), folder.path().join("Cargo.toml")).unwrap();
    let section = section("## Your own block in ten minutes");
    let section = section.replace("    cargo install --path yolo-host --locked\n", "");
    assert_eq!(follow(&section, folder.path()), 14);
}

/// A family in this repository, by CONTRIBUTING's recipe to the letter: the crate, the block that (a) shows, and the lines
/// that (b) gives for the manifests. The bundle links it, and its library is built.
#[test]
fn a_family_by_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copy(&root().join("plugins"), &at("plugins"));
    copy(&root().join("yolo-host"), &at("yolo-host"));
    std::fs::create_dir_all(at("bindings/wasm")).unwrap();
    copy(&root().join("bindings/wasm/src"), &at("bindings/wasm/src"));
    for name in ["Cargo.toml", "Cargo.lock", "bindings/wasm/Cargo.toml"] {
        std::fs::copy(root().join(name), at(name)).unwrap();
    }
    let recipe = section("### (b) In a family of its own");
    assert_eq!(follow(&recipe, folder.path()), 3);
    let quoted: Vec<&str> = recipe.split('`').skip(1).step_by(2).collect();
    let quoted = |start: &str| {
        *quoted.iter().find(|text| text.starts_with(start)).unwrap_or_else(|| panic!("no {start} in (b)"))
    };
    let insert = |file: &str, section: &str, line: &str| {
        let text = std::fs::read_to_string(at(file)).unwrap();
        assert!(text.contains(section), "{file} has no {section}");
        std::fs::write(at(file), text.replacen(section, &format!("{section}\n{line}"), 1)).unwrap();
    };
    // The suites are no part of the copy.
    let manifest = std::fs::read_to_string(at("Cargo.toml")).unwrap();
    std::fs::write(at("Cargo.toml"), manifest.replace(", \"tests\"", "")).unwrap();
    insert("Cargo.toml", "[workspace.dependencies]", quoted("yolo-pelee = { path"));
    insert("plugins/bundle/Cargo.toml", "[features]", quoted("pelee = [\"dep:"));
    insert("plugins/bundle/Cargo.toml", "[dependencies]", quoted("yolo-pelee = { workspace"));
    insert("yolo-host/Cargo.toml", "[features]", quoted("pelee = [\"yolo-bundle/"));
    let bundle = at("plugins/bundle/src/lib.rs");
    let linked = std::fs::read_to_string(&bundle).unwrap() + quoted("#[cfg(feature = \"pelee\")]");
    std::fs::write(bundle, linked).unwrap();
    let block = section("### (a) In a family that is there");
    let block = block.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    let block: String = block.lines().map(|line| format!("{}\n", line.trim_start_matches("   "))).collect();
    std::fs::write(at("plugins/pelee/src/my_block.rs"), block).unwrap();
    let register = quoted("yolo_plugin::register!(");
    std::fs::write(
        at("plugins/pelee/src/lib.rs"),
        format!("//! A family.\n\n{}\n\n{register}\n", quoted("mod my_block;")),
    )
    .unwrap();

    let target = build_folder().join("example-plugins");
    let offline = |command: &str| {
        let mut cargo = cargo(command);
        cargo.current_dir(folder.path()).args(["--offline", "--quiet", "--target-dir"]).arg(&target);
        cargo
    };
    success(offline("check").args([
        "--package",
        "yolo-bundle",
        "--no-default-features",
        "--features",
        "pelee",
    ]));
    success(offline("build").args(["--package", "yolo-pelee", "--examples"]));
    let library = target.join("debug/examples").join(format!("{DLL_PREFIX}yolo_pelee{DLL_SUFFIX}"));
    let listing = success(bare_yolo().args(["blocks", "--plugin"]).arg(library));
    assert!(listing.contains("yolo-pelee 0.2.0") && listing.contains("MyBlock"), "{listing}");
}

#[test]
fn a_plugin_in_rust() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("two_step");
    write_plugin("rust", &folder);
    follow_readme(&folder);
}

#[test]
fn a_plugin_in_c() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("two_step");
    write_plugin("c", &folder);
    follow_readme(&folder);
}

#[test]
fn bad_names_and_folders_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let taken = parent.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    let fresh = parent.path().join("fresh");
    let nowhere = parent.path().join("a/b");
    let cases = [
        ("Conv", &fresh, "there is a block `Conv` already, from yolo-host"),
        ("a-b", &fresh, "is made of letters, digits and _"),
        ("9lives", &fresh, "begins with a letter"),
        ("../x", &fresh, "is made of letters"),
        ("Detect", &fresh, "means something else"),
        ("Null", &fresh, "means something else"),
        ("Plugin", &fresh, "means something else"),
        ("TwoStep", &taken, "exists already; name another folder with --output"),
        ("TwoStep", &nowhere, "cannot make the folder"),
    ];
    for (name, folder, expected) in cases {
        let mut command = bare_yolo();
        let output = output(command.args(["blocks", "new", name, "--lang", "c", "--output"]).arg(folder));
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {message}");
        assert!(message.contains(expected), "{message} lacks {expected}");
        assert!(!fresh.exists(), "{name}");
    }
    assert_eq!(std::fs::read_dir(&taken).unwrap().count(), 0);
}

/// The program carries the whole crate, as it is.
#[test]
fn the_carried_crate_is_complete() {
    let api = root().join("plugins/api");
    let mut files = Vec::new();
    let mut folders = vec![api.join("src"), api.join("include")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut names: Vec<_> =
        files.iter().map(|file| file.strip_prefix(&api).unwrap().to_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(carried::SOURCES.map(|(path, _)| path).to_vec(), names);
    for (path, text) in carried::SOURCES {
        assert_eq!(std::fs::read_to_string(api.join(path)).unwrap(), text, "{path}");
    }
    let dependency = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let inventory = dependency.lines().find(|line| line.starts_with("inventory = ")).unwrap();
    assert!(carried::MANIFEST.contains(inventory), "{} lacks {inventory}", carried::MANIFEST);
}
