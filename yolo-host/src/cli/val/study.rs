//! `yolo val --task study`: how well and how fast, over a range of sizes (v6.1 `val.py`, `plot_val_study`).

use super::subject::Subject;
use crate::atomic;
use crate::cli::output::line;
use crate::cli::run_folder::RunFolder;
use crate::draw::plots::{self, StudyPoint};
use crate::report::general;
use anyhow::Context;
use std::io::Write as _;
use std::path::Path;

/// Validates at every size; leaves `study_DATA_WEIGHTS.txt` and `study.png`.
pub fn run(
    subject: &mut Subject,
    sizes: &[usize],
    folder: &RunFolder,
    (data, weights): (&Path, &Path),
) -> anyhow::Result<()> {
    let mut rows = String::new();
    let mut points = Vec::new();
    line(&format!("{:>8}{:>11}{:>11}{:>11}{:>11}{:>11}", "pixels", "P", "R", "mAP50", "mAP50-95", "ms"))?;
    for &imgsz in sizes {
        let loader = subject.loader(imgsz)?;
        let validation = subject.validate(&loader, &mut |_| Ok(()))?;
        let summary = &validation.summary;
        let metrics = [summary.precision, summary.recall, summary.map50, summary.map];
        let [network, boxes] = validation.milliseconds();
        // No losses, and no time for what the loader's threads prepare meanwhile.
        let row = metrics.into_iter().chain([0.0; 4]).chain([network, boxes]);
        let row: Vec<String> = row.map(|value| format!("{:>10}", general(value, 4))).collect();
        rows += &(row.join(" ") + "\n");
        points.push(StudyPoint { imgsz, milliseconds: network, map: summary.map });
        let metrics = metrics.map(|value| format!("{value:>11.4}")).concat();
        line(&format!("{imgsz:>8}{metrics}{:>11.1}", network + boxes))?;
    }
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = format!("study_{}_{}", stem(data), stem(weights));
    let file = folder.path().join(format!("{name}.txt"));
    atomic::replace(&file, |out| out.write_all(rows.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    plots::study(&points, &stem(weights))?.write(folder.path().join("study.png"))?;
    eprintln!("results are in {}", folder.path().display());
    Ok(())
}
