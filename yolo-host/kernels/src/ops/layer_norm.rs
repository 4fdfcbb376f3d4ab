//! Layer normalisation of rows of channels, as `torch.nn.LayerNorm` over the last axis, forward and backward: a map that lies
//! channels-last is one row per pixel, which makes it ConvNeXt's LayerNorm2d.
//!
//! y = (x − mean) / √(variance + ε) · weight + bias, with each row's own mean and biased variance.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use crate::base::Float;
use crate::base::parallel::{chunks_mut, chunks_mut_2};
use crate::base::simd::vectorised;

/// Rows of one task of the backward pass. Their share of the gradients of weight and bias is summed in the numbers' own
/// precision, and these shares in double precision, always in the order of the rows.
const ROWS: usize = 128;
/// Elements of one task of the forward pass, about 64 KiB of f32.
const CHUNK: usize = 1 << 14;
/// Independent partial sums of a row: two of the widest vectors, so that an addition need not wait for the one before.
const LANES: usize = 32;

/// Overwrites y, whose rows have as many elements as `weight` and `bias`.
///
/// # Panics
/// Where y and x, or weight and bias, differ in length, or the rows are not whole.
pub fn forward<T: Float>(x: &[T], weight: &[T], bias: &[T], eps: f64, y: &mut [T]) {
    let channels = weight.len();
    check(channels, x.len(), &[y.len()], &[bias.len()]);
    if channels == 0 {
        return;
    }
    chunks_mut(y, (CHUNK / channels).max(1) * channels, |start, y| {
        forward_rows(&x[start..], weight, bias, T::of(eps), y)
    });
}

/// Overwrites `grad_x` with the gradient of the input, and adds those of weight and bias to `grad_weight` and `grad_bias`.
///
/// # Panics
/// As [`forward`], of all that has the length of x, or of the weight.
pub fn backward<T: Float>(
    x: &[T],
    weight: &[T],
    eps: f64,
    grad_y: &[T],
    grad_x: &mut [T],
    grad_weight: &mut [T],
    grad_bias: &mut [T],
) {
    let channels = weight.len();
    check(channels, x.len(), &[grad_y.len(), grad_x.len()], &[grad_weight.len(), grad_bias.len()]);
    if x.is_empty() {
        return;
    }
    let chunk = ROWS * channels;
    let mut shares = vec![T::zero(); x.len().div_ceil(chunk) * 2 * channels];
    chunks_mut_2((grad_x, chunk), (&mut shares, 2 * channels), |i, grad_x, shares| {
        let (for_weight, for_bias) = shares.split_at_mut(channels);
        let rows = i * chunk..i * chunk + grad_x.len();
        backward_rows(&x[rows.clone()], weight, T::of(eps), &grad_y[rows], grad_x, for_weight, for_bias);
    });
    let mut total = vec![0.0; 2 * channels];
    for shares in shares.chunks_exact(2 * channels) {
        total.iter_mut().zip(shares).for_each(|(total, share)| *total += share.f64());
    }
    let gradients = grad_weight.iter_mut().chain(grad_bias);
    gradients.zip(total).for_each(|(gradient, total)| *gradient += T::of(total));
}

fn check(channels: usize, elements: usize, like_x: &[usize], like_weight: &[usize]) {
    assert!(like_x.iter().all(|len| *len == elements), "all rows have the input's size");
    assert!(like_weight.iter().all(|len| *len == channels), "weight and bias have one number per channel");
    assert!(elements == 0 || channels > 0 && elements.is_multiple_of(channels), "the rows are whole");
}

/// Σ f over the elements of rows of one length, taken together.
#[inline(always)]
fn sum<T: Float, const K: usize>(rows: [&[T]; K], f: impl Fn([T; K]) -> T) -> T {
    let mut lanes = [T::zero(); LANES];
    let blocks = rows.map(|row| row.as_chunks::<LANES>());
    for i in 0..blocks[0].0.len() {
        let blocks = blocks.map(|block| &block.0[i]);
        for (j, lane) in lanes.iter_mut().enumerate() {
            *lane += f(blocks.map(|block| block[j]));
        }
    }
    for (j, lane) in lanes.iter_mut().enumerate().take(blocks[0].1.len()) {
        *lane += f(blocks.map(|block| block.1[j]));
    }
    lanes.into_iter().sum()
}

