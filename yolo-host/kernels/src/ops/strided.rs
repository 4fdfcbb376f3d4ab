//! Strided copies of tensors of any rank, and elementwise sums and products with broadcasting.

use crate::base::Float;
use crate::base::parallel::chunks_mut;
use smallvec::{SmallVec, smallvec};

/// Elements of one task.
const CHUNK: usize = 1 << 14;

/// A copy of some elements of one axis from a tensor to another whose other axes are as large, as `narrow` and `cat` need.
#[derive(Clone, Copy, Debug)]
pub struct AxisCopy {
    /// Product of the sizes before the axis.
    pub outer: usize,
    /// Product of the sizes behind it.
    pub inner: usize,
    /// Size of the axis in the source, and the first element that is copied.
    pub from: (usize, usize),
    /// Size of the axis in the destination, and where the first element goes.
    pub to: (usize, usize),
    /// How many elements are copied.
    pub length: usize,
}

impl AxisCopy {
    /// The copy from the destination to the source, which its gradient takes.
    pub fn reversed(self) -> Self {
        AxisCopy { from: self.to, to: self.from, ..self }
    }

    /// Overwrites these elements of `dst`.
    pub fn copy<T: Float>(&self, src: &[T], dst: &mut [T]) {
        self.each(src, dst, |src, dst| dst.copy_from_slice(src));
    }

    /// Adds to these elements of `dst`.
    pub fn add<T: Float>(&self, src: &[T], dst: &mut [T]) {
        self.each(src, dst, |src, dst| dst.iter_mut().zip(src).for_each(|(d, s)| *d += *s));
    }

    fn each<T: Float>(&self, src: &[T], dst: &mut [T], task: impl Fn(&[T], &mut [T]) + Sync + Send) {
        let (from, to) = (self.from.0 * self.inner, self.to.0 * self.inner);
        let len = self.length * self.inner;
        let together = (CHUNK / to.max(1)).max(1);
        chunks_mut(&mut dst[..self.outer * to], (to * together).max(1), |start, dst| {
            for (i, dst) in dst.chunks_exact_mut(to.max(1)).enumerate() {
                let row = start / to.max(1) + i;
                let src = &src[row * from + self.from.1 * self.inner..][..len];
                task(src, &mut dst[self.to.1 * self.inner..][..len]);
            }
        });
    }
}

/// `dst[i] = src[i · strides]` for all coordinates i: `sizes` are those of the destination, `strides` what a step along each of
/// its axes is in the source.
pub fn gather<T: Float>(src: &[T], dst: &mut [T], sizes: &[usize], strides: &[usize]) {
    let Some((&last, outer)) = sizes.split_last() else {
        dst.copy_from_slice(&src[..1]);
        return;
    };
    let (&last_stride, outer_strides) = strides.split_last().unwrap_or((&0, &[]));
    let together = (CHUNK / last.max(1)).max(1);
    chunks_mut(dst, (last * together).max(1), |start, dst| {
        for (i, row) in dst.chunks_mut(last.max(1)).enumerate() {
            let mut rest = start / last.max(1) + i;
            let mut place = 0;
            for (size, stride) in outer.iter().zip(outer_strides).rev() {
                place += rest % size * stride;
                rest /= size;
            }
            for (j, value) in row.iter_mut().enumerate() {
                *value = src[place + j * last_stride];
            }
        }
    });
}

/// `dst[i · strides] += src[i]`, with `sizes` of the source and `strides` in the destination: the transpose of [`gather`]. On one
/// thread, since several elements may be added to one.
pub fn scatter_add<T: Float>(src: &[T], dst: &mut [T], sizes: &[usize], strides: &[usize]) {
    let last = sizes.last().copied().unwrap_or(1).max(1);
    let outer = &sizes[..sizes.len().saturating_sub(1)];
    let last_stride = strides.last().copied().unwrap_or(0);
    for (i, row) in src.chunks(last).enumerate() {
        let mut rest = i;
        let mut place = 0;
        for (size, stride) in outer.iter().zip(strides).rev() {
            place += rest % size * stride;
            rest /= size;
        }
        for (j, value) in row.iter().enumerate() {
            dst[place + j * last_stride] += *value;
        }
    }
}

