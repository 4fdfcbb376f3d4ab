//! Models written for other runtimes, and run there.

mod ncnn;
mod onnx;
mod operations;
mod read_back;
mod programs;
