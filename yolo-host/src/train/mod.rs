//! Training: so far the loss and its gradient; it knows nothing of tensors, graphs and files.

pub mod loss;
