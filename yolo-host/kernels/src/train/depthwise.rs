//! Depthwise convolution, forward and back: every channel by itself, a vector of neighbouring channels at a time.
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

/// grad[t][c] = Σ over pixels p of src[p, t][c] · grad_output[p][c]
#[derive(Clone, Copy)]
pub struct DepthwiseWeight<'a, T> {
    /// The plan of the forward pass.
    pub plan: &'a Plan,
    /// The source.
    pub src: &'a [T],
    /// The gradient of the output.
    pub grad_output: &'a [T],
    /// Channels.
    pub channels: usize,
}

/// [`Depthwise`] by plain loops.
pub fn reference<T: Float>(job: &Depthwise<T>, dst: &mut [T]) {
    let channels = job.channels;
    for pixel in job.plan.walk(0) {
        let sum = &mut dst[pixel.dst * channels..][..channels];
        match job.bias {
            Some(bias) => sum.copy_from_slice(bias),
            None => sum.fill(T::zero()),
        }
        for tap in &job.plan.taps {
            let Some(place) = pixel.source(tap, job.plan.src) else { continue };
            let x = &job.src[place * channels..][..channels];
            let w = &job.weight[tap.index * channels..][..channels];
            for ((sum, x), w) in sum.iter_mut().zip(x).zip(w) {
                *sum += *x * *w;
            }
        }
    }
}

/// [`DepthwiseWeight`] by plain loops.
pub fn weight_reference<T: Float>(job: &DepthwiseWeight<T>, grad: &mut [T]) {
    let channels = job.channels;
    for tap in &job.plan.taps {
        let sum = &mut grad[tap.index * channels..][..channels];
        sum.fill(T::zero());
        for pixel in job.plan.walk(0) {
            let Some(place) = pixel.source(tap, job.plan.src) else { continue };
            let x = &job.src[place * channels..][..channels];
            let dy = &job.grad_output[pixel.dst * channels..][..channels];
            for ((sum, x), dy) in sum.iter_mut().zip(x).zip(dy) {
                *sum += *x * *dy;
            }
        }
    }
}

/// [`Depthwise`] with the instructions of `isa`.
pub fn fast(isa: Isa, job: &Depthwise<f32>, dst: &mut [f32]) {
    let plan = job.plan;
    let rows = plan.batch * plan.grid[0];
    let last = plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0);
    assert!(
        plan.batch * plan.src[0] * plan.src[1] * job.channels <= job.src.len(),
        "the source is too small"
    );
    assert!(
        plan.batch * plan.dst[0] * plan.dst[1] * job.channels <= dst.len(),
        "the destination is too small"
    );
    assert!(last * job.channels <= job.weight.len(), "the weight is too small");
    assert!(job.bias.is_none_or(|bias| bias.len() >= job.channels), "the bias is too small");
    let work = plan.pixels() * plan.taps.len() * job.channels;
    let group = (rows * 100_000 / work.max(1)).clamp(1, rows.max(1));
    let dst = Shared::new(dst);
    tasks(rows.div_ceil(group), work, |task| {
        for row in task * group..((task + 1) * group).min(rows) {
            let part = &Row { job, dst, row };
            dispatch!(isa, forward_row(part: &Row));
        }
    });
}

/// A row of the grid.
struct Row<'a> {
    job: &'a Depthwise<'a, f32>,
    dst: Shared<f32>,
    row: usize,
}

/// # Safety
/// The processor has the instructions; the slices are as large as `fast` checks; no other task writes this row.
#[inline(always)]
unsafe fn forward_row<S: Simd>(part: &Row) {
    let job = part.job;
    let (plan, channels) = (job.plan, job.channels);
    if plan.grid[1] == 0 {
        return;
    }
    // The taps whose row is inside, and the columns for which all of them are.
    let mut walk = plan.walk(part.row * plan.grid[1]);
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
        let to = part.dst.ptr().add(first.dst * channels);
        let row_start = |tap: &Tap| {
            let place = first.before as isize + (first.y + tap.dy) * across + tap.dx;
            job.src.as_ptr().wrapping_offset(place * channels as isize)
        };
        let weight = |tap: &Tap| job.weight.as_ptr().add(tap.index * channels);
        let starts: Vec<(*const f32, *const f32)> =
            taps.iter().map(|tap| (row_start(tap), weight(tap))).collect();
        let mut c = 0;
        while c < channels {
            let count = (channels - c).min(S::LANES);
            let bias = match job.bias {
                Some(bias) => load::<S>(bias.as_ptr().add(c), count),
                None => S::zero(),
            };
            let inner_end = high.max(low);
            let near = Border { taps: &taps, starts: &starts, step, across, src_step, c, count };
            for j in 0..low {
                save::<S>(to.add(j * dst_step + c), near.sum::<S>(j, bias), count);
            }
            // Four pixels at a time share each load of a weight.
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
                save::<S>(to.add(j * dst_step + c), near.sum::<S>(j, bias), count);
                j += 1;
            }
            c += S::LANES;
        }
    }
}

