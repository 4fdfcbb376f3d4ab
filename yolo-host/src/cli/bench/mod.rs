//! `yolo bench`: how fast models are on this machine.

mod serve;
mod threads;

use super::Outcome;
use super::plugins::PluginArgs;
use anyhow::ensure;
use threads::Threads;

/// Measure how fast models are
#[derive(clap::Args)]
pub struct BenchArgs {
    /// Threads that compute (default: one a core)
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = threads::count)]
    threads: Vec<usize>,
    /// Answer lines on standard input: `load NAME CFG WEIGHTS INPUT OUTPUT` and `run NAME`
    #[arg(long)]
    serve: bool,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

pub fn run(args: BenchArgs) -> anyhow::Result<Outcome> {
    let threads = Threads::new(&args.threads)?;
    ensure!(args.serve, "only --serve is there");
    ensure!(threads.pools.len() == 1, "--serve takes one number of --threads");
    threads.pools[0].install(|| serve::serve(&args.plugins))?;
    Ok(Outcome::Done)
}
