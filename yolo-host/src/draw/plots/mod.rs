//! Plots of a run: curves, confusion, losses over epochs, labels, batches and generations, each an image.

mod batch;
mod canvas;
mod chart;
mod confusion;
mod correlogram;
mod curves;
mod evolve;
mod labels;
mod results;
mod study;

pub use batch::{BatchBox, batch};
pub use confusion::confusion_matrix;
pub use correlogram::labels_correlogram;
pub use curves::{f1_curve, p_curve, pr_curve, r_curve};
pub use evolve::{Generation, evolve};
pub use labels::labels;
pub use results::results;
pub use study::{StudyPoint, study};

use plotters::drawing::DrawingAreaErrorKind;

/// What the plotting library refuses; it has no reason to, since our surface takes everything.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw the plot: {0}")]
pub struct PlotError(String);

impl From<DrawingAreaErrorKind<std::convert::Infallible>> for PlotError {
    fn from(error: DrawingAreaErrorKind<std::convert::Infallible>) -> Self {
        PlotError(error.to_string())
    }
}
