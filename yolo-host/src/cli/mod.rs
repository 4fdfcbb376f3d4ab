//! The `yolo` command: one file a subcommand. Only here is anything printed, and only here does the process end.

mod album;
mod bench;
mod blocks;
mod classes;
mod convert;
mod data;
mod detect;
mod evolve;
mod export;
mod facts;
mod hints;
mod info;
mod new_block;
mod output;
mod plugins;
mod precision;
mod progress;
mod run_folder;
mod sizes;
mod threads;
mod thresholds;
mod train;
mod usage;
mod val;
mod val_files;
mod weights;

use self::plugins::PluginArgs;
use self::sizes::pixels;
use clap::{Parser, Subcommand};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// YOLOv5 v6.1 object detectors with pluggable backbones.
#[derive(Parser)]
#[command(name = "yolo", version, max_term_width = 100, infer_long_args = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    plugins: PluginArgs,
}

const EXAMPLES: &str = "Examples:
  yolo detect --source photo.jpg
  yolo train --data FOLDER --cfg yolov5n --epochs 100
  yolo val --data FOLDER --weights runs/train/exp/weights/best.safetensors
  yolo info --cfg yolov5s
An option may be shortened as long as it stays clear: --conf, --batch.

Exit codes: 0 all went well; 1 an error, or some images of several failed; 2 a wrong command line; 130 Ctrl-C.";

#[derive(Subcommand)]
enum Command {
    Detect(detect::DetectArgs),
    Train(Box<train::Train>),
    Val(val::ValArgs),
    Data(data::DataArgs),
    Info(info::InfoArgs),
    Bench(Box<bench::BenchArgs>),
    Blocks(blocks::BlocksArgs),
    Convert(convert::ConvertArgs),
    Export(export::ExportArgs),
}

impl Command {
    fn plugins(&mut self) -> &mut PluginArgs {
        match self {
            Command::Detect(args) => &mut args.plugins,
            Command::Train(args) => args.plugins(),
            Command::Val(args) => &mut args.plugins,
            Command::Data(args) => &mut args.plugins,
            Command::Info(args) => &mut args.plugins,
            Command::Bench(args) => &mut args.plugins,
            Command::Blocks(args) => &mut args.plugins,
            Command::Convert(args) => &mut args.plugins,
            Command::Export(args) => &mut args.plugins,
        }
    }
}

/// Whether a threshold is a share.
fn check_share(name: &str, share: impl Into<f64> + Display + Copy) -> anyhow::Result<()> {
    anyhow::ensure!((0.0..=1.0).contains(&share.into()), "{name} must be from 0 to 1, not {share}");
    Ok(())
}

/// A share that leaves something on either side, as `--split` gives it.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "must be above 0 and below 1, as 0.9".to_string())
}

/// The size that images have without `--imgsz`: the one that the weights were trained at, with a note, else YOLOv5's.
fn trained_size(meta: &crate::weights::Meta) -> usize {
    const USUAL: usize = 640;
    let size = meta.imgsz.filter(|size| pixels(&size.to_string()).is_ok()).unwrap_or(USUAL);
    if size != USUAL {
        eprintln!("note: --imgsz {size}, the size that the weights were trained at");
    }
    size
}

/// Fails if there is no such dataset, and says that nothing brings it.
fn check_data(data: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        data.exists(),
        "--data {}: no such file or folder, and nothing is downloaded: give a data.yaml, or the dataset's folder",
        data.display()
    );
    Ok(())
}

/// What a command that did run found wrong.
enum Outcome {
    /// Nothing.
    Done,
    /// Some of its inputs failed, and it has said so.
    SomeFailed,
    /// Ctrl-C ended it early, and it has said so.
    Interrupted,
}

/// Runs the command line of this process: 0 when all went well, 1 for an error or failed inputs, 2 for
/// wrong usage, 130 when Ctrl-C ended it.
pub fn run() -> ExitCode {
    let Cli { mut command, plugins } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::refuse(error),
    };
    if let Err(error) = yolo_kernels::base::check_kernels() {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    command.plugins().prepend(plugins);
    let result = match command {
        Command::Detect(args) => detect::run(args),
        Command::Train(args) => train::run(*args),
        Command::Val(args) => val::run(args),
        Command::Data(args) => data::run(args),
        Command::Info(args) => info::run(args),
        Command::Bench(args) => bench::run(*args),
        Command::Blocks(args) => blocks::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Export(args) => export::run(args),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::FAILURE,
        // As shells count what a signal ended.
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        // A reader that closed the pipe, such as `head`, has what it wanted.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", hints::told(&error));
            ExitCode::FAILURE
        }
    }
}

/// Which model: a YAML file, or weights that carry one.
#[derive(clap::Args)]
struct ModelArgs {
    /// Model: a YAML file, or the name of a built-in one such as yolov5s
    #[arg(long, value_name = "FILE", required_unless_present = "weights")]
    cfg: Option<PathBuf>,
    /// Weights (.safetensors, .pt, .onnx, or ncnn's .param)
    #[arg(long, value_name = "FILE", value_parser = weights::named())]
    weights: Option<PathBuf>,
}
