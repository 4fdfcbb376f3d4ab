//! Memory: what a run needs is compared with what is free before it is taken.

use super::super::progress::memory;
use crate::exec::engine::Engine;
use anyhow::ensure;

/// The most that this process has held, in bytes, where the system tells.
pub fn peak() -> Option<u64> {
    memory("self/status", "VmHWM")
}

/// Fails if a run on images of this shape needs more memory than is free, or does not fit the network; else the bytes of
/// its maps.
pub fn check(engine: &Engine, shape: [usize; 4]) -> anyhow::Result<u64> {
    let maps = engine.needs(shape)?;
    let needed = maps.saturating_add(4 * shape.iter().map(|size| *size as u64).product::<u64>());
    if let Some(free) = memory("meminfo", "MemAvailable") {
        ensure!(
            needed <= free,
            "images {shape:?} need {} MB of memory, and {} are free; take smaller or fewer ones",
            needed / 1_000_000,
            free / 1_000_000
        );
    }
    Ok(maps)
}
