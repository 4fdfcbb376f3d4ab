//! Models written for other runtimes, and run there.

mod int8;
mod onnx;
mod operations;
