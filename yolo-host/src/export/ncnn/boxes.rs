//! What Detect does with its raw maps: boxes in pixels.

use super::moves::{as_dims, permute, sizes};
use super::writer::Param::{Float, Int, Ints};
use super::writer::{Blob, Writer};
use crate::model::Detect;

/// Rows `[x, y, w, h, objectness, classes …]` of all raw maps `[anchors · (5 + classes), height, width]`, as one blob
/// `[rows, 5 + classes]`; `anchors` are in cells.
pub fn decoded(w: &mut Writer, detect: &Detect, maps: &[Blob], anchors: &[f32]) -> Blob {
    let (na, no) = (detect.na, detect.no());
    let mut all: Vec<Blob> = vec![];
    for (i, map) in maps.iter().enumerate() {
        let stride = f64::from(detect.strides[i]);
        let [height, width] = [w.dims(*map)[1], w.dims(*map)[2]];
        let cells = height * width;
        let y = as_dims(w, *map, &[na, no, cells]);
        let y = w.layer("Sigmoid", &[y], &[], &[na, no, cells]);
        let parts = [vec![na, 2, cells], vec![na, 2, cells], vec![na, no - 4, cells]];
        let parts = w.layers("Slice", &[y], &[(0, Ints(vec![2, 2, -233])), (1, Int(1))], &parts);
        let [xy, wh, rest] = [parts[0], parts[1], parts[2]];

        // (2 · σ − 0.5 + cell) · stride
        let corner = |cell: usize| ((cell as f64 - 0.5) * stride) as f32;
        let grid: Vec<f32> = (0..2 * cells)
            .map(|at| if at < cells { corner(at % width) } else { corner((at - cells) / width) })
            .collect();
        let grid = constant(w, &format!("grid_{i}"), &[1, 2, cells], &grid);
        let xy = w.layer(
            "BinaryOp",
            &[xy],
            &[(0, Int(2)), (1, Int(1)), (2, Float(2.0 * stride))],
            &[na, 2, cells],
        );
        let xy = w.layer("BinaryOp", &[xy, grid], &[(0, Int(0))], &[na, 2, cells]);

        // (2 · σ)² · anchor
        let own = anchors.iter().skip(2 * na * i).take(2 * na);
        let pixels: Vec<f32> = own.map(|size| 4.0 * size * detect.strides[i]).collect();
        let pixels = constant(w, &format!("anchors_{i}"), &[na, 2, 1], &pixels);
        let wh = w.layer("UnaryOp", &[wh], &[(0, Int(4))], &[na, 2, cells]);
        let wh = w.layer("BinaryOp", &[wh, pixels], &[(0, Int(2))], &[na, 2, cells]);

        let y = w.layer("Concat", &[xy, wh, rest], &[(0, Int(1))], &[na, no, cells]);
        let y = permute(w, y, &[0, 2, 1]).unwrap_or(y);
        all.push(as_dims(w, y, &[na * cells, no]));
    }
    match all.as_slice() {
        [one] => *one,
        _ => {
            let rows = all.iter().map(|blob| w.dims(*blob)[0]).sum();
            w.layer("Concat", &all, &[(0, Int(0))], &[rows, no])
        }
    }
}

fn constant(w: &mut Writer, name: &str, dims: &[usize], values: &[f32]) -> Blob {
    let blob = w.named("MemoryData", name, &[], &sizes(dims), dims);
    w.floats(values);
    blob
}
