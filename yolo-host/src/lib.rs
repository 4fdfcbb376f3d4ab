//! YOLOv5 v6.1 with pluggable backbones: a model file becomes a graph of primitive operations, weights fill it, and it finds
//! objects in images or learns to.
//!
//! # A detector in three lines
//!
//! ```
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?; // the repository's root
//! use std::path::Path;
//! use yolo_host::{detector::Detector, eval::NmsOptions, exec::Device, image::Image, plugin::Registry};
//!
//! let weights = Path::new("weights/yolov5s.safetensors");
//! let detector = Detector::load(weights, None, &mut Registry::linked()?, Device::Cpu)?;
//! let image = Image::read("data/images/cows.jpg")?;
//! let found = detector.detect(&image, (640, 640), &NmsOptions::default())?;
//!
//! let names: Vec<&str> = found.detections.iter().map(|one| detector.names()[one.class].as_str()).collect();
//! assert_eq!(names, ["cow", "cow", "cow"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The flow
//!
//! ```text
//! models/*.yaml ─▶ model ◀─ plugin (registry: blocks by name) ◀─ blocks, linked crates, dynamic libraries
//!                    ▼
//!                  graph ─▶ parameters, operations (yolo info)
//!                    ▼
//!   weights ─▶ exec: engine (inference) · train_cpu · candle (CUDA) ◀─ image, data (letterbox, batches)
//!                    │ raw maps
//!                    ├─▶ eval (decode, NMS, metrics) ─▶ detector, validation ─▶ draw, report
//!                    └─▶ loss ─▶ train (optimiser, averages, checkpoints) ─▶ weights
//! ```
//!
//! - [`detector`]: an image in, objects out. [`eval::NmsOptions`] are its thresholds.
//! - [`model`]: a YAML file, or the one that weights carry, as a [`graph`]; blocks come from [`plugin::Registry`].
//! - [`exec`]: networks that run. [`exec::Device`] names where, [`exec::engine::Engine`] is fused inference on the CPU,
//!   [`exec::train_cpu::Executor`] a forward and a reverse pass.
//! - [`image`] and [`data`]: images as OpenCV reads them; datasets, augmentation, batches.
//! - [`loss`], [`train`], [`validation`]: YOLOv5's loss with its gradient, the loop of `train.py`, the metrics of `val.py`.
//! - [`weights`]: safetensors, PyTorch's `.pt`, ONNX and ncnn in, safetensors out.
//! - [`export`]: a model with its values as a file of another runtime.
//! - `run` is the whole `yolo` command: a program of one's own that links a plugin crate and calls it is a complete `yolo` with
//!   that plugin.
//!
//! Everything returns typed errors, each with its source, and nothing prints but `run`. Blocks of one's own are written with the
//! crate `yolo-plugin`; the kernels are the crate `yolo-kernels`.
//!
//! # Features
//!
//! Without any of them this is a library that detects, validates and trains on the CPU. All but the last are on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `cli` | `run`, the command; it needs `plots` and `onnx` |
//! | `plots` | `draw`: boxes on images, plots of a run |
//! | `onnx` | `export::onnx`: ONNX files |
//! | `candle` | `exec::candle`: networks on candle tensors |
//! | `shufflenetv2`, `mobilenetv3`, `ghost` | the block families of `plugins/`, for the command |
//! | `cudnn`, or `cuda` | candle's tensors on CUDA, by cuDNN |

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
pub mod export;
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

/// The commands and the code of `docs/library.md`, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/library.md")]
struct LibraryPage;
