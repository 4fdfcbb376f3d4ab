//! mAP over time, a point a size of images (v6.1 `plot_val_study`, without the marks of a competitor).

use plotters::prelude::*;

use super::PlotError;
use super::chart::{Axes, BLUE, INK, figure, plottable, range, text};
use crate::image::Image;

const SIZE: (usize, usize) = (1600, 900);
const TEXT: usize = 26;

/// A network at one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StudyPoint {
    /// Longer side of the images in pixels.
    pub imgsz: usize,
    /// Time of the network an image.
    pub milliseconds: f64,
    /// mAP50-95, 0 to 1.
    pub map: f64,
}

/// A line through the points, each with its size beside it. Points that are not finite are left out.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn study(points: &[StudyPoint], title: &str) -> Result<Image, PlotError> {
    let place = |point: &StudyPoint| (point.milliseconds, 100.0 * point.map);
    let usable = |point: &&StudyPoint| plottable(place(point).0) && plottable(place(point).1);
    let points: Vec<&StudyPoint> = points.iter().filter(usable).collect();
    let places: Vec<(f64, f64)> = points.iter().map(|point| place(point)).collect();
    figure(SIZE.0, SIZE.1, |area| {
        let axes = Axes {
            title,
            x: "Network, ms an image",
            y: "mAP@0.5:0.95, %",
            x_range: range(places.iter().map(|place| place.0)),
            y_range: range(places.iter().map(|place| place.1)),
            text: TEXT,
            ticks: (10, 8),
            whole: false,
        };
        let mut chart = axes.draw(area)?;
        chart.draw_series([PathElement::new(places.clone(), BLUE.stroke_width(4))])?;
        chart.draw_series(places.iter().map(|&place| Circle::new(place, 8, BLUE.filled())))?;
        let label = |(point, &place): (&&StudyPoint, &(f64, f64))| {
            EmptyElement::at(place) + Text::new(point.imgsz.to_string(), (12, 6), text(TEXT).color(&INK))
        };
        chart.draw_series(points.iter().zip(&places).map(label))?;
        Ok(())
    })
}
