//! Dense convolution, forward and for the gradient of the input, as a gathered matrix product: each pixel of a plan's grid
//! sums, over its taps, the source's channels times a matrix. A tile of pixels reads each source pixel where it lies; only very
//! wide matrices are packed.
#![allow(unsafe_code)] // the fast path reads and writes through pointers

use super::microkernel::{by_width, panels, store, vectors};
use crate::base::Float;
use crate::base::isa::Isa;
use crate::base::parallel::{Shared, tasks};
use crate::base::simd::{Simd, dispatch};
use crate::ops::window::Plan;
use std::cell::Cell;

/// dst[p][co] = bias[co] + Σ over taps t and ci of src[p, t][ci] · weight[t][ci][co]
#[derive(Clone, Copy)]
pub struct Dense<'a, T> {
    /// Which pixels.
    pub plan: &'a Plan,
    /// The source, with its channels between two pixels and the first channel that takes part.
    pub src: (&'a [T], usize, usize),
    /// Channels of the source that take part.
    pub cin: usize,
    /// `[tap, cin, columns]`, how many columns there are, and the first that takes part.
    pub weight: (&'a [T], usize, usize),
    /// Channels between two pixels of the destination, and the first that is written.
    pub dst: (usize, usize),
    /// Channels that are written.
    pub cout: usize,
    /// Added to every pixel.
    pub bias: Option<&'a [T]>,
}

/// [`Dense`] by plain loops.
pub fn reference<T: Float>(conv: &Dense<T>, dst: &mut [T]) {
    let (src, src_pixel, first) = conv.src;
    let (weight, columns, column) = conv.weight;
    for pixel in conv.plan.walk(0) {
        let start = pixel.dst * conv.dst.0 + conv.dst.1;
        let sum = &mut dst[start..start + conv.cout];
        match conv.bias {
            Some(bias) => sum.copy_from_slice(bias),
            None => sum.fill(T::zero()),
        }
        for tap in &conv.plan.taps {
            let Some(place) = pixel.source(tap, conv.plan.src) else { continue };
            let x = &src[place * src_pixel + first..][..conv.cin];
            for (ci, x) in x.iter().enumerate() {
                let row = &weight[(tap.index * conv.cin + ci) * columns + column..][..conv.cout];
                for (sum, w) in sum.iter_mut().zip(row) {
                    *sum += *x * *w;
                }
            }
        }
    }
}

/// Most pixels of a tile.
const PIXELS: usize = 12;
/// Multiply-adds that one task should have.
const TASK: usize = 4_000_000;

thread_local! {
    /// The packed panel of a wide matrix.
    static PANEL: Cell<Vec<f32>> = const { Cell::new(vec![]) };
}

/// A thread's share of [`fast`]: pixels from `first` to `last` of channels `start..start + width`.
struct Task<'a> {
    conv: &'a Dense<'a, f32>,
    /// What a tap reads in the border.
    zeros: &'a [f32],
    dst: Shared<f32>,
    start: usize,
    width: usize,
    first: usize,
    last: usize,
}

/// [`Dense`] with the instructions of `isa`.
pub fn fast(isa: Isa, conv: &Dense<f32>, dst: &mut [f32]) {
    let pixels = conv.plan.pixels();
    let depth = conv.plan.taps.len() * conv.cin;
    let panels = panels(isa, conv.cout);
    let widest = panels.iter().map(|block| block.1).max().unwrap_or(1);
    // Some sixteen tasks, none of them so small that starting it would cost more, nor larger than the cache.
    let least = TASK / (depth * widest).max(1);
    let chunk = pixels.div_ceil(16usize.div_ceil(panels.len().max(1))).max(least);
    let chunk = chunk.next_multiple_of(PIXELS).clamp(PIXELS, 6_000);
    let chunks = pixels.div_ceil(chunk);
    check(conv, dst);
    let (zeros, dst) = (vec![0.0; conv.cin], Shared::new(dst));
    tasks(panels.len() * chunks, pixels * depth * conv.cout, |task| {
        let (start, width) = panels[task / chunks];
        let first = task % chunks * chunk;
        let last = (first + chunk).min(pixels);
        let task = &Task { conv, zeros: &zeros, dst, start, width, first, last };
        dispatch!(isa, forward(task: &Task));
    });
}

