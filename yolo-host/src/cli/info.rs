//! `yolo info`: a model in figures.

use super::output::{line, thousands};
use super::plugins::{PluginArgs, notes};
use super::{ModelArgs, Outcome, pixels};
use crate::detector::load_model;
use crate::model::{Model, Spec, Statistics};

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
    let model = match (&args.model.weights, cfg) {
        (Some(weights), cfg) => load_model(weights, cfg, &mut registry)?.0,
        (None, Some(cfg)) => {
            let spec = Spec::find(cfg)?;
            registry.load_trusted(&spec.plugins)?;
            Model::build(spec, &registry)?
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
        true => line(&serde_json::to_string(&statistics)?)?,
        false => table(&statistics, args.imgsz)?,
    }
    Ok(Outcome::Done)
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
