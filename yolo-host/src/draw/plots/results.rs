//! Losses and metrics over the epochs of a run (v6.1 `plot_results`), with a smoothed line.

use plotters::prelude::*;

use super::PlotError;
use super::chart::{Axes, BLUE, ORANGE, figure, plottable, range};
use crate::data::Picture;
use crate::report::{COLUMNS, EpochRow};

/// Upstream's order of columns: losses in training and two metrics above, losses in validation and two metrics below.
const ORDER: [usize; 10] = [0, 1, 2, 3, 4, 7, 8, 9, 5, 6];
/// Width of the smoothing in epochs, as a Gaussian's sigma.
const SIGMA: f64 = 3.0;

/// Ten panels, a point an epoch and a smoothed line. Values that are not finite are left out.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn results(rows: &[EpochRow]) -> Result<Picture, PlotError> {
    figure(2400, 1200, |area| {
        for (panel, column) in area.split_evenly((2, 5)).iter().zip(ORDER) {
            let points: Vec<(f64, f64)> = rows
                .iter()
                .map(|row| (row.epoch as f64, row.values()[column]))
                .filter(|(_, value)| plottable(*value))
                .collect();
            let axes = Axes {
                title: COLUMNS[column],
                x: "",
                y: "",
                x_range: range(rows.iter().map(|row| row.epoch as f64)),
                y_range: range(points.iter().map(|point| point.1)),
                text: 22,
                ticks: (5, 6),
            };
            let mut chart = axes.draw(panel)?;
            chart.draw_series([PathElement::new(points.clone(), BLUE.stroke_width(3))])?;
            if points.len() <= 120 {
                chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, BLUE.filled())))?;
            }
            chart.draw_series([PathElement::new(smooth(&points), ORANGE.stroke_width(3))])?;
        }
        Ok(())
    })
}

/// Each value in the mean of its neighbours, weighted by a Gaussian over their epochs.
pub(crate) fn smooth(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let near = |x: f64| points.iter().filter(move |point| (point.0 - x).abs() <= 4.0 * SIGMA);
    let weight = |distance: f64| (-0.5 * (distance / SIGMA).powi(2)).exp();
    let mean = |x: f64| {
        let (sum, weights) = near(x).fold((0.0, 0.0), |(sum, weights), point| {
            let weight = weight(point.0 - x);
            (sum + weight * point.1, weights + weight)
        });
        sum / weights
    };
    points.iter().map(|&(x, _)| (x, mean(x))).collect()
}
