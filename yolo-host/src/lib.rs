//! YOLOv5 v6.1 with pluggable backbones: a model file becomes a graph of primitive operations, weights fill it, and it
//! finds objects in photographs.
//!
//! ```text
//! models/*.yaml ─ registry (block names) ─ model (parse_model) ─ graph ─ autograd (candle) ─ eval (boxes) ─ draw
//!                                             weights (safetensors, .pt) ─┘                    data (images) ─┘
//! ```
//!
//! [`run`] is the whole `yolo` command: a program of one's own that links a plugin crate and calls it is a complete
//! `yolo` with that plugin.

mod atomic;
mod blocks;
pub mod classes;
#[cfg(feature = "cli")]
mod cli;
pub mod data;
pub mod detector;
#[cfg(feature = "plots")]
pub mod draw;
pub mod ensemble;
pub mod eval;
pub mod exec;
pub mod graph;
pub mod image;
pub mod loss;
pub mod model;
mod near;
pub mod plugin;
pub mod random;
pub mod raw_map;
pub mod report;
pub mod text;
pub mod train;
pub mod validation;
pub mod weights;

#[cfg(feature = "cli")]
pub use cli::run;
