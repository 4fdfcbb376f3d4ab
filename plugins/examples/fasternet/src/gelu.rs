//! GELU, x·Φ(x) (Hendrycks and Gimpel, arXiv:1606.08415), which the builder does not have: a custom operation.

use yolo_plugin::{Gradient, Input, Operation};

/// Of one tensor, elementwise.
pub static GELU: Operation = Operation::new("gelu", shape, forward).backward(backward).onnx("Gelu");

fn shape(inputs: &[&[usize]], _: &[f64]) -> Result<Vec<usize>, String> {
    match inputs {
        [x] => Ok(x.to_vec()),
        _ => Err(format!("takes one tensor, not {}", inputs.len())),
    }
}

fn forward(inputs: &[Input], _: &[f64], output: &mut [f32]) -> Result<(), String> {
    for (y, x) in output.iter_mut().zip(inputs[0].data) {
        *y = x * cumulative(*x);
    }
    Ok(())
}

/// The derivative is Φ(x) + x·φ(x).
fn backward(given: &Gradient, grad_inputs: &mut [&mut [f32]]) -> Result<(), String> {
    for ((dx, x), dy) in grad_inputs[0].iter_mut().zip(given.inputs[0].data).zip(given.grad) {
        let density = (-0.5 * x * x).exp() * 0.398_942_3; // 1/√2π
        *dx = dy * (cumulative(*x) + x * density);
    }
    Ok(())
}

/// Φ(x), the normal distribution: (1 + erf(x/√2)) / 2.
fn cumulative(x: f32) -> f32 {
    0.5 * (1.0 + error_function(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// erf(x) within 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
fn error_function(x: f32) -> f32 {
    const FACTORS: [f32; 5] = [1.061_405_4, -1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6];
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let tail = FACTORS.iter().fold(0.0, |sum, factor| (sum + factor) * t) * (-x * x).exp();
    (1.0 - tail).copysign(x)
}
