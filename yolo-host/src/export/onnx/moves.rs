//! Tensors in other places, and the numbers that say where.

use super::writer::{Value, Writer};

/// Sizes as an attribute.
pub fn ints(values: &[usize]) -> Value {
    Value::Ints(values.iter().map(|value| *value as i64).collect())
}

/// A border: left, right, top, bottom, and the constant in it.
pub fn pad(w: &mut Writer, x: &str, [left, right, top, bottom]: [usize; 4], value: f64) -> String {
    let pads = [0, 0, top, left, 0, 0, bottom, right].map(|side| side as i64);
    let (pads, value) = (w.ints(&pads), w.float(value));
    w.node("Pad", &[x, &pads, &value], &[("mode", Value::Text("constant"))])
}

/// The axes in this order.
pub fn transpose(w: &mut Writer, x: &str, axes: &[i64]) -> String {
    w.node("Transpose", &[x], &[("perm", Value::Ints(axes.to_vec()))])
}

/// Channels in this order.
pub fn gather(w: &mut Writer, x: &str, channels: Vec<i64>) -> String {
    let channels = w.ints(&channels);
    w.node("Gather", &[x, &channels], &[("axis", Value::Int(1))])
}

/// A part of an axis; `end` may be beyond it.
pub fn slice(w: &mut Writer, x: &str, axis: usize, start: usize, end: usize, step: usize) -> String {
    let whole = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let [start, end, axis, step] = [start, end, axis, step].map(|value| w.ints(&[whole(value)]));
    w.node("Slice", &[x, &start, &end, &axis, &step], &[])
}
