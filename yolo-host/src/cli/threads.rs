//! `--threads`: how many threads compute.

use anyhow::Context;

/// No machine has more.
const MOST: usize = 1024;

/// How many threads compute.
#[derive(clap::Args)]
pub struct ThreadArgs {
    /// Threads that compute (default: one a core)
    #[arg(long, value_name = "N", value_parser = count)]
    threads: Option<usize>,
}

impl ThreadArgs {
    /// Starts them for everything that is computed from now on.
    pub fn start(&self) -> anyhow::Result<()> {
        let Some(threads) = self.threads else { return Ok(()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.with_context(|| format!("cannot start {threads} threads; take fewer with --threads"))
    }
}

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=MOST).contains(count));
    count.ok_or_else(|| format!("must be from 1 to {MOST} threads"))
}
