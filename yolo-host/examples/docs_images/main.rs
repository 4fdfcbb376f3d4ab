//! The images that the documents show, made anew in `docs/img` from what the repository holds: annotated photographs by the
//! detector itself, the chart of speed from `docs/img/speed.csv`, and the graph of the flow.
//!
//! ```text
//! cargo run --release --example docs_images
//! ```
//!
//! It runs in the repository's root, overwrites its own files alone, and gives the same ones every time.

mod flow;
mod photographs;
mod speed;
mod svg;

use anyhow::Context;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let folder = Path::new("docs/img");
    for (name, photographs, height) in photographs::STRIPS {
        let file = folder.join(name);
        photographs::strip(photographs, height)
            .and_then(|strip| photographs::write(&strip, &file))
            .with_context(|| name)?;
    }
    let table = folder.join("speed.csv");
    let text = std::fs::read_to_string(&table).with_context(|| table.display().to_string())?;
    let chart = speed::chart(&speed::read(&text).with_context(|| table.display().to_string())?);
    std::fs::write(folder.join("speed.svg"), chart).context("speed.svg")?;
    std::fs::write(folder.join("flow.svg"), flow::graph()).context("flow.svg")?;
    Ok(())
}
