//! The Detect layer's arithmetic in evaluation: raw maps to boxes in pixels of the network's input.

use std::ops::Range;

/// One output of Detect for one picture: `[ny, nx, na · no]`.
#[derive(Clone, Copy, Debug)]
pub struct RawMap<'a> {
    /// Values, channels last.
    pub values: &'a [f32],
    /// Rows.
    pub ny: usize,
    /// Columns.
    pub nx: usize,
    /// Pixels of one cell.
    pub stride: f32,
    /// Width and height of each anchor, in cells.
    pub anchors: &'a [f32],
}

/// Rows `[x, y, w, h, objectness, classes …]` of all anchors, in the order map, anchor, row, column: centre and size in
/// pixels, the rest 0 to 1 (v6.1 `Detect.forward`). `no` is 5 + classes. Only rows `wanted` are made, counted in that order, and
/// those whose objectness is not above `threshold` are left out: suppression would drop them anyway, and they are almost all.
pub fn decode(maps: &[RawMap], wanted: Range<usize>, no: usize, threshold: f32) -> Vec<f32> {
    let mut rows = Vec::new();
    let mut first = 0;
    for map in maps {
        let cells = map.ny * map.nx;
        let na = map.anchors.len() / 2;
        for (anchor, size) in map.anchors.chunks_exact(2).enumerate() {
            let (start, end) = (wanted.start.saturating_sub(first), wanted.end.saturating_sub(first));
            first += cells;
            for cell in start..end.min(cells) {
                let values = &map.values[(cell * na + anchor) * no..][..no];
                if sigmoid(values[4]) <= threshold {
                    continue;
                }
                let at = |channel: usize| sigmoid(values[channel]);
                let (row, column) = ((cell / map.nx) as f32, (cell % map.nx) as f32);
                rows.push((at(0) * 2.0 + (column - 0.5)) * map.stride);
                rows.push((at(1) * 2.0 + (row - 0.5)) * map.stride);
                rows.push((at(2) * 2.0).powi(2) * (size[0] * map.stride));
                rows.push((at(3) * 2.0).powi(2) * (size[1] * map.stride));
                rows.extend((4..no).map(at));
            }
        }
    }
    rows
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
