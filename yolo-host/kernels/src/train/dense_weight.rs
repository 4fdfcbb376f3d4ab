//! The gradient of a dense convolution's weight: the sums of a tile of source channels by vectors of output channels stay in
//! registers while pixels pass by.
#![allow(unsafe_code)] // the fast path reads and writes through pointers

use super::microkernel::{by_width, panels, store, vectors};
use crate::base::Float;
use crate::base::isa::Isa;
use crate::base::parallel::{Shared, tasks};
use crate::base::simd::{Simd, dispatch};
use crate::ops::window::{Plan, Tap};

/// grad[t][ci][co] = Σ over pixels p of src[p, t][ci] · grad_output[p][co]
#[derive(Clone, Copy)]
pub struct DenseWeight<'a, T> {
    /// The plan of the forward pass.
    pub plan: &'a Plan,
    /// As in [`Dense`](super::dense::Dense).
    pub src: (&'a [T], usize, usize),
    /// As in [`Dense`](super::dense::Dense).
    pub cin: usize,
    /// The gradient of the output, its channels between two pixels, and the first that takes part.
    pub grad_output: (&'a [T], usize, usize),
    /// Channels of it that take part.
    pub cout: usize,
    /// Columns of the result, and the first that is written.
    pub columns: (usize, usize),
}

/// [`DenseWeight`] by plain loops.
pub fn reference<T: Float>(conv: &DenseWeight<T>, grad: &mut [T]) {
    let (src, src_pixel, first) = conv.src;
    let (grad_output, dy_pixel, dy_first) = conv.grad_output;
    for tap in &conv.plan.taps {
        for ci in 0..conv.cin {
            let start = (tap.index * conv.cin + ci) * conv.columns.0 + conv.columns.1;
            let sum = &mut grad[start..start + conv.cout];
            sum.fill(T::zero());
            for pixel in conv.plan.walk(0) {
                let Some(place) = pixel.source(tap, conv.plan.src) else { continue };
                let x = src[place * src_pixel + first + ci];
                let dy = &grad_output[pixel.dst * dy_pixel + dy_first..][..conv.cout];
                for (sum, dy) in sum.iter_mut().zip(dy) {
                    *sum += x * *dy;
                }
            }
        }
    }
}

/// Pixels between two visits of a tile's sums, few enough that what they read stays in the first-level cache.
const BLOCK: usize = 96;
/// Most source channels of one task.
const ROWS: usize = 48;

/// A share of [`fast`]: one row of the kernel, some source channels, one panel of columns.
struct Task<'a> {
    conv: &'a DenseWeight<'a, f32>,
    grad: Shared<f32>,
    taps: &'a [Tap],
    rows: (usize, usize),
    start: usize,
    width: usize,
}

/// [`DenseWeight`] with the instructions of `isa`.
pub fn fast(isa: Isa, conv: &DenseWeight<f32>, grad: &mut [f32]) {
    let plan = conv.plan;
    let pixels = plan.pixels();
    // The elements of one row of the kernel read the same rows of both maps.
    let taps: Vec<&[Tap]> = plan.taps.chunk_by(|a, b| a.dy == b.dy).collect();
    let panels = panels(isa, conv.cout);
    // At least two tasks a panel, where there are enough channels, and none with more channels than the cache holds.
    let groups = conv.cin.div_ceil(ROWS).max(2).min(conv.cin.div_ceil(6)).max(1);
    let rows = conv.cin.div_ceil(groups).next_multiple_of(6);
    let groups = conv.cin.div_ceil(rows);
    check(conv, grad);
    let work = pixels * plan.taps.len() * conv.cin * conv.cout;
    let grad = Shared::new(grad);
    tasks(taps.len() * groups * panels.len(), work, |task| {
        let (start, width) = panels[task % panels.len()];
        let group = task / panels.len() % groups;
        let taps = taps[task / panels.len() / groups];
        let rows = (group * rows, ((group + 1) * rows).min(conv.cin));
        let task = &Task { conv, grad, taps, rows, start, width };
        dispatch!(isa, weight(task: &Task));
    });
}

/// The pointers of the fast path stay inside the slices.
fn check(conv: &DenseWeight<f32>, grad: &[f32]) {
    let plan = conv.plan;
    let (src, dy) = (conv.src, conv.grad_output);
    assert!(plan.fits(plan.src, (src.1, src.2), conv.cin, src.0.len(), true), "the source is too small");
    assert!(plan.fits(plan.dst, (dy.1, dy.2), conv.cout, dy.0.len(), false), "the gradient is too small");
    let last = plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0);
    assert!(conv.columns.1 + conv.cout <= conv.columns.0, "the result has too few columns");
    assert!(last * conv.cin * conv.columns.0 <= grad.len(), "the result is too small");
}

