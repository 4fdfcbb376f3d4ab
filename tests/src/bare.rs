//! The `yolo` command of a program that links no family, as one built with `--no-default-features` is.

fn main() -> std::process::ExitCode {
    yolo_host::run()
}
