//! Training: gradients, single steps against PyTorch, whole runs, stopping and resuming.

mod cuda;
mod evolve;
mod gradients;
mod resume;
mod run_errors;
mod runs;
mod steps;
