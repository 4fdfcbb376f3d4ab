//! What all plots share: a figure, axes that look alike, numbers at ticks, colours.

use std::borrow::Cow;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::TextStyle;

use super::PlotError;
use super::canvas::Canvas;
use crate::classes::colour;
use crate::draw::readable;
use crate::draw::text::Text;
use crate::image::Image;
use crate::report::general;

pub(super) type Area<'a> = DrawingArea<Canvas<'a>, Shift>;
pub(super) type Chart<'a, 'b> = ChartContext<'b, Canvas<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Ink of text, and of lines that only help the eye.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(super) const GRID: RGBColor = RGBColor(0xE4, 0xE4, 0xE4);
/// Lines that matter most, and a second one beside them.
pub(super) const BLUE: RGBColor = RGBColor(0x1F, 0x5F, 0xC4);
pub(super) const ORANGE: RGBColor = RGBColor(0xF0, 0x8A, 0x24);

/// A white image of a size in pixels, painted.
pub(super) fn figure(
    width: usize,
    height: usize,
    paint: impl FnOnce(&Area) -> Result<(), PlotError>,
) -> Result<Image, PlotError> {
    let mut image = Image { width, height, rgb: vec![255; 3 * width * height] };
    let area = Canvas(&mut image).into_drawing_area();
    paint(&area)?;
    drop(area);
    Ok(image)
}

/// Text of a height in pixels.
pub(super) fn text(height: usize) -> TextStyle<'static> {
    ("sans-serif", height as u32).into_font().color(&INK)
}

/// Axes with a grid: what they are called, their ranges, their text's height in pixels.
pub(super) struct Axes<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub x_range: Range<f64>,
    pub y_range: Range<f64>,
    pub text: usize,
    /// Numbers at ticks.
    pub ticks: (usize, usize),
    /// Whether only whole numbers stand at the horizontal axis.
    pub whole: bool,
}

impl Axes<'_> {
    pub fn draw<'a, 'b>(&self, area: &'b Area<'a>) -> Result<Chart<'a, 'b>, PlotError> {
        let height = self.text as u32;
        let mut builder = ChartBuilder::on(area);
        builder.margin(height);
        if !self.title.is_empty() {
            builder.caption(self.title, text(self.text + self.text / 4));
        }
        let below = height * if self.x.is_empty() { 2 } else { 3 };
        let left = height * if self.y.is_empty() { 4 } else { 5 };
        builder.x_label_area_size(below).y_label_area_size(left);
        let mut chart = builder.build_cartesian_2d(self.x_range.clone(), self.y_range.clone())?;
        let number = |value: &f64| tick(*value);
        let across = |value: &f64| match self.whole && (value - value.round()).abs() > 1e-6 {
            true => String::new(),
            false => tick(*value),
        };
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_labels(self.ticks.0)
            .y_labels(self.ticks.1)
            .x_label_formatter(&across)
            .y_label_formatter(&number)
            .label_style(text(self.text))
            .axis_desc_style(text(self.text + self.text / 8))
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK.stroke_width(2))
            .draw()?;
        Ok(chart)
    }
}

/// A number at a tick; rounding leaves something like 1e-17 where zero is meant.
fn tick(value: f64) -> String {
    general(if value.abs() < 1e-12 { 0.0 } else { value }, 4)
}

/// Whether a value has a place on an axis; the plotting library cannot reckon with the largest.
pub(super) fn plottable(value: f64) -> bool {
    value.abs() < 1e30
}

/// A range that holds all values that can be plotted, with some room.
pub(super) fn range(values: impl IntoIterator<Item = f64>) -> Range<f64> {
    let values = values.into_iter().filter(|value| plottable(*value));
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    match high - low {
        span if span < 0.0 => 0.0..1.0,
        span if span <= 1e-9 * high.abs().max(low.abs()) => {
            let room = (high.abs() * 0.1).max(1e-3);
            low - room..high + room
        }
        span => low - 0.05 * span..high + 0.05 * span,
    }
}

/// The colour of a class.
pub(super) fn class_colour(class: usize) -> RGBColor {
    let [red, green, blue] = colour(class);
    RGBColor(red, green, blue)
}

/// The name of a class, its index where it has none or no font has its letters.
pub(super) fn class_name(names: &[String], class: usize) -> String {
    let readable = |name: &String| match readable(name, class) {
        Cow::Borrowed(name) => name.to_owned(),
        Cow::Owned(_) => class.to_string(),
    };
    names.get(class).map_or_else(|| class.to_string(), readable)
}

/// At most so many letters of a name.
pub(super) fn short(name: &str, letters: usize) -> String {
    match name.char_indices().nth(letters) {
        None => name.to_owned(),
        Some(_) => name.chars().take(letters - 1).chain(['…']).collect(),
    }
}

/// Width in pixels of the widest of these texts.
pub(super) fn widest(texts: impl Iterator<Item = String>, height: usize) -> usize {
    let width = |text: String| Text::set(&text, height as f32).map_or(0, |text| text.width as usize);
    texts.map(width).max().unwrap_or(0)
}

/// A colour between those of a scale, for a share from 0 to 1.
pub(super) fn scale(colours: &[[u8; 3]], share: f64) -> RGBColor {
    let last = colours.len().saturating_sub(1);
    let place = share.clamp(0.0, 1.0) * last as f64;
    let at = (place as usize).min(last);
    let (low, high) = (colours[at], colours[(at + 1).min(last)]);
    let between = |i: usize| {
        let (low, high) = (f64::from(low[i]), f64::from(high[i]));
        (low + (high - low) * (place - at as f64)).round() as u8
    };
    RGBColor(between(0), between(1), between(2))
}

/// White to dark blue, and matplotlib's viridis at five places.
pub(super) const BLUES: [[u8; 3]; 4] =
    [[0xFF, 0xFF, 0xFF], [0xC6, 0xDB, 0xEF], [0x4A, 0x90, 0xC4], [0x08, 0x30, 0x6B]];
pub(super) const VIRIDIS: [[u8; 3]; 5] =
    [[0x44, 0x01, 0x54], [0x3B, 0x52, 0x8B], [0x21, 0x91, 0x8C], [0x5E, 0xC9, 0x62], [0xFD, 0xE7, 0x25]];
