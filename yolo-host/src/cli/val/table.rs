//! The metrics of a validation as upstream prints them.

use super::super::output::{line, padded};
use crate::validation::Validation;

/// Upstream's table, and the times.
pub fn print(validation: &Validation, names: &[String], verbose: bool) -> anyhow::Result<()> {
    let summary = &validation.summary;
    line(&format!(
        "{:>20}{:>8}{:>8}{:>9}{:>9}{:>9}{:>10}",
        "class", "images", "labels", "P", "R", "mAP50", "mAP50-95"
    ))?;
    let row = |name: &str, labels: usize, [p, r, map50, map]: [f64; 4]| {
        let name = padded(name, 20);
        line(&format!("{name}{:>8}{labels:>8}{p:>9.4}{r:>9.4}{map50:>9.4}{map:>10.4}", summary.images))
    };
    row("all", summary.labels, [summary.precision, summary.recall, summary.map50, summary.map])?;
    if (verbose || names.len() < 50) && names.len() > 1 {
        for class in &summary.classes {
            let name = names.get(class.class).map_or("?", String::as_str);
            row(name, class.labels, [class.precision, class.recall, class.ap50, class.ap])?;
        }
    }
    let [network, boxes] = validation.milliseconds();
    eprintln!("{network:.1} ms network, {boxes:.1} ms decoding and suppression an image");
    Ok(())
}
