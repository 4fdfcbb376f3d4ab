//! Plugin libraries for the suites: the families, built by cargo, and C files, built by a compiler.

use crate::{build_folder, root};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The crates of the families of this repository.
pub const FAMILIES: [&str; 3] = ["shufflenetv2", "mobilenetv3", "ghost"];

/// A family as a dynamic library, built with the profile of the tests or for release.
pub fn family(name: &str, release: bool) -> PathBuf {
    static BUILT: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    let folder = BUILT[usize::from(release)].get_or_init(|| {
        let target = build_folder().parent().expect("target").to_path_buf();
        let mut build = cargo("build");
        build.args(["--quiet", "--locked", "--examples", "--target-dir"]).arg(&target);
        for family in FAMILIES {
            build.arg("--package").arg(format!("yolo-{family}"));
        }
        let release = release || build_folder().ends_with("release");
        if release {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success(), "the families do not build");
        target.join(if release { "release" } else { "debug" }).join("examples")
    });
    folder.join(format!("{DLL_PREFIX}yolo_{name}{DLL_SUFFIX}"))
}

/// cargo, as it runs the tests, in the root of the repository.
pub fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).arg(command);
    cargo
}

/// Whether a program can be started here.
pub fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Compiles a C file to a plugin library in `folder`, with every warning an error, and extra flags.
pub fn compile(compiler: &str, source: &Path, folder: &Path, flags: &[&str]) -> PathBuf {
    let name = source.file_stem().expect("a C file has a name").to_string_lossy();
    let library = folder.join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"));
    let output = Command::new(compiler)
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC", "-O2", "-I"])
        .arg(root().join("plugins/api/include"))
        .args(flags)
        .arg("-o")
        .arg(&library)
        .arg(source)
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
    library
}

/// An example plugin in Rust.
pub fn example_in_rust(name: &str, release: bool) -> PathBuf {
    plugin_in_rust(&root().join("plugins/examples").join(name), name, release)
}

/// A plugin in Rust, built in its own workspace as its users build it.
pub fn plugin_in_rust(folder: &Path, name: &str, release: bool) -> PathBuf {
    let target = build_folder().join("example-plugins");
    let mut build = cargo("build");
    build.args(["--quiet", "--locked", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    build.arg("--target-dir").arg(&target).args(release.then_some("--release"));
    assert!(build.status().expect("cargo runs").success(), "{} does not build", folder.display());
    let profile = if release { "release" } else { "debug" };
    target.join(profile).join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"))
}
