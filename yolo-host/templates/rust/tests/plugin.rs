//! The library loads, and its block is what it should be. Needs the `yolo` command: on the PATH, or named by $YOLO.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::PathBuf;
use std::process::Command;

/// The library, which cargo does not build for a test by itself.
fn library() -> PathBuf {
    // target/PROFILE/deps/TEST
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let release = folder.ends_with("release").then_some("--release");
    let built = Command::new(env!("CARGO")).arg("build").args(release).status();
    assert!(built.unwrap().success());
    folder.join(format!("{DLL_PREFIX}yolo_{{name}}{DLL_SUFFIX}"))
}

/// What `yolo` prints when this plugin is loaded.
fn yolo(args: &[&str]) -> String {
    let program = std::env::var("YOLO").unwrap_or("yolo".into());
    let output = Command::new(&program).arg("--plugin").arg(library()).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; set YOLO to the program's path"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_block_is_known() {
    assert!(yolo(&["blocks", "{{Name}}"]).starts_with("{{Name}} [c2, k=3, s=1]"));
}

/// Layer 1 maps 16 channels to 32: 9·16 + 2·16 parameters depthwise, 16·32 + 2·32 pointwise.
#[test]
fn its_parameters_are_counted() {
    let info = yolo(&["info", "--json", "--cfg", "model.yaml"]);
    assert!(info.contains(r#""parameters":752,"module":"{{Name}}""#), "{info}");
}
