//! How places and sizes of a dataset's labels go together (v6.1 `plot_labels`, `labels_correlogram.jpg`).

use plotters::prelude::*;

use super::PlotError;
use super::chart::{Area, Axes, BLUES, figure, scale};
use super::labels::{BINS, density};
use crate::image::Image;

const NAMES: [&str; 4] = ["x", "y", "width", "height"];
const SIDE: usize = 1800;
const TEXT: usize = 20;
/// Numbers at an axis.
const TICKS: usize = 4;

/// Ten panels, of labels `[class, x, y, width, height]` with the box as shares of its image: each of the four over each
/// before it, as darkness, and how often each value of it occurs on the diagonal.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn labels_correlogram(labels: &[[f32; 5]]) -> Result<Image, PlotError> {
    let column = |i: usize| {
        let finite = labels.iter().filter(|label| label.iter().all(|value| value.is_finite()));
        finite.map(move |label| f64::from(label[i + 1]))
    };
    figure(SIDE, SIDE, |area| {
        for (at, panel) in area.split_evenly((4, 4)).iter().enumerate() {
            let (row, across) = (at / 4, at % 4);
            if across < row {
                let names = (NAMES[across], NAMES[row]);
                density(panel, names, (TEXT, TICKS), column(across).zip(column(row)))?;
            } else if across == row {
                bars(panel, NAMES[row], column(row))?;
            }
        }
        Ok(())
    })
}

/// How often values from 0 to 1 occur.
fn bars(area: &Area, name: &str, values: impl Iterator<Item = f64>) -> Result<(), PlotError> {
    let mut counts = [0_u32; BINS];
    values.for_each(|value| counts[((value * BINS as f64) as usize).min(BINS - 1)] += 1);
    let most = counts.iter().max().copied().unwrap_or(0).max(1);
    let axes = Axes {
        title: "",
        x: name,
        y: "labels",
        x_range: 0.0..1.0,
        y_range: 0.0..f64::from(most) * 1.05,
        text: TEXT,
        ticks: (TICKS, TICKS),
        whole: false,
    };
    let mut chart = axes.draw(area)?;
    let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    chart.draw_series(filled.map(|(at, &count)| {
        let place = |i: usize| (at + i) as f64 / BINS as f64;
        Rectangle::new([(place(0), 0.0), (place(1), f64::from(count))], scale(&BLUES, 0.7).filled())
    }))?;
    Ok(())
}
