//! Dense convolution, forward and back, as a gathered matrix product: each pixel of a plan's grid sums, over its taps, the
//! source's channels times a matrix. Nothing is copied or packed: a tile of pixels is held in registers and reads each
//! source pixel where it lies.
#![allow(unsafe_code)] // the fast path reads and writes through pointers

use super::Float;
use super::isa::Isa;
use super::parallel::{Shared, tasks};
use super::plan::{Plan, Tap};
use super::simd::{Simd, dispatch, lanes};
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

/// grad[t][ci][co] = Σ over pixels p of src[p, t][ci] · grad_output[p][co]
#[derive(Clone, Copy)]
pub struct DenseWeight<'a, T> {
    /// The plan of the forward pass.
    pub plan: &'a Plan,
    /// As in [`Dense`].
    pub src: (&'a [T], usize, usize),
    /// As in [`Dense`].
    pub cin: usize,
    /// The gradient of the output, its channels between two pixels, and the first that takes part.
    pub grad_output: (&'a [T], usize, usize),
    /// Channels of it that take part.
    pub cout: usize,
    /// Columns of the result, and the first that is written.
    pub columns: (usize, usize),
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

/// [`DenseWeight`] by plain loops.
pub fn weight_reference<T: Float>(job: &DenseWeight<T>, grad: &mut [T]) {
    let (src, src_pixel, first) = job.src;
    let (grad_output, dy_pixel, dy_first) = job.grad_output;
    for tap in &job.plan.taps {
        for ci in 0..job.cin {
            let start = (tap.index * job.cin + ci) * job.columns.0 + job.columns.1;
            let sum = &mut grad[start..start + job.cout];
            sum.fill(T::zero());
            for pixel in job.plan.walk(0) {
                let Some(place) = pixel.source(tap, job.plan.src) else { continue };
                let x = src[place * src_pixel + first + ci];
                let dy = &grad_output[pixel.dst * dy_pixel + dy_first..][..job.cout];
                for (sum, dy) in sum.iter_mut().zip(dy) {
                    *sum += x * *dy;
                }
            }
        }
    }
}

/// Most pixels of a tile.
const PIXELS: usize = 12;
/// Multiply-adds that one task should have.
const TASK: usize = 4_000_000;
/// Pixels between two visits of the same gradient, so that what they read stays in the first cache.
const BLOCK: usize = 64;
/// Most source channels of one task of the gradient of the weight.
const ROWS: usize = 48;

/// Channels in blocks `(start, width)` of as equal width as vectors allow, at most so many vectors each.
fn blocks(isa: Isa, width: usize) -> Vec<(usize, usize)> {
    let (lanes, most) = lanes(isa);
    let vectors = width.div_ceil(lanes);
    let count = vectors.div_ceil(most);
    let starts: Vec<usize> = (0..=count).map(|i| (i * vectors / count.max(1) * lanes).min(width)).collect();
    starts.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect()
}

/// Calls `kernel::<S, P, N, FULL>` for a tile of P pixels (or rows) by N vectors, the last of which may be partly filled: as
/// many pixels as there are registers for their sums.
macro_rules! by_width {
    ($S:ident, $width:expr, $kernel:ident($($arg:expr),*)) => {
        match ($width.div_ceil($S::LANES), $width.is_multiple_of($S::LANES)) {
            (1, true) => $kernel::<$S, 12, 1, true>($($arg),*),
            (1, false) => $kernel::<$S, 12, 1, false>($($arg),*),
            (2, true) if $S::LANES == 8 => $kernel::<$S, 6, 2, true>($($arg),*),
            (2, false) if $S::LANES == 8 => $kernel::<$S, 6, 2, false>($($arg),*),
            (2, true) => $kernel::<$S, 12, 2, true>($($arg),*),
            (2, false) => $kernel::<$S, 12, 2, false>($($arg),*),
            (3, true) => $kernel::<$S, 8, 3, true>($($arg),*),
            (3, false) => $kernel::<$S, 8, 3, false>($($arg),*),
            (_, true) => $kernel::<$S, 6, 4, true>($($arg),*),
            (_, false) => $kernel::<$S, 6, 4, false>($($arg),*),
        }
    };
}

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
        let part = Part { job, zeros: &zeros, dst, start, width, first, last };
        dispatch!(isa, forward(&part): &Part);
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

/// `N` vectors, of the last of which only `partial` numbers are there unless it is full.
///
/// # Safety
/// The numbers can be read.
#[inline(always)]
unsafe fn vectors<S: Simd, const N: usize, const FULL: bool>(from: *const f32, partial: usize) -> [S::V; N] {
    // SAFETY: passed on.
    unsafe {
        let mut v = [S::zero(); N];
        for (i, v) in v.iter_mut().enumerate() {
            let from = from.add(i * S::LANES);
            *v = if FULL || i + 1 < N { S::load(from) } else { S::load_part(from, partial) };
        }
        v
    }
}

/// The reverse of [`vectors`].
///
/// # Safety
/// The numbers can be written.
#[inline(always)]
unsafe fn store<S: Simd, const N: usize, const FULL: bool>(to: *mut f32, v: &[S::V; N], partial: usize) {
    for (i, v) in v.iter().enumerate() {
        // SAFETY: passed on.
        unsafe {
            let to = to.add(i * S::LANES);
            if FULL || i + 1 < N { S::store(to, *v) } else { S::store_part(to, *v, partial) }
        }
    }
}

/// One task of [`weight_fast`]: one tap, some source channels, one block of columns.
struct WeightPart<'a> {
    job: &'a DenseWeight<'a, f32>,
    grad: Shared<f32>,
    tap: &'a Tap,
    rows: (usize, usize),
    start: usize,
    width: usize,
}

/// [`DenseWeight`] with the instructions of `isa`.
pub fn weight_fast(isa: Isa, job: &DenseWeight<f32>, grad: &mut [f32]) {
    let plan = job.plan;
    let (pixels, taps) = (plan.pixels(), plan.taps.len());
    let blocks = blocks(isa, job.cout);
    // Two parts at least, where there are two, and no larger ones than the cache likes.
    let groups = job.cin.div_ceil(ROWS).max(2).min(job.cin.div_ceil(6)).max(1);
    let rows = job.cin.div_ceil(groups).next_multiple_of(6);
    let groups = job.cin.div_ceil(rows);
    weight_check(job, grad);
    let work = pixels * taps * job.cin * job.cout;
    let grad = Shared::new(grad);
    tasks(taps * groups * blocks.len(), work, |task| {
        let (start, width) = blocks[task % blocks.len()];
        let group = task / blocks.len() % groups;
        let tap = &plan.taps[task / blocks.len() / groups];
        let rows = (group * rows, ((group + 1) * rows).min(job.cin));
        let part = WeightPart { job, grad, tap, rows, start, width };
        dispatch!(isa, weight(&part): &WeightPart);
    });
}

/// The pointers of the fast path stay inside the slices.
fn weight_check(job: &DenseWeight<f32>, grad: &[f32]) {
    let plan = job.plan;
    let (src, dy) = (job.src, job.grad_output);
    assert!(plan.fits(plan.src, (src.1, src.2), job.cin, src.0.len(), true), "the source is too small");
    assert!(plan.fits(plan.dst, (dy.1, dy.2), job.cout, dy.0.len(), false), "the gradient is too small");
    let last = plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0);
    assert!(job.columns.1 + job.cout <= job.columns.0, "the result has too few columns");
    assert!(last * job.cin * job.columns.0 <= grad.len(), "the result is too small");
}