/// A row's mean, and 1 / √(variance + ε). The variance is summed around the mean: in one pass it would be the difference of
/// two large numbers.
#[inline(always)]
fn mean_and_inverse<T: Float>(x: &[T], eps: T) -> (T, T) {
    let count = T::of(x.len() as f64);
    let mean = sum([x], |[x]| x) / count;
    let variance = sum([x], |[x]| (x - mean) * (x - mean)) / count;
    (mean, T::one() / (variance + eps).sqrt())
}

vectorised! {
    fn forward_rows<T: Float>(x: &[T], weight: &[T], bias: &[T], eps: T, y: &mut [T]) {
        let channels = weight.len();
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            let (mean, inverse) = mean_and_inverse(x, eps);
            for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                *y = (*x - mean) * inverse * *weight + *bias;
            }
        }
    }

    /// With x̂ = (x − mean) · inverse and g = grad_y · weight: grad_x = inverse · (g − mean(g) − x̂ · mean(g · x̂)).
    fn backward_rows<T: Float>(
        x: &[T],
        weight: &[T],
        eps: T,
        grad_y: &[T],
        grad_x: &mut [T],
        grad_weight: &mut [T],
        grad_bias: &mut [T],
    ) {
        let channels = weight.len();
        let count = T::of(channels as f64);
        let rows = x.chunks_exact(channels).zip(grad_y.chunks_exact(channels));
        for (out, (x, grad)) in grad_x.chunks_exact_mut(channels).zip(rows) {
            let (mean, inverse) = mean_and_inverse(x, eps);
            // x̂ waits where its gradient will be.
            out.iter_mut().zip(x).for_each(|(out, x)| *out = (*x - mean) * inverse);
            for ((sum, x_hat), grad) in grad_weight.iter_mut().zip(&*out).zip(grad) {
                *sum += *x_hat * *grad;
            }
            grad_bias.iter_mut().zip(grad).for_each(|(sum, grad)| *sum += *grad);
            let mean_g = sum([grad, weight], |[grad, weight]| grad * weight) / count;
            let mean_g_x_hat = sum([grad, weight, out], |[grad, weight, x_hat]| grad * weight * x_hat) / count;
            for ((out, grad), weight) in out.iter_mut().zip(grad).zip(weight) {
                *out = inverse * (*grad * *weight - mean_g - *out * mean_g_x_hat);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Stream;

    const EPS: f64 = 1e-6;

    fn values(key: &str, count: usize) -> Vec<f64> {
        let mut stream = Stream::keyed(key);
        (0..count).map(|_| 2.0 * stream.uniform() - 1.0).collect()
    }

    fn single(values: &[f64]) -> Vec<f32> {
        values.iter().map(|value| *value as f32).collect()
    }

    /// The definition, one loop after the other.
    fn plain(x: &[f64], weight: &[f64], bias: &[f64], eps: f64) -> Vec<f64> {
        let rows = x.chunks_exact(weight.len());
        rows.flat_map(|row| {
            let count = row.len() as f64;
            let mean = row.iter().sum::<f64>() / count;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            let normal = row.iter().map(move |x| (x - mean) / (variance + eps).sqrt());
            normal.zip(weight).zip(bias).map(|((x, weight), bias)| x * weight + bias).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Rows of one element, of a few, of one more than the partial sums, and several chunks of them.
    const SHAPES: [[usize; 2]; 7] = [[0, 5], [3, 1], [5, 7], [300, 33], [129, 96], [2, 768], [40, 1001]];

    #[test]
    fn forward_is_the_definition() {
        for [rows, channels] in SHAPES {
            let (weight, bias) = (values("weight", channels), values("bias", channels));
            // Far from zero, where a variance in one pass would lose its digits.
            let x: Vec<f64> = values("x", rows * channels).iter().map(|x| 3.0 * x + 50.0).collect();
            let mut y = vec![f64::NAN; x.len()];
            forward(&x, &weight, &bias, EPS, &mut y);
            for (y, expected) in y.iter().zip(plain(&x, &weight, &bias, EPS)) {
                assert!((y - expected).abs() < 1e-12, "{rows} {channels}: {y} is not {expected}");
            }
            let (x, weight, bias) = (single(&x), single(&weight), single(&bias));
            let mut y = vec![f32::NAN; x.len()];
            forward(&x, &weight, &bias, EPS, &mut y);
            let double = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
            for (y, expected) in y.iter().zip(plain(&double(&x), &double(&weight), &double(&bias), EPS)) {
                assert!((f64::from(*y) - expected).abs() < 2e-5, "{rows} {channels}: {y} is not {expected}");
            }
        }
    }

    #[test]
    fn backward_is_central_differences() {
        for [rows, channels] in [[3, 1], [5, 7], [2, 70]] {
            let (x, grad) = (values("x", rows * channels), values("grad", rows * channels));
            let (weight, bias) = (values("weight", channels), values("bias", channels));
            let mut grad_x = vec![f64::NAN; x.len()];
            // What is there already is added to.
            let (mut grad_weight, mut grad_bias) = (vec![2.0; channels], vec![-3.0; channels]);
            backward(&x, &weight, 0.1, &grad, &mut grad_x, &mut grad_weight, &mut grad_bias);
            let loss = |x: &[f64], weight: &[f64], bias: &[f64]| -> f64 {
                plain(x, weight, bias, 0.1).iter().zip(&grad).map(|(y, grad)| y * grad).sum()
            };
            let slope = |at: &dyn Fn(f64) -> f64| (at(1e-5) - at(-1e-5)) / 2e-5;
            let moved = |numbers: &[f64], i: usize, step: f64| {
                let mut numbers = numbers.to_vec();
                numbers[i] += step;
                numbers
            };
            for (i, given) in grad_x.iter().enumerate() {
                let expected = slope(&|step| loss(&moved(&x, i, step), &weight, &bias));
                assert!((given - expected).abs() < 1e-8, "x {i}: {given} is not {expected}");
            }
            for i in 0..channels {
                let by_weight = slope(&|step| loss(&x, &moved(&weight, i, step), &bias));
                assert!((grad_weight[i] - 2.0 - by_weight).abs() < 1e-8, "weight {i}: {by_weight}");
                let by_bias = slope(&|step| loss(&x, &weight, &moved(&bias, i, step)));
                assert!((grad_bias[i] + 3.0 - by_bias).abs() < 1e-8, "bias {i}: {by_bias}");
            }
        }
    }

    #[test]
    fn backward_in_single_precision_follows_double() {
        for [rows, channels] in SHAPES {
            let (x, grad) = (values("x", rows * channels), values("grad", rows * channels));
            let weight = values("weight", channels);
            let (mut x_64, mut weight_64, mut bias_64) =
                (vec![f64::NAN; x.len()], vec![0.0; channels], vec![0.0; channels]);
            backward(&x, &weight, 1e-3, &grad, &mut x_64, &mut weight_64, &mut bias_64);
            let (mut x_32, mut weight_32, mut bias_32) =
                (vec![f32::NAN; x.len()], vec![0.0; channels], vec![0.0; channels]);
            let [x, weight, grad] = [&x, &weight, &grad].map(|values| single(values));
            backward(&x, &weight, 1e-3, &grad, &mut x_32, &mut weight_32, &mut bias_32);
            let given = x_32.iter().chain(&weight_32).chain(&bias_32);
            for (given, expected) in given.zip(x_64.iter().chain(&weight_64).chain(&bias_64)) {
                let near = (f64::from(*given) - expected).abs() < 1e-5 * expected.abs().max(3.0);
                assert!(near, "{rows} {channels}: {given} is not {expected}");
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let (rows, channels) = (1000, 48);
        let [x, grad] = ["x", "grad"].map(|key| single(&values(key, rows * channels)));
        let [weight, bias] = ["weight", "bias"].map(|key| single(&values(key, channels)));
        let run = |threads: usize| -> Vec<u32> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut y = vec![f32::NAN; x.len()];
            let mut grad_x = y.clone();
            let (mut grad_weight, mut grad_bias) = (vec![0.0; channels], vec![0.0; channels]);
            pool.install(|| {
                forward(&x, &weight, &bias, EPS, &mut y);
                backward(&x, &weight, EPS, &grad, &mut grad_x, &mut grad_weight, &mut grad_bias);
            });
            [y, grad_x, grad_weight, grad_bias].concat().iter().map(|value| value.to_bits()).collect()
        };
        let one = run(1);
        assert!(run(2) == one && run(5) == one);
    }
}
