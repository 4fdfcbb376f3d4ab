//! The threads that compute.

use anyhow::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// No machine has more.
const MOST: usize = 1024;

/// How many threads, as `--threads` gives it.
pub fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=MOST).contains(count));
    count.ok_or_else(|| format!("must be from 1 to {MOST} threads"))
}

/// A pool for each number of threads.
pub struct Threads {
    /// In the order asked for.
    pub pools: Vec<ThreadPool>,
}

impl Threads {
    /// Pools of so many threads; without any, one of the size that rayon chooses: a thread a core, or `RAYON_NUM_THREADS`.
    pub fn new(counts: &[usize]) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let default = [rayon::current_num_threads()];
        let counts = if counts.is_empty() { &default } else { counts };
        if let Some(count) = counts.iter().find(|count| **count > cores) {
            eprintln!("warning: {count} threads on {cores} cores take turns; times will be longer, and vary");
        }
        let pool = |count: &usize| {
            let pool = ThreadPoolBuilder::new().num_threads(*count).build();
            pool.with_context(|| format!("cannot start {count} threads; take fewer with --threads"))
        };
        Ok(Threads { pools: counts.iter().map(pool).collect::<anyhow::Result<_>>()? })
    }
}
