//! Fitness over each hyperparameter of an evolution (v6.1 `plot_evolve`).

use plotters::prelude::*;

use super::PlotError;
use super::chart::{Axes, INK, VIRIDIS, figure, plottable, range, scale};
use crate::image::Image;
use crate::report::general;

const COLUMNS: usize = 5;
const PANEL: (usize, usize) = (440, 400);
/// Steps of the histogram by which points are coloured.
const BINS: usize = 19;

/// One try of an evolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// What it came to.
    pub fitness: f64,
    /// The value of each hyperparameter.
    pub values: Vec<f64>,
}

/// A panel for each hyperparameter, named by `keys`: a point a generation, lighter where there are many, a cross at the
/// best, whose value stands above.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn evolve(generations: &[Generation], keys: &[String]) -> Result<Image, PlotError> {
    let usable = |one: &&Generation| {
        plottable(one.fitness) && one.values.len() == keys.len() && one.values.iter().all(|v| plottable(*v))
    };
    let usable: Vec<&Generation> = generations.iter().filter(usable).collect();
    let best = usable.iter().copied().reduce(|best, one| if one.fitness > best.fitness { one } else { best });
    let rows = keys.len().div_ceil(COLUMNS).max(1);
    figure(COLUMNS * PANEL.0, rows * PANEL.1, |area| {
        for (i, (panel, key)) in area.split_evenly((rows, COLUMNS)).iter().zip(keys).enumerate() {
            let points: Vec<(f64, f64)> = usable.iter().map(|one| (one.values[i], one.fitness)).collect();
            let title = best.map_or(key.clone(), |best| format!("{key} = {}", general(best.values[i], 3)));
            let axes = Axes {
                title: &title,
                x: "",
                y: "",
                x_range: range(points.iter().map(|point| point.0)),
                y_range: range(points.iter().map(|point| point.1)),
                text: 20,
                ticks: (4, 5),
                whole: false,
            };
            let mut chart = axes.draw(panel)?;
            let shares = crowding(&points, &axes);
            chart.draw_series(
                points
                    .iter()
                    .zip(shares)
                    .map(|(&point, share)| Circle::new(point, 6, scale(&VIRIDIS, share).mix(0.8).filled())),
            )?;
            if let Some(best) = best {
                chart.draw_series([Cross::new((best.values[i], best.fitness), 12, INK.stroke_width(3))])?;
            }
        }
        Ok(())
    })
}

/// How crowded it is about each point, 0 to 1 on a logarithmic scale.
fn crowding(points: &[(f64, f64)], axes: &Axes) -> Vec<f64> {
    let bin = |value: f64, range: &std::ops::Range<f64>| {
        (((value - range.start) / (range.end - range.start) * BINS as f64) as usize).min(BINS - 1)
    };
    let place = |&(x, y): &(f64, f64)| bin(y, &axes.y_range) * BINS + bin(x, &axes.x_range);
    let mut counts = vec![0_usize; BINS * BINS];
    points.iter().for_each(|point| counts[place(point)] += 1);
    let most = counts.iter().max().map_or(0.0, |most| (*most as f64).ln()).max(1e-9);
    points.iter().map(|point| (counts[place(point)] as f64).ln() / most).collect()
}
