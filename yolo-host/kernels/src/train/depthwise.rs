//! Depthwise convolution, forward and for the gradient of the input: every channel by itself, a vector of neighbouring channels
//! at a time.
#![allow(unsafe_code)] // the fast path reads and writes through pointers

use crate::base::Float;
use crate::base::isa::Isa;
use crate::base::parallel::{Shared, tasks};
use crate::base::simd::{Simd, dispatch};
use crate::ops::window::{Plan, Tap};

/// dst[p][c] = bias[c] + Σ over taps t of src[p, t][c] · weight[t][c]
#[derive(Clone, Copy)]
pub struct Depthwise<'a, T> {
    /// Which pixels.
    pub plan: &'a Plan,
    /// The source.
    pub src: &'a [T],
    /// `[tap, channels]`
    pub weight: &'a [T],
    /// Channels.
    pub channels: usize,
    /// Added to every pixel.
    pub bias: Option<&'a [T]>,
}

/// [`Depthwise`] by plain loops.
pub fn reference<T: Float>(conv: &Depthwise<T>, dst: &mut [T]) {
    let channels = conv.channels;
    for pixel in conv.plan.walk(0) {
        let sum = &mut dst[pixel.dst * channels..][..channels];
        match conv.bias {
            Some(bias) => sum.copy_from_slice(bias),
            None => sum.fill(T::zero()),
        }
        for tap in &conv.plan.taps {
            let Some(place) = pixel.source(tap, conv.plan.src) else { continue };
            let x = &conv.src[place * channels..][..channels];
            let w = &conv.weight[tap.index * channels..][..channels];
            for ((sum, x), w) in sum.iter_mut().zip(x).zip(w) {
                *sum += *x * *w;
            }
        }
    }
}

/// [`Depthwise`] with the instructions of `isa`.
pub fn fast(isa: Isa, conv: &Depthwise<f32>, dst: &mut [f32]) {
    let plan = conv.plan;
    let rows = plan.batch * plan.grid[0];
    let last = plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0);
    assert!(
        plan.batch * plan.src[0] * plan.src[1] * conv.channels <= conv.src.len(),
        "the source is too small"
    );
    assert!(
        plan.batch * plan.dst[0] * plan.dst[1] * conv.channels <= dst.len(),
        "the destination is too small"
    );
    assert!(last * conv.channels <= conv.weight.len(), "the weight is too small");
    assert!(conv.bias.is_none_or(|bias| bias.len() >= conv.channels), "the bias is too small");
    let work = plan.pixels() * plan.taps.len() * conv.channels;
    let group = (rows * 100_000 / work.max(1)).clamp(1, rows.max(1));
    let dst = Shared::new(dst);
    tasks(rows.div_ceil(group), work, |task| {
        for row in task * group..((task + 1) * group).min(rows) {
            let task = &RowTask { conv, dst, row };
            dispatch!(isa, forward_row(task: &RowTask));
        }
    });
}

/// One row of the grid.
struct RowTask<'a> {
    conv: &'a Depthwise<'a, f32>,
    dst: Shared<f32>,
    row: usize,
}

