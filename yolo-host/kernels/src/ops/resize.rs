//! Padding, channel shuffle, upsampling, and space to depth. Shapes are the graph's, `[batch, channels, height, width]`, of
//! maps that lie channels-last.

use crate::base::Float;
use crate::base::parallel::chunks_mut;
use crate::ops::strided::Axes;
use smallvec::smallvec;

/// The sizes of a result in memory's order, and what a step along each axis is in the source, for
/// [`gather`](crate::ops::strided::gather).
pub type GatherAxes = (Axes, Axes);

/// x with a border: left, right, top, bottom.
pub fn pad<T: Float>(x: &[T], shape: &[usize], border: [usize; 4], constant: T, y: &mut [T]) {
    y.fill(constant);
    each_row(shape, border, |from, to, len| y[to..to + len].copy_from_slice(&x[from..from + len]));
}

/// The gradient of [`pad`], which overwrites `grad_x`.
pub fn pad_backward<T: Float>(grad: &[T], shape: &[usize], border: [usize; 4], grad_x: &mut [T]) {
    each_row(shape, border, |to, from, len| grad_x[to..to + len].copy_from_slice(&grad[from..from + len]));
}

/// For each row of a map: where it lies in the map, where in the padded map, and its length.
fn each_row(
    shape: &[usize],
    [left, right, top, bottom]: [usize; 4],
    mut row: impl FnMut(usize, usize, usize),
) {
    let (channels, height, width) = (shape[1], shape[2], shape[3]);
    for image in 0..shape[0] {
        for y in 0..height {
            let outer = (image * (height + top + bottom) + y + top) * (width + left + right) + left;
            row((image * height + y) * width * channels, outer * channels, width * channels);
        }
    }
}

/// For each channel the one that a channel shuffle of so many groups puts there.
pub fn shuffle(channels: usize, groups: usize) -> Vec<usize> {
    (0..channels).map(|c| c % groups * (channels / groups) + c / groups).collect()
}

/// The reverse of a permutation.
pub fn inverse(table: &[usize]) -> Vec<usize> {
    let mut out = vec![0; table.len()];
    table.iter().enumerate().for_each(|(to, from)| out[*from] = to);
    out
}

/// `y[p, c] = x[p, table[c]]`
pub fn permute<T: Float>(x: &[T], y: &mut [T], table: &[usize]) {
    let channels = table.len().max(1);
    chunks_mut(y, (16_384 / channels).max(1) * channels, |start, y| {
        for (y, x) in y.chunks_exact_mut(channels).zip(x[start..].chunks_exact(channels)) {
            y.iter_mut().zip(table).for_each(|(y, from)| *y = x[*from]);
        }
    });
}

/// Nearest-neighbour upsampling: every pixel repeated `scale` times both ways.
pub fn nearest(shape: &[usize], scale: usize) -> GatherAxes {
    let [n, c, h, w] = [shape[0], shape[1], shape[2], shape[3]];
    (smallvec![n, h, scale, w, scale, c], smallvec![h * w * c, w * c, 0, c, 0, 1])
}

/// Squares of `size` × `size` pixels to channels. The pixel's position in its square comes before the channel, by rows (as
/// ONNX's SpaceToDepth) or by columns (as YOLOv5's Focus).
pub fn space_to_depth(shape: &[usize], size: usize, by_rows: bool) -> GatherAxes {
    let [n, c, h, w] = [shape[0], shape[1], shape[2], shape[3]];
    let (dy, dx) = (w * c, c);
    let inner = if by_rows { [dy, dx] } else { [dx, dy] };
    (
        smallvec![n, h / size, w / size, size, size, c],
        smallvec![h * w * c, size * dy, size * dx, inner[0], inner[1], 1],
    )
}

/// The inverse of [`space_to_depth`].
pub fn depth_to_space(shape: &[usize], size: usize, by_rows: bool) -> GatherAxes {
    let [n, c, h, w] = [shape[0], shape[1], shape[2], shape[3]];
    let out = c / (size * size);
    let (dy, dx) = if by_rows { (size * out, out) } else { (out, size * out) };
    (smallvec![n, h, size, w, size, out], smallvec![h * w * c, w * c, dy, c, dx, 1])
}

/// The two source places of an output place, and the share of the second (corners not aligned).
fn between(out: usize, scale: usize, size: usize) -> (usize, usize, f64) {
    let place = ((out as f64 + 0.5) / scale as f64 - 0.5).max(0.0);
    let low = (place as usize).min(size - 1);
    (low, (low + 1).min(size - 1), place - low as f64)
}

/// Bilinear upsampling, `scale` times both ways.
pub fn bilinear<T: Float>(x: &[T], shape: &[usize], scale: usize, y: &mut [T]) {
    y.fill(T::zero());
    each_corner(shape, scale, |from, to, share| {
        let c = shape[1];
        let (x, y) = (&x[from * c..][..c], &mut y[to * c..][..c]);
        y.iter_mut().zip(x).for_each(|(y, x)| *y += T::of(share) * *x);
    });
}

/// The gradient of [`bilinear`], which overwrites `grad_x`.
pub fn bilinear_backward<T: Float>(grad: &[T], shape: &[usize], scale: usize, grad_x: &mut [T]) {
    grad_x.fill(T::zero());
    each_corner(shape, scale, |to, from, share| {
        let c = shape[1];
        let (g, sum) = (&grad[from * c..][..c], &mut grad_x[to * c..][..c]);
        sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += T::of(share) * *g);
    });
}

/// For each output pixel the four source pixels that it is made of, and their weights.
fn each_corner(shape: &[usize], scale: usize, mut corner: impl FnMut(usize, usize, f64)) {
    let (height, width) = (shape[2], shape[3]);
    for image in 0..shape[0] {
        for y in 0..height * scale {
            let (top, bottom, down) = between(y, scale, height);
            for x in 0..width * scale {
                let (left, right, across) = between(x, scale, width);
                let to = (image * height * scale + y) * width * scale + x;
                let from = |y: usize, x: usize| (image * height + y) * width + x;
                corner(from(top, left), to, (1.0 - down) * (1.0 - across));
                corner(from(top, right), to, (1.0 - down) * across);
                corner(from(bottom, left), to, down * (1.0 - across));
                corner(from(bottom, right), to, down * across);
            }
        }
    }
}
