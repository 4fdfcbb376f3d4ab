//! Models written for other runtimes, and run there.

mod ncnn;
mod onnx;
mod operations;
mod programs;
mod read_back;
