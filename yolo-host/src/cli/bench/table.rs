//! The tables of `yolo bench`.

use super::super::output::{line, thousands};
use super::report::{Latency, LayerReport, ModelReport, Report};
use std::path::Path;

/// Which tables are wanted beside the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Detail {
    /// Every layer …
    pub layers: bool,
    /// … and every step of it.
    pub steps: bool,
}

/// Prints a report.
pub fn print(report: &Report, detail: Detail) -> std::io::Result<()> {
    for model in report.models.iter().filter(|_| detail.layers) {
        for latency in &model.latency {
            line(&format!(
                "{}{}, {}×{}, batch {}, {}, {} kernels, {}",
                model.name,
                if model.trained { "" } else { " with values from a seed" },
                model.imgsz[0],
                model.imgsz[1],
                report.batch,
                report.precision,
                report.kernels,
                threads(latency.threads)
            ))?;
            layers(latency, detail.steps)?;
            line("")?;
        }
    }
    comparison(report)?;
    line("")?;
    for peak in &report.peaks {
        line(&format!(
            "{:.1} GFLOP/s in registers, measured here with {}: the peak",
            peak.gflops_per_second,
            threads(peak.threads)
        ))?;
    }
    if let Some(bytes) = report.peak_memory {
        line(&format!("{} MB of memory at most, the whole process", bytes / 1_000_000))?;
    }
    Ok(())
}

fn threads(count: usize) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

fn layers(latency: &Latency, steps: bool) -> std::io::Result<()> {
    line(&format!(
        "{:>4}  {:<22} {:>11} {:>7} {:>8} {:>8} {:>6} {:>8} {:>7}  {}",
        "", "module", "params", "GFLOPs", "ms", "p90", "share", "GFLOP/s", "of peak", "falls back"
    ))?;
    for layer in &latency.layers {
        line(
            format!(
                "{:>4}  {:<22} {:>11} {:>7.3} {:>8.3} {:>8.3} {:>5.1}% {:>8.1} {:>6.1}%  {}",
                layer.index.map_or(String::new(), |index| index.to_string()),
                layer.block,
                thousands(layer.parameters),
                layer.gflops,
                layer.ms.median,
                layer.ms.p90,
                1e2 * layer.share,
                layer.gflops_per_second,
                1e2 * layer.of_peak,
                fallbacks(layer)
            )
            .trim_end(),
        )?;
        for step in layer.steps.iter().filter(|_| steps) {
            line(&format!(
                "{:>6}{:<34} {:>7.3} {:>8.3} {:>8.3} {:>6} {:>8.1}          {:?}{}",
                "",
                step.operation,
                step.gflops,
                step.ms.median,
                step.ms.p90,
                "",
                step.gflops_per_second,
                step.shape,
                if step.falls_back { ", falls back" } else { "" }
            ))?;
        }
    }
    Ok(())
}

/// The operations of a layer that fall back, each once.
fn fallbacks(layer: &LayerReport) -> String {
    let mut names: Vec<&str> =
        layer.steps.iter().filter(|step| step.falls_back).map(|step| step.operation.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

fn comparison(report: &Report) -> std::io::Result<()> {
    let validated = report.models.iter().any(|model| model.quality.is_some());
    let names: Vec<String> = report.models.iter().map(|model| short(model, &report.models)).collect();
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let quality = if validated { format!(" {:>7} {:>8}", "mAP50", "mAP50-95") } else { String::new() };
    line(&format!(
        "{:<wide$} {:>7} {:>11} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>8} {:>8}{quality}",
        "model",
        "threads",
        "params",
        "GFLOPs",
        "min ms",
        "median",
        "p90",
        "p99",
        "mean",
        "GFLOP/s",
        "of peak",
        "weights",
        "maps"
    ))?;
    for (model, name) in report.models.iter().zip(&names) {
        let quality = match (&model.quality, validated) {
            (Some(quality), _) => format!(" {:>7.4} {:>8.4}", quality.map50, quality.map),
            (None, true) => format!(" {:>7} {:>8}", "–", "–"),
            (None, false) => String::new(),
        };
        for latency in &model.latency {
            let ms = &latency.ms;
            line(&format!(
                "{name:<wide$} {:>7} {:>11} {:>7.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.1} {:>6.1}% {:>5.1} MB {:>5.1} MB{quality}",
                latency.threads,
                thousands(model.parameters),
                model.gflops,
                ms.min,
                ms.median,
                ms.p90,
                ms.p99,
                ms.mean,
                latency.gflops_per_second,
                1e2 * latency.of_peak,
                1e-6 * model.weights as f64,
                1e-6 * model.maps as f64,
            ))?;
        }
    }
    Ok(())
}

/// A file's name without folder and ending, if no other model has the same.
fn short(model: &ModelReport, all: &[ModelReport]) -> String {
    let stem = |model: &ModelReport| {
        Path::new(&model.name).file_stem().map(|stem| stem.to_string_lossy().into_owned())
    };
    match stem(model) {
        Some(name) if all.iter().filter(|other| stem(other).as_ref() == Some(&name)).count() == 1 => name,
        _ => model.name.clone(),
    }
}
