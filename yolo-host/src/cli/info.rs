//! `yolo info`: a model in figures.

use super::output::{folded, line, thousands, width};
use super::plugins::{PluginArgs, notes};
use super::sizes::rounded;
use super::weights::load;
use super::{ModelArgs, Outcome, pixels};
use crate::model::{LayerRow, LoadError, Loaded, Model, ModelFiles, Statistics, open};
use crate::weights::{Meta, Plugin};
use serde::Serialize;
use std::fmt::Write as _;

/// Show a model's layers, parameters and operations
#[derive(clap::Args)]
pub struct InfoArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Size of the images in pixels for the operations
    #[arg(long, visible_aliases = ["img", "img-size"], value_parser = pixels, default_value_t = 640)]
    imgsz: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

pub fn run(args: InfoArgs) -> anyhow::Result<Outcome> {
    let mut registry = args.plugins.registry()?;
    let cfg = args.model.cfg.as_deref();
    // As tutorials have it, --weights '' is none.
    let weights = args.model.weights.as_deref().filter(|file| cfg.is_none() || !file.as_os_str().is_empty());
    let files = ModelFiles { weights, cfg };
    let (model, meta) = match weights {
        Some(_) => {
            let Loaded { model, meta, .. } = load(files, &mut registry)?;
            (model, Some(meta))
        }
        // A model file is described without values, which would take time and memory.
        None => (open(files)?.build(&mut registry).map_err(LoadError::from)?, None),
    };
    notes(&mut registry);
    for lacks in
        [model.graph.check_trainable(), model.graph.check_exportable()].into_iter().filter_map(Result::err)
    {
        eprintln!("note: {lacks}");
    }
    let size = args.imgsz.next_multiple_of(model.detect.max_stride());
    let statistics = model.statistics(size)?;
    match args.json {
        true => line(&serde_json::to_string(&Described {
            statistics,
            plugins: &model.plugins,
            weights: meta.as_ref().map(Said::of),
        })?)?,
        false => {
            table(&statistics, args.imgsz)?;
            described(&model, meta.as_ref())?;
        }
    }
    Ok(Outcome::Done)
}

/// A model in figures, and what its weights say of themselves.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    statistics: Statistics,
    /// Those that its blocks come from here.
    plugins: &'a [Plugin],
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Said<'a>>,
}

/// What weights say.
#[derive(Serialize)]
struct Said<'a> {
    names: &'a Option<Vec<String>>,
    licence: &'a Option<String>,
    imgsz: Option<usize>,
    /// Those that they were made with.
    plugins: &'a [Plugin],
}

impl<'a> Said<'a> {
    fn of(meta: &'a Meta) -> Self {
        Said { names: &meta.names, licence: &meta.licence, imgsz: meta.imgsz, plugins: &meta.plugins }
    }
}

/// The same for people.
fn described(model: &Model, meta: Option<&Meta>) -> anyhow::Result<()> {
    let list = |plugins: &[Plugin]| plugins.iter().map(Plugin::to_string).collect::<Vec<_>>().join(", ");
    if let Some(meta) = meta {
        let names = meta.names.as_ref().map_or("without names".into(), |names| names.join(", "));
        line(&folded(&format!("classes: {names}"), 2, width()))?;
        line(&format!("licence: {}", meta.licence.as_deref().unwrap_or("none is named")))?;
        let size = meta.imgsz.map_or("an unknown size".into(), |size| format!("{size}×{size}"));
        let with =
            if meta.plugins.is_empty() { String::new() } else { format!(", with {}", list(&meta.plugins)) };
        line(&format!("trained at {size}{with}"))?;
    }
    if !model.plugins.is_empty() {
        line(&format!("plugins: {}", list(&model.plugins)))?;
    }
    Ok(())
}

fn table(statistics: &Statistics, asked: usize) -> anyhow::Result<()> {
    let heads = ["", "from", "n", "params", "GFLOPs", "module", "output"].map(str::to_string);
    let cells = |row: &LayerRow| {
        let from = match row.from[..] {
            [one] => one.to_string(),
            ref several => format!("{several:?}"),
        };
        let output = format!("{:?}", row.shape.get(1..).unwrap_or_default());
        let gflops = format!("{:.3}", row.gflops);
        let (index, number) = (row.index.to_string(), row.number.to_string());
        [index, from, number, thousands(row.parameters), gflops, row.module.clone(), output]
    };
    let rows: Vec<([String; 7], &str)> = [(heads, "arguments")]
        .into_iter()
        .chain(statistics.rows.iter().map(|row| (cells(row), row.arguments.as_str())))
        .collect();
    let widest =
        |column: usize| rows.iter().map(|(cells, _)| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(widest);
    let columns = width();
    for (cells, arguments) in &rows {
        let mut text = String::new();
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            // Precision to the right, names to the left.
            let _ =
                if column < 5 { write!(text, "{cell:>width$} ") } else { write!(text, " {cell:<width$}") };
        }
        let indent = widths.iter().sum::<usize>() + widths.len() + 1;
        line(&folded(&format!("{text} {arguments}"), indent, columns.max(indent + 20)))?;
    }
    if let Some(note) = rounded([asked; 2], [statistics.imgsz; 2]) {
        line(&format!("note: {note}"))?;
    }
    let summary = format!(
        "{} layers, {} parameters, {} gradients, {:.2} GFLOPs at {}×{}, {} classes, strides {:?}",
        statistics.layers,
        thousands(statistics.parameters),
        thousands(statistics.gradients),
        statistics.gflops,
        statistics.imgsz,
        statistics.imgsz,
        statistics.classes,
        statistics.strides,
    );
    line(&folded(&summary, 2, columns))?;
    Ok(())
}
