//! Fused inference: against plain arithmetic in f64, in reduced precision, and what `yolo bench` says of it.

mod bench;
mod bench_serve;
mod fused;
mod onnx;
mod precision;
mod read_back;