/// # Safety
/// The processor has the instructions; the slices are as large as `fast` checks; no other task writes this row.
#[inline(always)]
unsafe fn forward_row<S: Simd>(task: &RowTask) {
    let conv = task.conv;
    let (plan, channels) = (conv.plan, conv.channels);
    if plan.grid[1] == 0 {
        return;
    }
    // The taps whose row is on the map, and the columns for which all of them are.
    let mut walk = plan.walk(task.row * plan.grid[1]);
    let Some(first) = walk.next() else { return };
    let inside = |tap: &&Tap| ((first.y + tap.dy) as usize) < plan.src[0];
    let taps: Vec<&Tap> = plan.taps.iter().filter(inside).collect();
    let step = plan.src_step[1] as isize;
    let across = plan.src[1] as isize;
    let low = taps.iter().map(|tap| (-tap.dx).max(0) as usize).max().unwrap_or(0).div_ceil(step as usize);
    let high =
        taps.iter().map(|tap| (across - 1 - tap.dx).div_euclid(step) + 1).min().unwrap_or(0).max(0) as usize;
    let (low, high) = (low.min(plan.grid[1]), high.min(plan.grid[1]));
    let src_step = plan.src_step[1] * channels;
    let dst_step = plan.dst_step[1] * channels;
    // SAFETY: the pixels are of the grid, and the slices large enough for it.
    unsafe {
        let to = task.dst.ptr().add(first.dst * channels);
        let row_start = |tap: &Tap| {
            let place = first.before as isize + (first.y + tap.dy) * across + tap.dx;
            conv.src.as_ptr().wrapping_offset(place * channels as isize)
        };
        let weight = |tap: &Tap| conv.weight.as_ptr().add(tap.index * channels);
        let starts: Vec<(*const f32, *const f32)> =
            taps.iter().map(|tap| (row_start(tap), weight(tap))).collect();
        let mut c = 0;
        while c < channels {
            let count = (channels - c).min(S::LANES);
            let bias = match conv.bias {
                Some(bias) => load::<S>(bias.as_ptr().add(c), count),
                None => S::zero(),
            };
            let inner_end = high.max(low);
            let border = Border { taps: &taps, starts: &starts, step, across, src_step, c, count };
            for j in 0..low {
                save::<S>(to.add(j * dst_step + c), border.sum::<S>(j, bias), count);
            }
            // Four pixels share each load of a weight.
            let mut j = low;
            while j + 4 <= inner_end {
                let mut sums = [bias; 4];
                for (from, w) in &starts {
                    let w = load::<S>(w.add(c), count);
                    let from = from.wrapping_add(j * src_step + c);
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = S::mul_add(load::<S>(from.wrapping_add(i * src_step), count), w, *sum);
                    }
                }
                for (i, sum) in sums.iter().enumerate() {
                    save::<S>(to.add((j + i) * dst_step + c), *sum, count);
                }
                j += 4;
            }
            while j < plan.grid[1] {
                save::<S>(to.add(j * dst_step + c), border.sum::<S>(j, bias), count);
                j += 1;
            }
            c += S::LANES;
        }
    }
}

/// What pixels at the border need, which check every tap.
struct Border<'a> {
    taps: &'a [&'a Tap],
    starts: &'a [(*const f32, *const f32)],
    step: isize,
    across: isize,
    src_step: usize,
    c: usize,
    count: usize,
}

impl Border<'_> {
    /// # Safety
    /// As for [`forward_row`].
    #[inline(always)]
    unsafe fn sum<S: Simd>(&self, j: usize, bias: S::V) -> S::V {
        let mut sum = bias;
        for (tap, (from, w)) in self.taps.iter().zip(self.starts) {
            let x = j as isize * self.step + tap.dx;
            if x >= 0 && x < self.across {
                // SAFETY: the tap is on the map; the rest is passed on.
                unsafe {
                    let x = load::<S>(from.wrapping_add(j * self.src_step + self.c), self.count);
                    sum = S::mul_add(x, load::<S>(w.add(self.c), self.count), sum);
                }
            }
        }
        sum
    }
}

/// # Safety
/// So many numbers can be read.
#[inline(always)]
pub(super) unsafe fn load<S: Simd>(from: *const f32, count: usize) -> S::V {
    // SAFETY: passed on.
    unsafe { if count == S::LANES { S::load(from) } else { S::load_partial(from, count) } }
}

/// # Safety
/// So many numbers can be written.
#[inline(always)]
pub(super) unsafe fn save<S: Simd>(to: *mut f32, v: S::V, count: usize) {
    // SAFETY: passed on.
    unsafe { if count == S::LANES { S::store(to, v) } else { S::store_partial(to, v, count) } }
}
