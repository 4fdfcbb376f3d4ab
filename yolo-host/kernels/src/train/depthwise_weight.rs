//! The gradient of a depthwise convolution's weight: every channel by itself, a vector of neighbouring channels at a time.
#![allow(unsafe_code)] // the fast path reads and writes through pointers

use super::depthwise::{load, save};
use crate::base::Float;
use crate::base::Isa;
use crate::base::parallel::{Shared, tasks};
use crate::base::simd::{Simd, dispatch};
use crate::ops::window::Plan;

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

/// [`DepthwiseWeight`] by plain loops.
pub fn reference<T: Float>(conv: &DepthwiseWeight<T>, grad: &mut [T]) {
    let channels = conv.channels;
    for tap in &conv.plan.taps {
        let sum = &mut grad[tap.index * channels..][..channels];
        sum.fill(T::zero());
        for pixel in conv.plan.walk(0) {
            let Some(place) = pixel.source(tap, conv.plan.src) else { continue };
            let x = &conv.src[place * channels..][..channels];
            let dy = &conv.grad_output[pixel.dst * channels..][..channels];
            for ((sum, x), dy) in sum.iter_mut().zip(x).zip(dy) {
                *sum += *x * *dy;
            }
        }
    }
}

/// [`DepthwiseWeight`] with the instructions of `isa`.
pub fn fast(isa: Isa, conv: &DepthwiseWeight<f32>, grad: &mut [f32]) {
    let plan = conv.plan;
    let last = plan.taps.iter().map(|tap| tap.index + 1).max().unwrap_or(0);
    assert!(
        plan.batch * plan.src[0] * plan.src[1] * conv.channels <= conv.src.len(),
        "the source is too small"
    );
    assert!(
        plan.batch * plan.dst[0] * plan.dst[1] * conv.channels <= conv.grad_output.len(),
        "the gradient is too small"
    );
    assert!(last * conv.channels <= grad.len(), "the result is too small");
    // Each image has sums of its own, which are added in the images' order: so threads change no bit.
    let size = last * conv.channels;
    let mut sums = vec![0.0; plan.batch * size];
    let work = plan.pixels() * plan.taps.len() * conv.channels;
    let shared = Shared::new(&mut sums);
    tasks(plan.batch, work, |image| {
        let task = &ImageTask { conv, image, sums: shared, size };
        dispatch!(isa, weight_image(task: &ImageTask));
    });
    grad[..size].fill(0.0);
    for sums in sums.chunks(size.max(1)) {
        for (grad, sum) in grad.iter_mut().zip(sums) {
            *grad += sum;
        }
    }
}

/// One image of a call.
struct ImageTask<'a> {
    conv: &'a DepthwiseWeight<'a, f32>,
    image: usize,
    sums: Shared<f32>,
    size: usize,
}

/// # Safety
/// The processor has the instructions; the slices are as large as [`fast`] checks; no other task has this image.
#[inline(always)]
unsafe fn weight_image<S: Simd>(task: &ImageTask) {
    let conv = task.conv;
    let (plan, channels) = (conv.plan, conv.channels);
    let per_image = plan.grid[0] * plan.grid[1];
    // SAFETY: each image has its own sums.
    let sums = unsafe { task.sums.get(task.image * task.size, task.size) };
    let mut walk = plan.walk(task.image * per_image);
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
                    let x = conv.src.as_ptr().add(place * channels + c);
                    let dy = conv.grad_output.as_ptr().add(pixels[from].dst * channels + c);
                    let sum = sums.as_mut_ptr().add(tap.index * channels + c);
                    // Four sums, since an addition takes four cycles.
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
