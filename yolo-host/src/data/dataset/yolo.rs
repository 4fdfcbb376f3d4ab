//! YOLO's label files: a line an object, its class and its box or its outline.

use std::path::Path;

use super::check::{Fault, Row, TroubleKind};
use super::entries;

/// The rows of a file, or the fault that makes it unreadable.
pub fn rows(file: &Path) -> Result<Vec<Row>, Fault> {
    let text = entries::text(file).map_err(|cause| (TroubleKind::BrokenLabels, cause.to_string()))?;
    parse(&text)
}

/// Rows of `class x y width height`; where one has more than six columns, all are outlines
/// `class x1 y1 x2 y2 …`, whose boxes are what surrounds them.
fn parse(text: &str) -> Result<Vec<Row>, Fault> {
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let numbers: Result<Vec<f32>, Fault> = line.split_whitespace().map(number).collect();
        lines.push(numbers?);
    }
    let outlines = lines.iter().any(|line| line.len() > 6);
    lines.into_iter().map(|line| if outlines { outline(&line) } else { rectangle(&line) }).collect()
}

fn number(word: &str) -> Result<f32, Fault> {
    // By way of double precision, as Python goes.
    let number: Result<f64, _> = word.parse();
    number
        .map(|number| number as f32)
        .map_err(|_| (TroubleKind::BrokenLabels, format!("'{word}' is not a number")))
}

fn rectangle(line: &[f32]) -> Result<Row, Fault> {
    let &[class, x, y, width, height] = line else {
        return Err((TroubleKind::Columns, format!("labels need 5 columns, a row has {}", line.len())));
    };
    Ok(Row { class, rect: [x, y, width, height], segment: vec![] })
}

fn outline(line: &[f32]) -> Result<Row, Fault> {
    let (class, points) = line.split_first().map_or((0.0, &[][..]), |(&class, points)| (class, points));
    let (points, rest) = points.as_chunks::<2>();
    if points.is_empty() || !rest.is_empty() {
        let text = format!("an outline needs a class and pairs of numbers, a row has {} columns", line.len());
        return Err((TroubleKind::Columns, text));
    }
    Ok(Row { class, rect: surrounding(points), segment: points.to_vec() })
}

/// Centre, width and height of what surrounds the points: upstream's `segments2boxes`.
fn surrounding(points: &[[f32; 2]]) -> [f32; 4] {
    let nan = |f: fn(f32, f32) -> f32| {
        move |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { f(a, b) }
    };
    let along = |axis: usize| {
        let values = points.iter().map(|point| point[axis]);
        let least = values.clone().fold(f32::INFINITY, nan(f32::min));
        (least, values.fold(f32::NEG_INFINITY, nan(f32::max)))
    };
    let ((left, right), (top, bottom)) = (along(0), along(1));
    [(left + right) / 2.0, (top + bottom) / 2.0, right - left, bottom - top]
}
