//! A program for 64-bit ARM beside this one: the same maps, detections and training steps, with every set of instructions.
//! `YOLO_ARM` is the command that runs it, an emulator with its options before the program; without it these tests say so
//! and pass. `.ci/arm` builds the program and sets it.

mod detect;
mod maps;
mod train;

use std::process::Command;
use yolo_bundle as _;
use yolo_tests::{root, yolo};

/// The program for ARM.
fn arm() -> Option<Command> {
    let Ok(words) = std::env::var("YOLO_ARM") else {
        eprintln!("SKIPPED: YOLO_ARM names no program for ARM");
        return None;
    };
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().expect("YOLO_ARM names a program"));
    command.args(words).current_dir(root());
    Some(command)
}

/// Runs a program, which is expected to succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is not there is said, whichever the processor.
#[test]
fn wrong_kernels_are_refused() {
    let Some(mut program) = arm() else { return };
    for (kernels, says) in [("avx2", "there is no \"avx2\" here"), ("neon+sve9", "there is no \"sve9\" here")]
    {
        let output = program.env("YOLO_KERNELS", kernels).args(["blocks"]).output().expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(says), "{kernels}: {errors}");
    }
    let output = yolo().env("YOLO_KERNELS", "neon").args(["blocks"]).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(cfg!(target_arch = "aarch64") || errors.contains("there is no \"neon\" here"), "{errors}");
}
