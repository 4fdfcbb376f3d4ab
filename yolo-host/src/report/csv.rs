//! Stand-in.
use super::EpochRow;
use std::io::Write;
pub fn truncate(_: &std::path::Path, _: usize) -> std::io::Result<()> {
    Ok(())
}
pub fn append(path: &std::path::Path, row: &EpochRow) -> std::io::Result<()> {
    let mut f = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    let v: Vec<String> = row
        .train
        .iter()
        .chain(&row.metrics)
        .chain(&row.val)
        .chain(&row.rates)
        .map(|v| format!("{v:.5}"))
        .collect();
    writeln!(f, "{},{}", row.epoch, v.join(","))
}
