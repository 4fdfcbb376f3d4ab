//! The detector in a browser: WebAssembly with a few C functions, so that a page needs no tool to call it.
//!
//! - [`session`]: weights and photographs in, JSON out. Safe, and the same on every system.
//! - [`border`]: the functions that a page calls, with memory as numbers.
//!
//! `www/worker.js` is the other side of the border.

pub mod border;
pub mod session;

// The families of blocks, which register themselves.
use yolo_bundle as _;