/// Sizes or strides by axis, without memory of their own up to eight axes.
pub type Axes = SmallVec<[usize; 8]>;

/// Row-major strides of these sizes.
pub fn strides(sizes: &[usize]) -> Axes {
    let mut strides = smallvec![1; sizes.len()];
    for i in (1..sizes.len()).rev() {
        strides[i - 1] = strides[i] * sizes[i];
    }
    strides
}

/// a += b
pub fn add_assign<T: Float>(a: &mut [T], b: &[T]) {
    chunks_mut(a, CHUNK, |start, a| a.iter_mut().zip(&b[start..]).for_each(|(a, b)| *a += *b));
}

/// y = f(a, b), element by element.
pub fn zip<T: Float>(a: &[T], b: &[T], y: &mut [T], f: impl Fn(T, T) -> T + Sync + Send) {
    chunks_mut(y, CHUNK, |start, y| {
        y.iter_mut().zip(&a[start..]).zip(&b[start..]).for_each(|((y, a), b)| *y = f(*a, *b));
    });
}

/// y = f(x), element by element.
pub fn map<T: Float>(x: &[T], y: &mut [T], f: impl Fn(T) -> T + Sync + Send) {
    chunks_mut(y, CHUNK, |start, y| y.iter_mut().zip(&x[start..]).for_each(|(y, x)| *y = f(*x)));
}

/// y[p, c] = x[p, c] · scale[image of p, c]: a map times one number for each channel of an image.
pub fn scale_channels<T: Float>(x: &[T], scale: &[T], batch: usize, channels: usize, y: &mut [T]) {
    let per_image = x.len() / batch.max(1);
    chunks_mut(y, per_image.max(1), |start, y| {
        let scale = &scale[start / per_image.max(1) * channels..][..channels];
        for (y, x) in y.chunks_exact_mut(channels).zip(x[start..].chunks_exact(channels)) {
            for c in 0..channels {
                y[c] = x[c] * scale[c];
            }
        }
    });
}

/// The gradient of the scale in [`scale_channels`]: Σ over pixels of grad · x, in blocks, whose sums are added in f64.
pub fn scale_channels_backward<T: Float>(x: &[T], grad: &[T], batch: usize, channels: usize, out: &mut [T]) {
    let per_image = x.len() / batch.max(1);
    chunks_mut(out, channels.max(1), |start, out| {
        let image = start / channels.max(1) * per_image;
        let mut total = vec![0.0; channels];
        let block = 64 * channels;
        let (x, grad) = (&x[image..][..per_image], &grad[image..][..per_image]);
        for (x, grad) in x.chunks(block.max(1)).zip(grad.chunks(block.max(1))) {
            out.fill(T::zero());
            for (x, g) in x.chunks_exact(channels).zip(grad.chunks_exact(channels)) {
                for c in 0..channels {
                    out[c] += x[c] * g[c];
                }
            }
            total.iter_mut().zip(&*out).for_each(|(total, sum)| *total += sum.f64());
        }
        out.iter_mut().zip(total).for_each(|(out, total)| *out = T::of(total));
    });
}

/// The sum of all pixels by channel, in blocks, whose sums are added in f64: the gradient of a bias.
pub fn sum_pixels<T: Float>(grad: &[T], channels: usize) -> Vec<T> {
    let mut total = vec![0.0; channels];
    let mut sum = vec![T::zero(); channels];
    for block in grad.chunks((64 * channels).max(1)) {
        sum.fill(T::zero());
        for row in block.chunks_exact(channels.max(1)) {
            sum.iter_mut().zip(row).for_each(|(sum, g)| *sum += *g);
        }
        total.iter_mut().zip(&sum).for_each(|(total, sum)| *total += sum.f64());
    }
    total.into_iter().map(T::of).collect()
}
