//! Training: the loss with its gradient, and the optimiser.

pub mod loss;
pub mod sgd;
