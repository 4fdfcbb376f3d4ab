//! Activations of a vector while it is in a register, for those that the zoo's convolutions have.
#![allow(unsafe_code)] // vector instructions

use crate::base::simd::Simd;
use crate::ops::activation::{HardSigmoid, HardSwish, Identity, Relu, Sigmoid, Silu};

/// An activation on vectors, within 3 units in the last place.
pub trait VectorAct {
    /// The value at each lane's number.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn at<S: Simd>(v: S::V) -> S::V;
}

impl VectorAct for Identity {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        v
    }
}

impl VectorAct for Silu {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::div(v, one_and_exp::<S>(v)) }
    }
}

impl VectorAct for Sigmoid {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::div(S::splat(1.0), one_and_exp::<S>(v)) }
    }
}

/// 1 + e^−x
///
/// # Safety
/// The processor has the instructions.
#[inline(always)]
unsafe fn one_and_exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: passed on.
    unsafe {
        // e^−x = 2^t: the whole part of t is the exponent, and 2 to the rest, which is below 1, a polynomial.
        let t = S::min(S::splat(126.0), S::mul(x, S::splat(-std::f32::consts::LOG2_E)));
        let rest = S::fraction(t);
        let mut power = S::splat(POWER[0]);
        for factor in &POWER[1..] {
            power = S::mul_add(power, rest, S::splat(*factor));
        }
        S::add(S::splat(1.0), S::scalef(power, t))
    }
}

/// Coefficients of 2^x from 0 to 1, from the fifth power down: the polynomial of the least relative error, 7.5e-8 (Remez).
const POWER: [f32; 6] = [1.877_576_7e-3, 8.989_34e-3, 5.582_632e-2, 0.240_153_62, 0.693_153_1, 0.999_999_94];

impl VectorAct for HardSigmoid {
    /// relu6(x + 3) / 6
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe {
            let part = S::mul_add(v, S::splat(1.0 / 6.0), S::splat(0.5));
            S::max(S::zero(), S::min(S::splat(1.0), part))
        }
    }
}

impl VectorAct for HardSwish {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::mul(v, HardSigmoid::at::<S>(v)) }
    }
}

impl VectorAct for Relu {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::max(S::zero(), v) }
    }
}
