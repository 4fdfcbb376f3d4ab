//! Depthwise convolution in f32: every channel by itself, a vector of neighbouring channels at a time.
#![allow(unsafe_code)] // reads and writes through pointers

use super::epilogue::Epilogue;
use super::map::{Geometry, Source, Target};
use crate::base::aligned::{Aligned, AlignedBuf};
use crate::base::isa::Isa;
use crate::base::parallel::tasks;
use crate::base::prefetch::{prefetch, prefetch_to_write};
use crate::base::simd::{MAX_LANES, Simd, dispatch};
use crate::ops::Window;
use std::mem::MaybeUninit;
use yolo_plugin::Act;

/// A depthwise convolution with its weights packed: y = act(w ∗ x + b).
#[derive(Debug)]
pub struct Depthwise {
    isa: Isa,
    window: Window,
    channels: usize,
    /// Channels padded to whole vectors.
    padded: usize,
    /// `[ky, kx, padded]`
    weights: AlignedBuf,
    /// `[padded]`
    bias: AlignedBuf,
    act: Option<Act>,
}

/// Most pixels of a tile.
const PIXELS: usize = 8;

impl Depthwise {
    /// From a weight `[channels, ky, kx]` and a bias; `order` says which channel of the weight each of the source is.
    ///
    /// # Panics
    /// Where this processor lacks the instruction set.
    pub fn new(
        isa: Isa,
        window: Window,
        weight: &[f32],
        bias: &[f32],
        order: &[usize],
        act: Option<Act>,
    ) -> Self {
        let taps = window.kernel[0] * window.kernel[1];
        let (channels, padded) = (order.len(), order.len().next_multiple_of(MAX_LANES));
        let row = |tap: usize| {
            let numbers = order.iter().map(move |channel| weight[channel * taps + tap]);
            numbers.chain(std::iter::repeat_n(0.0, padded - channels))
        };
        let weights: Vec<f32> = (0..taps).flat_map(row).collect();
        let bias = order.iter().map(|channel| bias[*channel]);
        let bias: Vec<f32> = bias.chain(std::iter::repeat_n(0.0, padded - channels)).collect();
        let [weights, bias] = [&weights, &bias].map(|numbers| AlignedBuf::from(&numbers[..]));
        Depthwise { isa: isa.required(), window, channels, padded, weights, bias, act }
    }

    /// Height of the window.
    pub fn kernel(&self) -> usize {
        self.window.kernel[0]
    }

    /// Multiply-adds of an output pixel.
    pub fn macs(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.channels
    }

    /// Computes the target.
    pub fn run(&self, geometry: &Geometry, source: &Source, target: Target) {
        let Geometry { batch, output, .. } = *geometry;
        let pixels = batch * output[0] * output[1];
        geometry.check(&[*source], &[self.channels], None, &target, self.channels);
        let call = &Call { kernel: self, geometry, source, epilogue: Epilogue::new(self.act, None, target) };
        let rows = batch * output[0];
        let threads = rayon::current_num_threads();
        let groups = if threads == 1 { 1 } else { (4 * threads).min(rows) };
        let work = pixels * self.channels * self.window.kernel[0] * self.window.kernel[1];
        tasks(groups, work, |task| {
            for row in task * rows / groups..(task + 1) * rows / groups {
                dispatch!(self.isa, run_row(call: &Call, row: usize));
            }
        });
    }
}

/// One call of a convolution.
struct Call<'a> {
    kernel: &'a Depthwise,
    geometry: &'a Geometry,
    source: &'a Source<'a>,
    epilogue: Epilogue<'a>,
}

/// # Safety
/// The processor has the instructions; [`Depthwise::run`] has checked the sizes; no other task writes this row.
#[inline(always)]
unsafe fn run_row<S: Simd>(call: &Call, row: usize) {
    let Window { kernel, stride, dilation, .. } = call.kernel.window;
    // SAFETY: passed on. The common windows have loops of their own, whose sizes are known.
    unsafe {
        match (kernel, stride, dilation) {
            ([3, 3], [1, 1], [1, 1]) => row_of_size::<S::Wide, 3, 1>(call, row),
            ([3, 3], [2, 2], [1, 1]) => row_of_size::<S::Wide, 3, 2>(call, row),
            ([5, 5], [1, 1], [1, 1]) => row_of_size::<S::Wide, 5, 1>(call, row),
            ([5, 5], [2, 2], [1, 1]) => row_of_size::<S::Wide, 5, 2>(call, row),
            _ => row_of_size::<S::Wide, 0, 0>(call, row),
        }
    }
}

/// # Safety
/// As for [`run_row`]; K and T are side and stride of the window, or both 0.
#[inline(always)]
unsafe fn row_of_size<S: Simd, const K: usize, const T: usize>(call: &Call, row: usize) {
    let width = call.geometry.output[1];
    // Ten pixels are two tiles of five, not of eight; where tiles are set up takes about as long as two pixels.
    let time = |pixels: &usize| width.div_ceil(*pixels) * (pixels + 2);
    let step = [PIXELS, 5].into_iter().filter(|pixels| *pixels <= width).min_by_key(time).unwrap_or(1);
    let mut x = 0;
    while x < width {
        // The last tile reaches back over pixels that are done.
        let first = x.min(width - step);
        // SAFETY: passed on.
        unsafe {
            match step {
                PIXELS => pixels::<S, K, T, PIXELS>(call, row, first),
                5 => pixels::<S, K, T, 5>(call, row, first),
                _ => pixels::<S, K, T, 1>(call, row, first),
            }
        }
        x += step;
    }
}

