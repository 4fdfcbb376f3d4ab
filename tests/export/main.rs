//! Models written for other runtimes, run there, and read back.

mod boxes;
mod int8;
mod ncnn;
mod onnx;
mod operations;
mod operators;
mod programs;
mod read_back;