/// # Safety
/// The processor has the instructions; `check` holds; no other task writes these sums.
#[inline(always)]
unsafe fn weight<S: Simd>(task: &Task) {
    // SAFETY: passed on.
    unsafe { by_width!(S, task.width, weight_tiles(task)) }
}

/// # Safety
/// As for [`weight`].
#[inline(always)]
unsafe fn weight_tiles<S: Simd, const P: usize, const N: usize, const FULL: bool>(task: &Task) {
    let conv = task.conv;
    let plan = conv.plan;
    let [height, width] = plan.grid;
    // Pieces of a row, or several rows, of as many pixels.
    let across = width.div_ceil(width.div_ceil(BLOCK).max(1)).max(1);
    let down = (BLOCK / width.max(1)).max(1);
    let rows = plan.batch * height;
    let inside: Vec<(usize, usize)> = task.taps.iter().map(|tap| plan.inside(tap, 1)).collect();
    let mut fresh = vec![true; task.taps.len()];
    let mut runs: Vec<Run> = Vec::with_capacity(BLOCK);
    for top in (0..rows).step_by(down) {
        for left in (0..width).step_by(across) {
            for ((tap, inside), fresh) in task.taps.iter().zip(&inside).zip(&mut fresh) {
                let (x, end) = (left.max(inside.0), (left + across).min(inside.1));
                runs.clear();
                for row in (top..(top + down).min(rows)).filter(|_| x < end) {
                    let from = (row % height * plan.src_step[0]) as isize + tap.dy;
                    if (from as usize) < plan.src[0] {
                        let column = ((x * plan.src_step[1]) as isize + tap.dx) as usize;
                        let source = (row / height * plan.src[0] + from as usize) * plan.src[1] + column;
                        let grad = row * width + x;
                        runs.push(Run {
                            src: source * conv.src.1 + conv.src.2,
                            grad: grad * conv.grad_output.1 + conv.grad_output.2 + task.start,
                            count: end - x,
                        });
                    }
                }
                if !runs.is_empty() {
                    // SAFETY: passed on; the runs are of the grid.
                    unsafe { weight_block::<S, P, N, FULL>(task, tap, &runs, *fresh) };
                    *fresh = false;
                }
            }
        }
    }
    // Where a tap never met the map, the sums are zero.
    for (tap, _) in task.taps.iter().zip(fresh).filter(|(_, fresh)| *fresh) {
        // SAFETY: passed on; there are no runs.
        unsafe { weight_block::<S, P, N, FULL>(task, tap, &[], true) };
    }
}

/// Neighbouring pixels of one row: where the source and the gradient of the first begin, and how many there are.
struct Run {
    src: usize,
    grad: usize,
    count: usize,
}

/// Adds some pixels to every row of a task.
///
/// # Safety
/// As for [`weight`]; the runs are of the plan's grid.
#[inline(always)]
unsafe fn weight_block<S: Simd, const P: usize, const N: usize, const FULL: bool>(
    task: &Task,
    tap: &Tap,
    runs: &[Run],
    first: bool,
) {
    let mut ci = task.rows.0;
    while ci < task.rows.1 {
        let block = RowBlock { task, tap, runs, ci, first };
        // SAFETY: passed on; the rows are of the task.
        ci += unsafe {
            match task.rows.1 - ci {
                left if left >= P => rows::<S, P, N, FULL>(&block),
                left if left >= 6 => rows::<S, 6, N, FULL>(&block),
                left if left >= 4 => rows::<S, 4, N, FULL>(&block),
                left if left >= 2 => rows::<S, 2, N, FULL>(&block),
                _ => rows::<S, 1, N, FULL>(&block),
            }
        };
    }
}

/// Some rows of a task, for one block of pixels.
struct RowBlock<'a> {
    task: &'a Task<'a>,
    tap: &'a Tap,
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
    let RowBlock { task, tap, runs, ci, first } = *block;
    let conv = task.conv;
    let partial = task.width - (N - 1) * S::LANES;
    let start = (tap.index * conv.cin + ci) * conv.columns.0 + conv.columns.1 + task.start;
    let (src_step, grad_step) = (conv.plan.src_step[1] * conv.src.1, conv.grad_output.1);
    // SAFETY: `check` holds.
    unsafe {
        let to = task.grad.ptr().add(start);
        let mut sums = [[S::zero(); N]; P];
        if !first {
            for (row, sums) in sums.iter_mut().enumerate() {
                *sums = vectors::<S, N, FULL>(to.add(row * conv.columns.0), partial);
            }
        }
        for run in runs {
            let mut x = conv.src.0.as_ptr().add(run.src + ci);
            let mut g = conv.grad_output.0.as_ptr().add(run.grad);
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
            store::<S, N, FULL>(to.add(row * conv.columns.0), sums, partial);
        }
    }
    P
}
