//! Activations: element by element, forward and backward.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use crate::base::Float;
use crate::base::parallel::chunks_mut;
use crate::base::simd::vectorised;
use yolo_plugin::Act;

/// Elements of one task.
const CHUNK: usize = 1 << 14;

/// A function and its derivative.
pub trait Curve<T>: Copy + Send + Sync {
    /// The value at x.
    fn at(self, x: T) -> T;
    /// The derivative at x.
    fn slope(self, x: T) -> T;
}

/// Evaluates `$body` with `$curve` bound to the curve of an activation, so that the loops are compiled for each.
macro_rules! with_curve {
    ($act:expr, $curve:ident => $body:expr) => {
        match $act {
            Act::Relu => {
                let $curve = $crate::ops::activation::Relu;
                $body
            }
            Act::Relu6 => {
                let $curve = $crate::ops::activation::Relu6;
                $body
            }
            Act::LeakyRelu(slope) => {
                let $curve = $crate::ops::activation::LeakyRelu(T::of(slope));
                $body
            }
            // `Conv` stands for the model's own activation, which the graph has put in its place; by default that is SiLU.
            Act::Silu | Act::Conv => {
                let $curve = $crate::ops::activation::Silu;
                $body
            }
            Act::Sigmoid => {
                let $curve = $crate::ops::activation::Sigmoid;
                $body
            }
            Act::HardSigmoid => {
                let $curve = $crate::ops::activation::HardSigmoid;
                $body
            }
            Act::HardSwish => {
                let $curve = $crate::ops::activation::HardSwish;
                $body
            }
            Act::Tanh => {
                let $curve = $crate::ops::activation::Tanh;
                $body
            }
            Act::Mish => {
                let $curve = $crate::ops::activation::Mish;
                $body
            }
        }
    };
}
pub(crate) use with_curve;

