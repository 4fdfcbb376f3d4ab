//! The `yolo` binary: the command of yolo-host with the block families of this repository linked in.

use yolo_bundle as _;

fn main() -> std::process::ExitCode {
    yolo_host::run()
}
