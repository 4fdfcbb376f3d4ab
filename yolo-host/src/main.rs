//! The `yolo` binary: the command of yolo-host with the block families of this repository linked in.

use yolo_bundle as _;

/// Tensors come and go by the megabyte; returning them to the system each time costs more than some layers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    yolo_host::run()
}
