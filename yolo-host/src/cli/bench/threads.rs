//! The threads that compute, and the most that they could.

use anyhow::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::time::Instant;
use yolo_kernels::base::peak::{Accumulators, multiply_add};

/// Rounds of the run that tells how many rounds a run of 5 ms has.
const TRIAL: u64 = 100_000;

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A pool for each number of threads, in the order asked for; without any, one of the size that rayon chooses: a thread a
/// core, or `RAYON_NUM_THREADS`.
pub fn pools(counts: &[usize]) -> anyhow::Result<Vec<ThreadPool>> {
    let default = [rayon::current_num_threads()];
    let counts = if counts.is_empty() { &default } else { counts };
    if let Some(count) = counts.iter().find(|count| **count > cores()) {
        eprintln!("warning: {count} threads take turns on {} cores; times will be longer, and vary", cores());
    }
    let pool = |count: &usize| {
        let pool = ThreadPoolBuilder::new().num_threads(*count).build();
        pool.with_context(|| format!("cannot start {count} threads; take fewer with --threads"))
    };
    counts.iter().map(pool).collect()
}

/// Billions of floating-point operations a second that all threads of a pool together multiply and add in registers: the
/// best of some short runs, because other programs take their share of longer ones.
pub fn peak(pool: &ThreadPool) -> f64 {
    // Operations and seconds.
    let run = |sums: Accumulators, rounds: u64| {
        let start = Instant::now();
        let operations: u64 = pool.install(|| rayon::broadcast(|_| multiply_add(sums, rounds))).iter().sum();
        (operations as f64, start.elapsed().as_secs_f64().max(1e-9))
    };
    let best = Accumulators::ALL.into_iter().map(|sums| {
        let (_, seconds) = run(sums, TRIAL);
        // Long beside the waking of threads, and the processor has time to change its frequency.
        let rounds = (TRIAL as f64 * 5e-3 / seconds).clamp(TRIAL as f64, 1e8) as u64;
        let rates = (0..24).map(|_| run(sums, rounds)).map(|(operations, seconds)| operations / seconds);
        rates.fold(0.0, f64::max)
    });
    best.fold(0.0, f64::max) * 1e-9
}