/// The pointers of the fast path stay inside the slices.
fn check(conv: &Dense<f32>, dst: &[f32]) {
    let plan = conv.plan;
    assert!(
        plan.fits(plan.src, (conv.src.1, conv.src.2), conv.cin, conv.src.0.len(), true),
        "the source is too small"
    );
    assert!(plan.fits(plan.dst, conv.dst, conv.cout, dst.len(), false), "the destination is too small");
    let last = plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0);
    assert!(conv.weight.2 + conv.cout <= conv.weight.1, "the weight has too few columns");
    assert!(last * conv.cin * conv.weight.1 <= conv.weight.0.len(), "the weight is too small");
    assert!(conv.bias.is_none_or(|bias| bias.len() >= conv.cout), "the bias is too small");
}

/// # Safety
/// The processor has the instructions; `check` holds; no other task writes these pixels and channels.
#[inline(always)]
unsafe fn forward<S: Simd>(task: &Task) {
    // SAFETY: passed on.
    unsafe { by_width!(S, task.width, forward_tiles(task)) }
}

/// # Safety
/// As for [`forward`].
#[inline(always)]
unsafe fn forward_tiles<S: Simd, const P: usize, const N: usize, const FULL: bool>(task: &Task) {
    let conv = task.conv;
    let (src, src_pixel, src_first) = conv.src;
    let (weight, columns, column) = conv.weight;
    let partial = task.width - (N - 1) * S::LANES;
    // Rows of a wide matrix lie many cache lines apart, which defeats prefetching: then the panel is packed once.
    let depth = conv.plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0) * conv.cin;
    let packed = columns >= 256 && depth * task.width >= 32_768 && task.last - task.first >= 8 * P;
    let (mut columns, mut column) = (columns, column + task.start);
    let mut weight = weight.as_ptr();
    let mut panel = vec![];
    if packed {
        panel = PANEL.take();
        panel.clear();
        for row in 0..depth {
            panel.extend_from_slice(&conv.weight.0[row * columns + column..][..task.width]);
        }
        (weight, columns, column) = (panel.as_ptr(), task.width, 0);
    }
    let mut walk = conv.plan.walk(task.first);
    let mut done = task.first;
    while done < task.last {
        let count = P.min(task.last - done);
        let Some(head) = walk.next() else { break };
        let mut pixels = [head; P];
        for pixel in pixels.iter_mut().take(count).skip(1) {
            if let Some(next) = walk.next() {
                *pixel = next;
            }
        }
        done += count;
        // SAFETY: `check` holds, and the pixels are of the grid.
        unsafe {
            let mut sums = [[S::zero(); N]; P];
            if let Some(bias) = conv.bias {
                let bias = vectors::<S, N, FULL>(bias.as_ptr().add(task.start), partial);
                sums = [bias; P];
            }
            for tap in &conv.plan.taps {
                let mut from = [task.zeros.as_ptr(); P];
                let mut inside = false;
                for (from, pixel) in from.iter_mut().zip(&pixels) {
                    if let Some(place) = pixel.source(tap, conv.plan.src) {
                        *from = src.as_ptr().add(place * src_pixel + src_first);
                        inside = true;
                    }
                }
                if !inside {
                    continue;
                }
                let mut row = weight.add(tap.index * conv.cin * columns + column);
                for ci in 0..conv.cin {
                    let w = vectors::<S, N, FULL>(row, partial);
                    for p in 0..P {
                        let x = S::splat(*from[p].add(ci));
                        for v in 0..N {
                            sums[p][v] = S::mul_add(x, w[v], sums[p][v]);
                        }
                    }
                    row = row.wrapping_add(columns);
                }
            }
            for (pixel, sums) in pixels.iter().zip(&sums).take(count) {
                let to = task.dst.ptr().add(pixel.dst * conv.dst.0 + conv.dst.1 + task.start);
                store::<S, N, FULL>(to, sums, partial);
            }
        }
    }
    if packed {
        PANEL.set(panel);
    }
}
