//! The activations and their derivatives.

use crate::graph::Act;
use candle_core::{Result, Tensor};

/// Elementwise.
pub fn activation(x: &Tensor, act: Act) -> Result<Tensor> {
    let relu6_of_x_plus_3 = || (x + 3.0)?.clamp(0f32, 6f32);
    match act {
        Act::Relu => x.relu(),
        Act::Relu6 => x.clamp(0f32, 6f32),
        Act::LeakyRelu(slope) => candle_nn::ops::leaky_relu(x, slope),
        Act::Silu | Act::Conv => x.silu(),
        Act::Sigmoid => candle_nn::ops::sigmoid(x),
        Act::HardSigmoid => relu6_of_x_plus_3()? / 6.0,
        Act::HardSwish => x * (relu6_of_x_plus_3()? / 6.0)?,
        Act::Tanh => x.tanh(),
        // ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|), which does not overflow.
        Act::Mish => {
            let softplus = (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
            x * softplus.tanh()?
        }
    }
}

/// The derivative of an activation at every element of x.
pub fn slope(x: &Tensor, act: Act) -> Result<Tensor> {
    match act {
        Act::Relu => above(x, 0.0),
        Act::Relu6 => between(x, 0.0, 6.0),
        Act::LeakyRelu(slope) => above(x, 0.0)?.affine(1.0 - slope, slope),
        Act::Silu | Act::Conv => {
            // s · (1 + x · (1 − s))
            let s = candle_nn::ops::sigmoid(x)?;
            (((x * s.affine(-1.0, 1.0)?)? + 1.0)? * s)?.contiguous()
        }
        Act::Sigmoid => {
            let s = candle_nn::ops::sigmoid(x)?;
            s.affine(-1.0, 1.0)? * s
        }
        Act::HardSigmoid => between(x, -3.0, 3.0)? / 6.0,
        Act::HardSwish => {
            // Chosen, not multiplied by a mask: an infinite x has a slope, too.
            let (zero, one) = (x.zeros_like()?, x.ones_like()?);
            let right = x.lt(3f64)?.where_cond(&x.affine(1.0 / 3.0, 0.5)?, &one)?;
            x.le(-3f64)?.where_cond(&zero, &right)
        }
        Act::Tanh => x.tanh()?.sqr()?.affine(-1.0, 1.0),
        Act::Mish => {
            // t + x · (1 − t²) · sigmoid(x), with t = tanh(ln(1 + e^x)) = n / (n + 2), n = e^2x + 2·e^x; from 20 on t is 1.
            let e = x.clamp(-50f64, 20f64)?.exp()?;
            let n = (e.sqr()? + (&e * 2.0)?)?;
            let t = (&n / (&n + 2.0)?)?;
            let bend = ((x * t.sqr()?.affine(-1.0, 1.0)?)? * candle_nn::ops::sigmoid(x)?)?;
            t + bend
        }
    }
}

/// 1 where x > low, else 0.
fn above(x: &Tensor, low: f64) -> Result<Tensor> {
    x.gt(low)?.to_dtype(x.dtype())
}

/// 1 where low < x < high, else 0.
fn between(x: &Tensor, low: f64, high: f64) -> Result<Tensor> {
    above(x, low)? * x.lt(high)?.to_dtype(x.dtype())?
}