/// All channels, as they lie side by side.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn pixels<S: Simd, const K: usize, const T: usize, const P: usize>(call: &Call, row: usize, x: usize) {
    let mut c = 0;
    while c < call.kernel.channels {
        // SAFETY: passed on.
        unsafe { tile::<S, K, T, P>(call, row, x, c) };
        c += S::LANES;
    }
}

/// Prefetches what the next tile reads of the input rows that no output row before has read, and where it writes.
#[inline(always)]
fn prefetch_tile<const T: usize, const P: usize>(call: &Call, row: usize, x: usize, c: usize) {
    let (source, Geometry { input, output, .. }) = (call.source, *call.geometry);
    let Window { kernel: [rows, columns], padding, .. } = call.kernel.window;
    let (image, y) = (row / output[0], row % output[0]);
    let ahead = ((x + P) * T + columns).wrapping_sub(padding[1]);
    for ky in rows.saturating_sub(T)..rows {
        let iy = (y * T + ky).wrapping_sub(padding[0]);
        let pixel = (image * input[0]).wrapping_add(iy).wrapping_mul(input[1]).wrapping_add(ahead);
        let place = pixel.wrapping_mul(source.pixel).wrapping_add(source.first + c);
        let mut from = source.data.as_ptr().wrapping_add(place);
        for _ in 0..P * T {
            prefetch(from);
            from = from.wrapping_add(source.pixel);
        }
    }
    let (mut to, step) = call.epilogue.address(row * output[1] + x + P, c);
    for _ in 0..P {
        prefetch_to_write(to);
        to = to.wrapping_add(step);
    }
}

/// # Safety
/// As for [`row_of_size`]; pixels x to x + P are of the row.
#[inline(always)]
unsafe fn tile<S: Simd, const K: usize, const T: usize, const P: usize>(
    call: &Call,
    row: usize,
    x: usize,
    c: usize,
) {
    let (kernel, source, Geometry { input, output, .. }) = (call.kernel, call.source, *call.geometry);
    let Window { kernel: [rows, columns], stride, padding, dilation } = kernel.window;
    let count = (kernel.channels - c).min(S::LANES);
    let (image, y) = (row / output[0], row % output[0]);
    let left = (x * stride[1]) as isize - padding[1] as isize;
    if P > 1 && K > 0 {
        prefetch_tile::<T, P>(call, row, x, c);
    }
    // SAFETY: passed on; only pixels of the map are read.
    unsafe {
        let mut sums = [S::load(kernel.bias.as_ptr().add(c)); P];
        for ky in 0..if K > 0 { K } else { rows } {
            let iy = (y * stride[0] + ky * dilation[0]) as isize - padding[0] as isize;
            if iy < 0 || iy >= input[0] as isize {
                continue;
            }
            let input_row = Row {
                from: source
                    .data
                    .as_ptr()
                    .add((image * input[0] + iy as usize) * input[1] * source.pixel + source.first + c),
                step: source.pixel,
                width: input[1] as isize,
                count,
            };
            let weights = kernel.weights.as_ptr().add(ky * columns * kernel.padded + c);
            if K > 0 {
                row_of::<S, K, T, P>(&mut sums, &input_row, left, weights, kernel.padded);
                continue;
            }
            for kx in 0..columns {
                let w = S::load(weights.add(kx * kernel.padded));
                for (p, sum) in sums.iter_mut().enumerate() {
                    let v = input_row.at::<S>(left + (kx * dilation[1] + p * stride[1]) as isize);
                    *sum = S::mul_add(v, w, *sum);
                }
            }
        }
        let mut buffer = Aligned(MaybeUninit::<[f32; PIXELS * MAX_LANES]>::uninit());
        let buffer = buffer.0.as_mut_ptr().cast::<f32>();
        for (p, sum) in sums.iter().enumerate() {
            S::store(buffer.add(p * S::LANES), *sum);
        }
        call.epilogue.store::<S>((row * output[1] + x, P), (c, count), buffer);
    }
}

/// Channels of a row of the input.
struct Row {
    from: *const f32,
    step: usize,
    width: isize,
    count: usize,
}

impl Row {
    /// Those of a pixel, or zeros outside.
    ///
    /// # Safety
    /// As for [`tile`].
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, x: isize) -> S::V {
        // SAFETY: passed on.
        unsafe {
            match x >= 0 && x < self.width {
                true => S::load_partial(self.from.add(x as usize * self.step), self.count),
                false => S::zero(),
            }
        }
    }
}

/// One row of the window for P neighbouring pixels: each number of the input is read once.
///
/// # Safety
/// As for [`tile`]; `weights` has K vectors, `padded` apart.
#[inline(always)]
unsafe fn row_of<S: Simd, const K: usize, const T: usize, const P: usize>(
    sums: &mut [S::V; P],
    row: &Row,
    left: isize,
    weights: *const f32,
    padded: usize,
) {
    // SAFETY: passed on.
    unsafe {
        let mut x = [S::zero(); 20];
        let reach = (P - 1) * T + K;
        if left >= 0 && left + reach as isize <= row.width && row.count == S::LANES {
            let mut from = row.from.add(left as usize * row.step);
            for x in x.iter_mut().take(reach) {
                *x = S::load(from);
                from = from.wrapping_add(row.step);
            }
        } else {
            for (i, x) in x.iter_mut().take(reach).enumerate() {
                *x = row.at::<S>(left + i as isize);
            }
        }
        for kx in 0..K {
            let w = S::load(weights.add(kx * padded));
            for p in 0..P {
                sums[p] = S::mul_add(x[p * T + kx], w, sums[p]);
            }
        }
    }
}
