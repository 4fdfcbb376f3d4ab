//! The `yolo` command: one file a subcommand. Only here is anything printed, and only here does the process end.

mod album;
mod bench;
mod blocks;
mod convert;
mod data;
mod detect;
mod evolve;
mod facts;
mod info;
mod new_block;
mod output;
mod plugins;
mod precision;
mod progress;
mod run_folder;
mod study;
mod threads;
mod train;
mod val;
mod val_files;

use self::plugins::PluginArgs;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// YOLOv5 v6.1 object detectors with pluggable backbones.
#[derive(Parser)]
#[command(name = "yolo", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    plugins: PluginArgs,
}

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
        }
    }
}

/// A side of the network's input, as `--imgsz` gives it.
fn pixels(text: &str) -> Result<usize, String> {
    let side = text.parse().ok().filter(|side| (1..=16_384).contains(side));
    side.ok_or_else(|| "must be from 1 to 16384 pixels".to_string())
}

/// A share that leaves something on either side, as `--split` gives it.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "must be above 0 and below 1, as 0.9".to_string())
}

/// The size that pictures have without `--imgsz`: the one that the weights were trained at, with a note, else YOLOv5's.
fn trained_size(meta: &crate::weights::Meta) -> usize {
    const USUAL: usize = 640;
    let size = meta.imgsz.filter(|size| pixels(&size.to_string()).is_ok()).unwrap_or(USUAL);
    if size != USUAL {
        eprintln!("note: --imgsz {size}, the size that the weights were trained at");
    }
    size
}

/// What a command that did run found wrong.
enum Outcome {
    /// Nothing.
    Done,
    /// Some of its inputs failed, and it has said so.
    SomeFailed,
}

/// Runs the command line of this process: 0 when all went well, 1 for an error, 2 for wrong usage.
pub fn run() -> ExitCode {
    let Cli { mut command, plugins } = Cli::parse();
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
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::FAILURE,
        // A reader that closed the pipe, such as `head`, has what it wanted.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
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
    /// Weights (.safetensors or .pt)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
}