macro_rules! curves {
    ($($name:ident: |$x:ident| $at:expr, $slope:expr;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`")]
            #[derive(Clone, Copy)]
            pub struct $name;

            impl<T: Float> Curve<T> for $name {
                #[inline(always)]
                fn at(self, $x: T) -> T {
                    $at
                }

                #[inline(always)]
                #[allow(unused_variables)] // where the slope is constant
                fn slope(self, $x: T) -> T {
                    $slope
                }
            }
        )*
    };
}

/// 1 where the condition holds, else 0, without a branch in the loop.
#[inline(always)]
fn one_if<T: Float>(condition: bool) -> T {
    if condition { T::one() } else { T::zero() }
}

/// 1 / (1 + e^−x)
#[inline(always)]
pub fn sigmoid<T: Float>(x: T) -> T {
    T::one() / (T::one() + (-x).exponential())
}

/// min(max(x, low), high), and NaN stays NaN.
#[inline(always)]
fn clamp<T: Float>(x: T, low: T, high: T) -> T {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

curves! {
    Identity: |x| x, T::one();
    Relu: |x| if x < T::zero() { T::zero() } else { x }, one_if(x > T::zero());
    Relu6: |x| clamp(x, T::zero(), T::of(6.0)), one_if(x > T::zero() && x < T::of(6.0));
    Silu: |x| x * sigmoid(x), {
        let s = sigmoid(x);
        s * (T::one() + x * (T::one() - s))
    };
    Sigmoid: |x| sigmoid(x), {
        let s = sigmoid(x);
        s * (T::one() - s)
    };
    HardSigmoid: |x| clamp(x + T::of(3.0), T::zero(), T::of(6.0)) / T::of(6.0),
        one_if::<T>(x > T::of(-3.0) && x < T::of(3.0)) / T::of(6.0);
    HardSwish: |x| x * clamp(x + T::of(3.0), T::zero(), T::of(6.0)) / T::of(6.0),
        if x <= T::of(-3.0) { T::zero() } else if x < T::of(3.0) { x / T::of(3.0) + T::of(0.5) } else { T::one() };
    Tanh: |x| x.tanh(), T::one() - x.tanh() * x.tanh();
    Mish: |x| x * tanh_softplus(x), {
        let t = tanh_softplus(x);
        t + x * (T::one() - t * t) * sigmoid(x)
    };
}

/// tanh(ln(1 + e^x)) = (e² + 2e) / (e² + 2e + 2) with e = e^x, which is 1 from 20 on.
#[inline(always)]
fn tanh_softplus<T: Float>(x: T) -> T {
    let e = clamp(x, T::of(-50.0), T::of(20.0)).exponential();
    let n = e * e + T::of(2.0) * e;
    n / (n + T::of(2.0))
}

/// x above zero, slope·x below.
#[derive(Clone, Copy)]
pub struct LeakyRelu<T>(pub T);

impl<T: Float> Curve<T> for LeakyRelu<T> {
    #[inline(always)]
    fn at(self, x: T) -> T {
        if x > T::zero() { x } else { x * self.0 }
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        if x > T::zero() { T::one() } else { self.0 }
    }
}

/// y = act(x)
pub fn forward<T: Float>(act: Act, x: &[T], y: &mut [T]) {
    with_curve!(act, curve => chunks_mut(y, CHUNK, |start, y| at_all(&x[start..], y, curve)));
}

/// grad *= act'(x)
pub fn backward<T: Float>(act: Act, x: &[T], grad: &mut [T]) {
    with_curve!(act, curve => chunks_mut(grad, CHUNK, |start, grad| slope_all(&x[start..], grad, curve)));
}

vectorised! {
    fn at_all<T: Float, C: Curve<T>>(x: &[T], y: &mut [T], curve: C) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = curve.at(*x);
        }
    }

    fn slope_all<T: Float, C: Curve<T>>(x: &[T], grad: &mut [T], curve: C) {
        for (g, x) in grad.iter_mut().zip(x) {
            *g *= curve.slope(*x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Act; 9] = [
        Act::Relu,
        Act::Relu6,
        Act::LeakyRelu(0.1),
        Act::Silu,
        Act::Sigmoid,
        Act::HardSigmoid,
        Act::HardSwish,
        Act::Tanh,
        Act::Mish,
    ];

    #[test]
    fn slopes_match_central_differences() {
        let x: Vec<f64> = (-80..80).map(|i| 0.1 * f64::from(i) + 0.013).collect();
        let at = |act: Act, x: &[f64]| {
            let mut y = vec![f64::NAN; x.len()];
            forward(act, x, &mut y);
            y
        };
        for act in ALL {
            let mut grad = vec![2.0; x.len()];
            backward(act, &x, &mut grad);
            let moved = |step: f64| at(act, &x.iter().map(|x| x + step).collect::<Vec<_>>());
            for ((g, above), below) in grad.iter().zip(moved(1e-5)).zip(moved(-1e-5)) {
                assert!((g - (above - below) / 1e-5).abs() < 1e-8, "{act:?}: {g}");
            }
        }
    }

    #[test]
    fn single_precision_follows_double() {
        let x: Vec<f32> = (-2000..2000).map(|i| 0.05 * i as f32).chain([-1e30, 1e30, 0.0]).collect();
        for act in ALL {
            let (mut single, mut double) = (vec![0.0f32; x.len()], vec![0.0f64; x.len()]);
            forward(act, &x, &mut single);
            forward(act, &x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>(), &mut double);
            for ((x, a), b) in x.iter().zip(single).zip(double) {
                let b = b.clamp(-f64::from(f32::MAX), f64::from(f32::MAX));
                assert!((f64::from(a) - b).abs() <= 4e-7 * b.abs().max(1e-3), "{act:?}({x}): {a} is not {b}");
            }
        }
    }

    #[test]
    fn nan_stays_nan() {
        for act in ALL {
            let mut y = [0.0f32];
            forward(act, &[f32::NAN], &mut y);
            assert!(y[0].is_nan(), "{act:?}");
        }
    }
}