/// # Safety
/// The processor has the instructions; `weight_check` holds; no other task writes this part of the result.
#[inline(always)]
unsafe fn weight<S: Simd>(part: &WeightPart) {
    // SAFETY: passed on.
    unsafe { by_width!(S, part.width, weight_tiles(part)) }
}

/// # Safety
/// As for [`weight`].
#[inline(always)]
unsafe fn weight_tiles<S: Simd, const P: usize, const N: usize, const FULL: bool>(part: &WeightPart) {
    let job = part.job;
    let plan = job.plan;
    let (low, high) = plan.inside(part.tap, 1);
    let mut runs: Vec<Run> = Vec::with_capacity(BLOCK);
    let (mut pixels, mut first) = (0, true);
    let rows = plan.batch * plan.grid[0];
    for row in 0..rows {
        let (picture, y) = (row / plan.grid[0], row % plan.grid[0]);
        let from = (y * plan.src_step[0]) as isize + part.tap.dy;
        if (from as usize) < plan.src[0] {
            let mut x = low;
            while x < high {
                let count = (high - x).min(BLOCK - pixels);
                let across = ((x * plan.src_step[1]) as isize + part.tap.dx) as usize;
                let source = (picture * plan.src[0] + from as usize) * plan.src[1] + across;
                let grad = row * plan.grid[1] + x;
                runs.push(Run {
                    src: source * job.src.1 + job.src.2,
                    grad: grad * job.grad_output.1 + job.grad_output.2 + part.start,
                    count,
                });
                (x, pixels) = (x + count, pixels + count);
                if pixels == BLOCK {
                    // SAFETY: passed on; the runs are of the grid.
                    unsafe { weight_block::<S, P, N, FULL>(part, &runs, first) };
                    runs.clear();
                    (pixels, first) = (0, false);
                }
            }
        }
    }
    // Also when nothing was inside: then the sums are zero.
    if pixels > 0 || first {
        // SAFETY: likewise.
        unsafe { weight_block::<S, P, N, FULL>(part, &runs, first) };
    }
}

