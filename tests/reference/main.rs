//! Everything against what the reference, OpenCV or PyTorch made of the same input.

mod activations;
mod augment;
mod checkpoints;
mod layer_norm;
mod layers;
mod letterbox;
mod loss;
mod metrics;
mod nms;
mod photos;
mod statistics;
mod validation;
