//! Models written for other runtimes, and run there.

mod onnx;
mod operations;
mod programs;
