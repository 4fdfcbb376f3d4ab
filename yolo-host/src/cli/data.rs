//! `yolo data`: what a dataset holds, without training.

use super::hints::flags;
use super::output::line;
use super::plugins::PluginArgs;
use super::{Outcome, share};
use crate::data::{Costs, Dataset, Error, Report, Split, SplitName, SplitOptions, TroubleKind};
use crate::text::counted;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Look into datasets
#[derive(clap::Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
    /// No block is built here.
    #[arg(skip)]
    pub plugins: PluginArgs,
}

#[derive(clap::Subcommand)]
enum DataCommand {
    Check(CheckArgs),
}

/// Read a dataset as training does, and print everything that was found; exit code 1 if something is left out
#[derive(clap::Args)]
struct CheckArgs {
    /// Dataset: a data.yaml, a folder of images and labels (YOLO, Pascal VOC, COCO), or a COCO JSON
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Where no list says which images are for training and which for validation: the share for training
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.9)]
    split: f64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A part of the dataset, or why it cannot be read.
type Part = (SplitName, Result<Split, Error>);

pub fn run(args: DataArgs) -> anyhow::Result<Outcome> {
    let DataCommand::Check(args) = args.command;
    let dataset = Dataset::read(&args.path)?;
    let wanted = |which: &SplitName| match which {
        SplitName::Train | SplitName::Val => true,
        SplitName::Test => dataset.has(SplitName::Test),
    };
    // Nothing is kept: who looks does not expect new files.
    let options = SplitOptions { cache: false, share: args.split, ..SplitOptions::default() };
    let parts: Vec<Part> = SplitName::ALL
        .into_iter()
        .filter(wanted)
        .map(|which| (which, dataset.split(which, options)))
        .collect();
    match args.json {
        true => line(&serde_json::to_string_pretty(&whole(&dataset, &parts))?)?,
        false => print(&dataset, &parts)?,
    }
    let sound = |split: &Split| split.report.corrupt == 0 && split.report.objects_left_out() == 0;
    let all = parts.iter().all(|(_, split)| split.as_ref().is_ok_and(sound));
    Ok(if all { Outcome::Done } else { Outcome::SomeFailed })
}

/// Objects of each class.
fn by_class(dataset: &Dataset, split: &Split) -> Vec<usize> {
    let mut counts = vec![0; dataset.names.len()];
    for label in split.items.iter().flat_map(|item| &item.labels) {
        if let Some(count) = counts.get_mut(label.class) {
            *count += 1;
        }
    }
    counts
}

/// How often each kind of trouble was met.
fn by_kind(report: &Report) -> Vec<(TroubleKind, usize)> {
    let mut kinds: Vec<TroubleKind> = report.messages.iter().map(|trouble| trouble.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds.into_iter().map(|kind| (kind, report.count(kind))).collect()
}

fn print(dataset: &Dataset, parts: &[Part]) -> anyhow::Result<()> {
    let names: Vec<String> =
        dataset.names.iter().enumerate().map(|(i, name)| format!("{i} {name}")).collect();
    line(&format!("{}: {}: {}", dataset.file.display(), classes(names.len()), names.join(", ")))?;
    for note in &dataset.notes {
        line(&format!("note: {note}"))?;
    }
    for (which, split) in parts {
        line("")?;
        let split = match split {
            Ok(split) => split,
            Err(error) => {
                line(&format!("{which}: error: {error}"))?;
                continue;
            }
        };
        let report = &split.report;
        let counts = by_class(dataset, split);
        line(&format!(
            "{which}: {}, {}",
            counted(split.items.len(), "image"),
            counted(counts.iter().sum(), "object")
        ))?;
        for (name, count) in dataset.names.iter().zip(counts) {
            line(&format!("  {count:>7} {name}"))?;
        }
        let background = report.missing + report.empty;
        if background > 0 {
            let images = counted(background, "image");
            line(&format!("  {images} without objects, {} of them without labels", report.missing))?;
        }
        for (kind, count) in by_kind(report) {
            line(&format!("  {count:>7} {}{}", kind.reason(), fate(kind)))?;
        }
        for note in &report.notes {
            line(&format!("  note: {}", flags(note)))?;
        }
        for trouble in &report.messages {
            line(&format!("  {trouble}"))?;
        }
    }
    Ok(())
}

fn classes(count: usize) -> String {
    if count == 1 { "1 class".into() } else { format!("{count} classes") }
}

fn fate(kind: TroubleKind) -> &'static str {
    match kind.costs() {
        Costs::Image => " (image left out)",
        Costs::Object => " (object left out)",
        Costs::Nothing => "",
    }
}

fn whole(dataset: &Dataset, parts: &[Part]) -> Value {
    let part = |(which, split): &Part| {
        let value = match split {
            Err(error) => json!({ "error": error.to_string() }),
            Ok(split) => of(dataset, split),
        };
        (which.to_string(), value)
    };
    json!({
        "file": dataset.file.display().to_string(),
        "names": dataset.names,
        "notes": dataset.notes,
        "splits": parts.iter().map(part).collect::<serde_json::Map<_, _>>(),
    })
}

fn of(dataset: &Dataset, split: &Split) -> Value {
    let report = &split.report;
    let counts = by_class(dataset, split);
    let messages = report.messages.iter().map(|trouble| {
        json!({
            "image": trouble.image.display().to_string(),
            "kind": trouble.kind,
            "text": trouble.text,
            "count": trouble.count,
        })
    });
    let kinds = by_kind(report)
        .into_iter()
        .map(|(kind, count)| json!({ "kind": kind, "reason": kind.reason(), "count": count }));
    json!({
        "images": split.items.len(),
        "objects": counts.iter().sum::<usize>(),
        "objects_by_class": counts,
        "images_without_labels": report.missing,
        "images_with_empty_labels": report.empty,
        "images_left_out": report.corrupt,
        "objects_left_out": report.objects_left_out(),
        "kinds": kinds.collect::<Vec<_>>(),
        "notes": report.notes.iter().map(|note| flags(note)).collect::<Vec<_>>(),
        "messages": messages.collect::<Vec<_>>(),
    })
}
