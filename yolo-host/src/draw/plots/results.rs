//! Losses and metrics over the epochs of a run (v6.1 `plot_results`), with a smoothed line.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;
use super::chart::{Area, Axes, BLUE, ORANGE, figure, plottable, range, text};
use crate::image::Image;
use crate::report::{COLUMNS, EpochRow};

/// Upstream's order of columns: losses in training and two metrics above, losses in validation and two metrics below.
const ORDER: [usize; 10] = [0, 1, 2, 3, 4, 7, 8, 9, 5, 6];
const TEXT: usize = 22;
/// Width of the smoothing in epochs, as a Gaussian's sigma.
const SIGMA: f64 = 3.0;

/// Ten panels, a point an epoch and a smoothed line. Values that are not finite are left out.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn results(rows: &[EpochRow]) -> Result<Image, PlotError> {
    // People count from 1, as the command does; one epoch alone stands in the middle.
    let epochs = match rows {
        [row] => row.epoch as f64 + 0.5..row.epoch as f64 + 1.5,
        rows => range(rows.iter().map(|row| row.epoch as f64 + 1.0)),
    };
    figure(2400, 1200, |area| {
        for (panel, column) in area.split_evenly((2, 5)).iter().zip(ORDER) {
            let points: Vec<(f64, f64)> = rows
                .iter()
                .map(|row| (row.epoch as f64 + 1.0, row.values()[column]))
                .filter(|(_, value)| plottable(*value))
                .collect();
            let axes = Axes {
                title: COLUMNS[column],
                x: "",
                y: "",
                x_range: epochs.clone(),
                y_range: range(points.iter().map(|point| point.1)),
                text: TEXT,
                ticks: (rows.len().clamp(1, 5), 6),
                whole: true,
            };
            let mut chart = axes.draw(panel)?;
            chart.draw_series([PathElement::new(points.clone(), BLUE.stroke_width(3))])?;
            if points.len() <= 120 {
                chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, BLUE.filled())))?;
            }
            chart.draw_series([PathElement::new(smooth(&points), ORANGE.stroke_width(3))])?;
            if column == ORDER[0] {
                legend(panel)?;
            }
        }
        Ok(())
    })
}

/// What the two lines are, in the upper right corner of a panel, where losses do not run.
fn legend(panel: &Area) -> Result<(), PlotError> {
    let (left, top) = (panel.dim_in_pixel().0 as i32 - 190, 2 * TEXT as i32 + 30);
    for (i, (name, colour)) in [("epoch", BLUE), ("smoothed", ORANGE)].into_iter().enumerate() {
        let y = top + i as i32 * TEXT as i32 * 3 / 2;
        panel.draw(&PathElement::new([(left, y), (left + 40, y)], colour.stroke_width(3)))?;
        let style = text(TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        panel.draw_text(name, &style, (left + 50, y))?;
    }
    Ok(())
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