/// What pixels near the border need: they check every tap.
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
                // SAFETY: the tap is inside; the rest is passed on.
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
unsafe fn load<S: Simd>(from: *const f32, count: usize) -> S::V {
    // SAFETY: passed on.
    unsafe { if count == S::LANES { S::load(from) } else { S::load_partial(from, count) } }
}

/// # Safety
/// So many numbers can be written.
#[inline(always)]
unsafe fn save<S: Simd>(to: *mut f32, v: S::V, count: usize) {
    // SAFETY: passed on.
    unsafe { if count == S::LANES { S::store(to, v) } else { S::store_partial(to, v, count) } }
}

/// [`DepthwiseWeight`] with the instructions of `isa`.
pub fn weight_fast(isa: Isa, job: &DepthwiseWeight<f32>, grad: &mut [f32]) {
    let plan = job.plan;
    let last = plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0);
    assert!(
        plan.batch * plan.src[0] * plan.src[1] * job.channels <= job.src.len(),
        "the source is too small"
    );
    assert!(
        plan.batch * plan.dst[0] * plan.dst[1] * job.channels <= job.grad_output.len(),
        "the gradient is too small"
    );
    assert!(last * job.channels <= grad.len(), "the result is too small");
    // One sum an image, added in their order.
    let size = last * job.channels;
    let mut sums = vec![0.0; plan.batch * size];
    let work = plan.pixels() * plan.taps.len() * job.channels;
    let shared = Shared::new(&mut sums);
    tasks(plan.batch, work, |picture| {
        let part = &Picture { job, picture, sums: shared, size };
        dispatch!(isa, weight_picture(part: &Picture));
    });
    grad[..size].fill(0.0);
    for sums in sums.chunks(size.max(1)) {
        for (grad, sum) in grad.iter_mut().zip(sums) {
            *grad += sum;
        }
    }
}

struct Image<'a> {
    job: &'a DepthwiseWeight<'a, f32>,
    image: usize,
    sums: Shared<f32>,
    size: usize,
}

/// # Safety
/// The processor has the instructions; the slices are as large as `weight_fast` checks; no other task has this image.
#[inline(always)]
unsafe fn weight_image<S: Simd>(part: &Image) {
    let job = part.job;
    let (plan, channels) = (job.plan, job.channels);
    let per_image = plan.grid[0] * plan.grid[1];
    // SAFETY: each image has its own sums.
    let sums = unsafe { part.sums.get(part.image * part.size, part.size) };
    let mut walk = plan.walk(part.image * per_image);
    for _row in 0..plan.grid[0] {
        let pixels: Vec<_> = walk.by_ref().take(plan.grid[1]).collect();
        for tap in &plan.taps {
            // The columns for which the tap is inside.
            let Some(from) = pixels.iter().position(|pixel| pixel.source(tap, plan.src).is_some()) else {
                continue;
            };
            let count =
                pixels[from..].iter().take_while(|pixel| pixel.source(tap, plan.src).is_some()).count();
            let Some(place) = pixels[from].source(tap, plan.src) else { continue };
            let step = plan.src_step[1] * channels;
            let mut c = 0;
            while c < channels {
                let width = (channels - c).min(S::LANES);
                // SAFETY: the pixels are of the grid, and the slices large enough for it.
                unsafe {
                    let x = job.src.as_ptr().add(place * channels + c);
                    let dy = job.grad_output.as_ptr().add(pixels[from].dst * channels + c);
                    let sum = sums.as_mut_ptr().add(tap.index * channels + c);
                    // Four sums hide the time that an addition takes.
                    let mut parts = [load::<S>(sum, width), S::zero(), S::zero(), S::zero()];
                    for j in 0..count {
                        let (x, dy) =
                            (load::<S>(x.add(j * step), width), load::<S>(dy.add(j * channels), width));
                        parts[j % 4] = S::mul_add(x, dy, parts[j % 4]);
                    }
                    let total = S::add(S::add(parts[0], parts[1]), S::add(parts[2], parts[3]));
                    save::<S>(sum, total, width);
                }
                c += S::LANES;
            }
        }
    }
}