/// Neighbouring pixels of one row: where the source and the gradient of the first begin, and how many there are.
struct Run {
    src: usize,
    grad: usize,
    count: usize,
}

/// Adds some pixels to every row of a part.
///
/// # Safety
/// As for [`weight`]; the runs are of the plan's grid.
#[inline(always)]
unsafe fn weight_block<S: Simd, const P: usize, const N: usize, const FULL: bool>(
    part: &WeightPart,
    runs: &[Run],
    first: bool,
) {
    let mut ci = part.rows.0;
    while ci < part.rows.1 {
        let block = RowBlock { part, runs, ci, first };
        // SAFETY: passed on; the rows are of the part.
        ci += unsafe {
            match part.rows.1 - ci {
                left if left >= P => rows::<S, P, N, FULL>(&block),
                left if left >= 6 => rows::<S, 6, N, FULL>(&block),
                left if left >= 4 => rows::<S, 4, N, FULL>(&block),
                left if left >= 2 => rows::<S, 2, N, FULL>(&block),
                _ => rows::<S, 1, N, FULL>(&block),
            }
        };
    }
}

/// Some rows of a part, for one block of pixels.
struct RowBlock<'a> {
    part: &'a WeightPart<'a>,
    runs: &'a [Run],
    ci: usize,
    /// Nothing has been summed yet.
    first: bool,
}

/// Adds one block of pixels to `P` rows from `ci` on; returns `P`.
///
/// # Safety
/// As for [`weight`]; there are so many rows.
#[inline(always)]
unsafe fn rows<S: Simd, const P: usize, const N: usize, const FULL: bool>(block: &RowBlock) -> usize {
    let RowBlock { part, runs, ci, first } = *block;
    let job = part.job;
    let partial = part.width - (N - 1) * S::LANES;
    let start = (part.tap.index * job.cin + ci) * job.columns.0 + job.columns.1 + part.start;
    let (src_step, grad_step) = (job.plan.src_step[1] * job.src.1, job.grad_output.1);
    // SAFETY: `weight_check` holds.
    unsafe {
        let to = part.grad.ptr().add(start);
        let mut sums = [[S::zero(); N]; P];
        if !first {
            for (row, sums) in sums.iter_mut().enumerate() {
                *sums = vectors::<S, N, FULL>(to.add(row * job.columns.0), partial);
            }
        }
        for run in runs {
            let mut x = job.src.0.as_ptr().add(run.src + ci);
            let mut g = job.grad_output.0.as_ptr().add(run.grad);
            for _ in 0..run.count {
                let dy = vectors::<S, N, FULL>(g, partial);
                for (row, sums) in sums.iter_mut().enumerate() {
                    let x = S::splat(*x.add(row));
                    for v in 0..N {
                        sums[v] = S::mul_add(x, dy[v], sums[v]);
                    }
                }
                (x, g) = (x.wrapping_add(src_step), g.wrapping_add(grad_step));
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            store::<S, N, FULL>(to.add(row * job.columns.0), sums, partial);
        }
    }
    P
}
