//! Precision over recall, and precision, recall and F1 over confidence (v6.1 `plot_pr_curve`, `plot_mc_curve`).

use plotters::prelude::*;

use super::PlotError;
use super::chart::{Area, Axes, BLUE, INK, class_colour, class_name, figure, text};
use crate::eval::Summary;
use crate::image::Image;

/// With more classes than these their curves are grey and have no names, as upstream's.
const MOST_NAMED: usize = 20;
const SIZE: (usize, usize) = (1800, 1200);
const TEXT: usize = 28;

/// Precision over recall at IoU 0.5, with the AP of each class and the mAP.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn pr_curve(summary: &Summary, names: &[String]) -> Result<Image, PlotError> {
    let label = |i: usize| format!("{:.3}", summary.classes[i].ap50);
    let all = format!("all classes {:.3} mAP@0.5", summary.map50);
    plot(summary, &summary.curves.precision_over_recall, names, ("Recall", "Precision"), label, &all)
}

/// F1 over confidence.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn f1_curve(summary: &Summary, names: &[String]) -> Result<Image, PlotError> {
    over_confidence(summary, &summary.curves.f1, names, "F1")
}

/// Precision over confidence.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn p_curve(summary: &Summary, names: &[String]) -> Result<Image, PlotError> {
    over_confidence(summary, &summary.curves.precision, names, "Precision")
}

/// Recall over confidence.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn r_curve(summary: &Summary, names: &[String]) -> Result<Image, PlotError> {
    over_confidence(summary, &summary.curves.recall, names, "Recall")
}

fn over_confidence(
    summary: &Summary,
    curves: &[Vec<f64>],
    names: &[String],
    metric: &str,
) -> Result<Image, PlotError> {
    let mean = mean(curves, summary.curves.x.len());
    let best = (0..mean.len()).fold(0, |best, i| if mean[i] > mean[best] { i } else { best });
    let highest = mean.get(best).copied().unwrap_or(0.0);
    let all = format!("all classes {highest:.2} at {:.3}", summary.curves.x.get(best).unwrap_or(&0.0));
    plot(summary, curves, names, ("Confidence", metric), |_| String::new(), &all)
}

fn plot(
    summary: &Summary,
    curves: &[Vec<f64>],
    names: &[String],
    (x, y): (&str, &str),
    label: impl Fn(usize) -> String,
    all: &str,
) -> Result<Image, PlotError> {
    let points = |curve: &[f64]| -> Vec<(f64, f64)> {
        summary.curves.x.iter().copied().zip(curve.iter().copied()).collect()
    };
    let named = (1..=MOST_NAMED).contains(&curves.len());
    let mut legend: Vec<(String, ShapeStyle)> = Vec::new();
    figure(SIZE.0, SIZE.1, |area| {
        let (left, right) = area.split_horizontally(SIZE.0 as i32 * 7 / 10);
        let (ticks, text) = ((11, 11), TEXT);
        let axes = Axes { title: "", x, y, x_range: 0.0..1.0, y_range: 0.0..1.0, text, ticks, whole: false };
        let mut chart = axes.draw(&left)?;
        for (i, (row, curve)) in summary.classes.iter().zip(curves).enumerate() {
            let style = match named {
                true => class_colour(row.class).stroke_width(3),
                false => RGBColor(0xB8, 0xB8, 0xB8).stroke_width(2),
            };
            chart.draw_series([PathElement::new(points(curve), style)])?;
            if named {
                legend.push((format!("{} {}", class_name(names, row.class), label(i)), style));
            }
        }
        let thick = BLUE.stroke_width(7);
        chart.draw_series([PathElement::new(points(&mean(curves, summary.curves.x.len())), thick)])?;
        legend.push((all.to_string(), thick));
        draw_legend(&right, &legend)
    })
}

/// A line of the curve's colour before each name.
fn draw_legend(area: &Area, entries: &[(String, ShapeStyle)]) -> Result<(), PlotError> {
    let (width, height) = (area.dim_in_pixel().0 as i32, TEXT as i32);
    let room = (width - 90) as f32;
    for (i, (name, style)) in entries.iter().enumerate() {
        let y = height + (i as i32) * height * 3 / 2 + height / 2;
        area.draw(&PathElement::new([(0, y), (50, y)], *style))?;
        let fitting = fitted(area, name.trim_end(), room)?;
        area.draw_text(&fitting, &text(TEXT).color(&INK), (64, y - height / 2))?;
    }
    Ok(())
}

/// As much of a name as fits into a width in pixels.
fn fitted(area: &Area, name: &str, room: f32) -> Result<String, PlotError> {
    let mut letters: Vec<char> = name.chars().take(200).collect();
    let mut shown = name.to_string();
    while area.estimate_text_size(&shown, &text(TEXT))?.0 as f32 > room && letters.pop().is_some() {
        shown = letters.iter().collect::<String>() + "…";
    }
    Ok(shown)
}

/// The mean of the classes at each place, zero without classes.
fn mean(curves: &[Vec<f64>], points: usize) -> Vec<f64> {
    let sum = |at: usize| curves.iter().filter_map(|curve| curve.get(at)).sum::<f64>();
    (0..points).map(|at| sum(at) / curves.len().max(1) as f64).collect()
}
