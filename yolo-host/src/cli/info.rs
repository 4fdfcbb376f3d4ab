//! `yolo info`: a model in figures.

use super::output::{line, thousands};
use super::plugins::{PluginArgs, notes};
use super::{ModelArgs, Outcome, pixels};
use crate::detector::load_model;
use crate::model::{Model, Spec, Statistics};
use crate::weights::{Meta, Plugin};
use serde::Serialize;

/// Show a model's layers, parameters and operations
#[derive(clap::Args)]
pub struct InfoArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Picture size in pixels for the operations
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
    let (model, meta) = match (&args.model.weights, cfg) {
        (Some(weights), cfg) => {
            let (model, _, meta) = load_model(weights, cfg, &mut registry)?;
            (model, Some(meta))
        }
        (None, Some(cfg)) => {
            let spec = Spec::find(cfg)?;
            (Model::prepare(spec, &mut registry)?, None)
        }
        (None, None) => anyhow::bail!("name a model with --cfg or --weights"),
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
        line(&format!(
            "classes: {}",
            meta.names.as_ref().map_or("without names".into(), |names| names.join(", "))
        ))?;
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
    line(&format!(
        "{:>3} {:>14} {:>3} {:>11} {:>8}  {:<22} {:<18} {}",
        "", "from", "n", "params", "GFLOPs", "module", "output", "arguments"
    ))?;
    for row in &statistics.rows {
        let from = match row.from[..] {
            [one] => one.to_string(),
            ref several => format!("{several:?}"),
        };
        line(&format!(
            "{:>3} {from:>14} {:>3} {:>11} {:>8.3}  {:<22} {:<18} {}",
            row.index,
            row.number,
            thousands(row.parameters),
            row.gflops,
            row.module,
            format!("{:?}", row.shape.get(1..).unwrap_or_default()),
            row.arguments,
        ))?;
    }
    if statistics.imgsz != asked {
        line(&format!(
            "note: size {asked} rounded up to {}, a multiple of the largest stride",
            statistics.imgsz
        ))?;
    }
    line(&format!(
        "{} layers, {} parameters, {} gradients, {:.2} GFLOPs at {}×{}, {} classes, strides {:?}",
        statistics.layers,
        thousands(statistics.parameters),
        thousands(statistics.gradients),
        statistics.gflops,
        statistics.imgsz,
        statistics.imgsz,
        statistics.classes,
        statistics.strides,
    ))?;
    Ok(())
}
