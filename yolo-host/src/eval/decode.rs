//! The Detect layer's arithmetic in evaluation: raw maps to boxes in pixels of the network's input.

/// One output of Detect for one picture: `[na · no, ny, nx]`.
#[derive(Clone, Copy, Debug)]
pub struct RawMap<'a> {
    /// Values, channels first.
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
/// pixels, the rest 0 to 1 (v6.1 `Detect.forward`). `no` is 5 + classes. Rows whose objectness is not above `threshold`
/// are left out: suppression would drop them anyway, and they are almost all.
pub fn decode(maps: &[RawMap], no: usize, threshold: f32) -> Vec<f32> {
    let cells = |map: &RawMap| map.ny * map.nx;
    let mut rows = Vec::new();
    for map in maps {
        for (anchor, size) in map.anchors.chunks_exact(2).enumerate() {
            let planes = &map.values[anchor * no * cells(map)..(anchor + 1) * no * cells(map)];
            for cell in 0..cells(map) {
                let at = |channel: usize| sigmoid(planes[channel * cells(map) + cell]);
                if at(4) <= threshold {
                    continue;
                }
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
