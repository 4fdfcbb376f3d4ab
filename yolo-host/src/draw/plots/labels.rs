//! The labels of a dataset: how many of each class, where, and how large (v6.1 `plot_labels`).

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;
use super::chart::{
    Area, Axes, BLUES, GRID, INK, class_colour, class_name, figure, scale, short, text, widest,
};
use crate::draw::shapes::frame;
use crate::image::Image;

/// So many boxes are drawn one over another.
const MOST_BOXES: usize = 1000;
/// With as many classes or more the bars have no names.
const MOST_NAMED: usize = 31;
/// Steps of the histograms of places and sizes.
pub(super) const BINS: usize = 50;
const SIDE: usize = 1800;
const TEXT: usize = 26;

/// Four panels, of labels `[class, x, y, width, height]` with the box as shares of its image: instances of each class,
/// boxes about one centre, a histogram of centres and one of sizes.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn labels(labels: &[[f32; 5]], names: &[String]) -> Result<Image, PlotError> {
    let labels: Vec<[f32; 5]> =
        labels.iter().filter(|label| label.iter().all(|value| value.is_finite())).copied().collect();
    let mut image = figure(SIDE, SIDE, |area| {
        let panels = area.split_evenly((2, 2));
        classes(&panels[0], &labels, names)?;
        let column = |i: usize| labels.iter().map(move |label| f64::from(label[i]));
        density(&panels[2], ("x", "y"), (TEXT, 6), column(1).zip(column(2)))?;
        density(&panels[3], ("width", "height"), (TEXT, 6), column(3).zip(column(4)))
    })?;
    boxes(&mut image, &labels);
    Ok(image)
}

fn class(label: &[f32; 5]) -> usize {
    label[0] as usize
}

/// A bar for each class.
fn classes(area: &Area, labels: &[[f32; 5]], names: &[String]) -> Result<(), PlotError> {
    let nc =
        labels.iter().map(|label| class(label).min(9999) + 1).max().unwrap_or(1).max(names.len().min(10_000));
    let mut counts = vec![0_usize; nc];
    labels.iter().map(class).filter(|class| *class < nc).for_each(|class| counts[class] += 1);
    let most = counts.iter().max().copied().unwrap_or(0).max(1) as f64;
    let named = nc < MOST_NAMED;
    let (width, height) = (area.dim_in_pixel().0 as i32, area.dim_in_pixel().1 as i32);
    let name = |class: usize| short(&class_name(names, class), 16);
    let below = if named { 20 + widest((0..nc).map(name), TEXT) as i32 } else { 2 * TEXT as i32 + 30 };
    let (left, right, top, bottom) = (5 * TEXT as i32, width - TEXT as i32, 2 * TEXT as i32, height - below);
    for quarter in 0..=4 {
        let y = bottom - (bottom - top) * quarter / 4;
        area.draw(&PathElement::new([(left, y), (right, y)], GRID))?;
        let number = format!("{:.0}", most * f64::from(quarter) / 4.0);
        area.draw_text(&number, &text(TEXT).pos(Pos::new(HPos::Right, VPos::Center)), (left - 10, y))?;
    }
    let place =
        |class: usize, share: f64| left + ((right - left) as f64 * (class as f64 + share) / nc as f64) as i32;
    for (class, &count) in counts.iter().enumerate() {
        let y = bottom - ((bottom - top) as f64 * count as f64 / most) as i32;
        let corners = [(place(class, 0.1), y), (place(class, 0.9), bottom)];
        area.draw(&Rectangle::new(corners, class_colour(class).filled()))?;
        let middle = place(class, 0.5);
        let style = text(if named { TEXT.min(((right - left) as usize / nc).max(14)) } else { TEXT });
        if named {
            let turned = style.pos(Pos::new(HPos::Right, VPos::Center)).transform(FontTransform::Rotate270);
            area.draw_text(&name(class), &turned, (middle, bottom + 10))?;
        } else if class % 10usize.pow((nc / 10).ilog10().max(1)) == 0 {
            let centred = style.pos(Pos::new(HPos::Center, VPos::Top));
            area.draw_text(&class.to_string(), &centred, (middle, bottom + 8))?;
        }
    }
    area.draw(&PathElement::new([(left, bottom), (right, bottom)], INK.stroke_width(2)))?;
    let centred = text(TEXT + 3).pos(Pos::new(HPos::Center, VPos::Center));
    area.draw_text(
        "instances",
        &centred.transform(FontTransform::Rotate270),
        (TEXT as i32, (top + bottom) / 2),
    )?;
    if !named {
        area.draw_text("classes", &centred, ((left + right) / 2, height - TEXT as i32 / 2 - 4))?;
    }
    Ok(())
}

/// How often values from 0 to 1 fall together, as darkness; text has a height in pixels, axes so many numbers.
pub(super) fn density(
    area: &Area,
    (x, y): (&str, &str),
    (text, ticks): (usize, usize),
    points: impl Iterator<Item = (f64, f64)>,
) -> Result<(), PlotError> {
    let mut counts = vec![0_usize; BINS * BINS];
    let bin = |value: f64| ((value * BINS as f64) as usize).min(BINS - 1);
    points.for_each(|(x, y)| counts[bin(y) * BINS + bin(x)] += 1);
    let most = counts.iter().max().copied().unwrap_or(0).max(1) as f64;
    let ticks = (ticks, ticks);
    let axes = Axes { title: "", x, y, x_range: 0.0..1.0, y_range: 0.0..1.0, text, ticks, whole: false };
    let mut chart = axes.draw(area)?;
    let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    chart.draw_series(filled.map(|(at, &count)| {
        let corner = |i: usize| ((at % BINS + i) as f64 / BINS as f64, (at / BINS + i) as f64 / BINS as f64);
        // The root shows rare places beside frequent ones; one is not to be white.
        let share = 0.12 + 0.88 * (count as f64 / most).sqrt();
        Rectangle::new([corner(0), corner(1)], scale(&BLUES, share).filled())
    }))?;
    Ok(())
}

/// The first boxes about one centre, in the upper right quarter.
fn boxes(image: &mut Image, labels: &[[f32; 5]]) {
    let quarter = SIDE / 2;
    let room = quarter - 2 * TEXT;
    for label in labels.iter().take(MOST_BOXES) {
        let half = |share: f32| (share.clamp(0.0, 1.0) * room as f32 / 2.0) as isize;
        let (x, y) = ((quarter + quarter / 2) as isize, (quarter / 2) as isize);
        let (w, h) = (half(label[3]), half(label[4]));
        frame(image, x - w..x + w + 1, y - h..y + h + 1, 1, crate::draw::colour(class(label)));
    }
}
