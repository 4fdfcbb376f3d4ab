//! Dense convolution, forward and for the gradient of the input, as a gathered matrix product: each pixel of a plan's grid
//! sums, over its taps, the source's channels times a matrix. Nothing is copied or packed but very wide matrices: a tile of
//! pixels is held in registers and reads each source pixel where it lies.
#![allow(unsafe_code)] // the fast path reads and writes through pointers

use super::tile::{blocks, by_width, store, vectors};
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
pub fn reference<T: Float>(job: &Dense<T>, dst: &mut [T]) {
    let (src, src_pixel, first) = job.src;
    let (weight, columns, column) = job.weight;
    for pixel in job.plan.walk(0) {
        let start = pixel.dst * job.dst.0 + job.dst.1;
        let sum = &mut dst[start..start + job.cout];
        match job.bias {
            Some(bias) => sum.copy_from_slice(bias),
            None => sum.fill(T::zero()),
        }
        for tap in &job.plan.taps {
            let Some(place) = pixel.source(tap, job.plan.src) else { continue };
            let x = &src[place * src_pixel + first..][..job.cin];
            for (ci, x) in x.iter().enumerate() {
                let row = &weight[(tap.index * job.cin + ci) * columns + column..][..job.cout];
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
    /// Room for a part of a matrix.
    static PANEL: Cell<Vec<f32>> = const { Cell::new(vec![]) };
}

/// One task of [`fast`]: pixels from `first` to `last` of channels `start..start + width`.
struct Part<'a> {
    job: &'a Dense<'a, f32>,
    /// What a tap finds in the border.
    zeros: &'a [f32],
    dst: Shared<f32>,
    start: usize,
    width: usize,
    first: usize,
    last: usize,
}

/// [`Dense`] with the instructions of `isa`.
pub fn fast(isa: Isa, job: &Dense<f32>, dst: &mut [f32]) {
    let pixels = job.plan.pixels();
    let depth = job.plan.taps.len() * job.cin;
    let blocks = blocks(isa, job.cout);
    let widest = blocks.iter().map(|block| block.1).max().unwrap_or(1);
    // Some sixteen tasks, but none smaller than its start is worth, nor larger than the cache.
    let least = TASK / (depth * widest).max(1);
    let chunk = pixels.div_ceil(16usize.div_ceil(blocks.len().max(1))).max(least);
    let chunk = chunk.next_multiple_of(PIXELS).clamp(PIXELS, 6_000);
    let chunks = pixels.div_ceil(chunk);
    check(job, dst);
    let (zeros, dst) = (vec![0.0; job.cin], Shared::new(dst));
    tasks(blocks.len() * chunks, pixels * depth * job.cout, |task| {
        let (start, width) = blocks[task / chunks];
        let first = task % chunks * chunk;
        let last = (first + chunk).min(pixels);
        let part = &Part { job, zeros: &zeros, dst, start, width, first, last };
        dispatch!(isa, forward(part: &Part));
    });
}

/// The pointers of the fast path stay inside the slices.
fn check(job: &Dense<f32>, dst: &[f32]) {
    let plan = job.plan;
    assert!(
        plan.fits(plan.src, (job.src.1, job.src.2), job.cin, job.src.0.len(), true),
        "the source is too small"
    );
    assert!(plan.fits(plan.dst, job.dst, job.cout, dst.len(), false), "the destination is too small");
    let last = plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0);
    assert!(job.weight.2 + job.cout <= job.weight.1, "the weight has too few columns");
    assert!(last * job.cin * job.weight.1 <= job.weight.0.len(), "the weight is too small");
    assert!(job.bias.is_none_or(|bias| bias.len() >= job.cout), "the bias is too small");
}

/// # Safety
/// The processor has the instructions; `check` holds; no other task writes these pixels and channels.
#[inline(always)]
unsafe fn forward<S: Simd>(part: &Part) {
    // SAFETY: passed on.
    unsafe { by_width!(S, part.width, forward_tiles(part)) }
}

/// # Safety
/// As for [`forward`].
#[inline(always)]
unsafe fn forward_tiles<S: Simd, const P: usize, const N: usize, const FULL: bool>(part: &Part) {
    let job = part.job;
    let (src, src_pixel, src_first) = job.src;
    let (weight, columns, column) = job.weight;
    let partial = part.width - (N - 1) * S::LANES;
    // Rows of a wide matrix lie far apart, which memory does not like: then this part of it is brought together once.
    let depth = job.plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0) * job.cin;
    let packed = columns >= 256 && depth * part.width >= 32_768 && part.last - part.first >= 8 * P;
    let (mut columns, mut column) = (columns, column + part.start);
    let mut weight = weight.as_ptr();
    let mut panel = vec![];
    if packed {
        panel = PANEL.take();
        panel.clear();
        for row in 0..depth {
            panel.extend_from_slice(&job.weight.0[row * columns + column..][..part.width]);
        }
        (weight, columns, column) = (panel.as_ptr(), part.width, 0);
    }
    let mut walk = job.plan.walk(part.first);
    let mut done = part.first;
    while done < part.last {
        let count = P.min(part.last - done);
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
            if let Some(bias) = job.bias {
                let bias = vectors::<S, N, FULL>(bias.as_ptr().add(part.start), partial);
                sums = [bias; P];
            }
            for tap in &job.plan.taps {
                let mut from = [part.zeros.as_ptr(); P];
                let mut inside = false;
                for (from, pixel) in from.iter_mut().zip(&pixels) {
                    if let Some(place) = pixel.source(tap, job.plan.src) {
                        *from = src.as_ptr().add(place * src_pixel + src_first);
                        inside = true;
                    }
                }
                if !inside {
                    continue;
                }
                let mut row = weight.add(tap.index * job.cin * columns + column);
                for ci in 0..job.cin {
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
                let to = part.dst.ptr().add(pixel.dst * job.dst.0 + job.dst.1 + part.start);
                store::<S, N, FULL>(to, sums, partial);
            }
        }
    }
    if packed {
        PANEL.set(panel);
    }
}
