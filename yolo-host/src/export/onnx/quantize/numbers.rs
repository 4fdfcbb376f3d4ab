//! Numbers of 8 bits for those of a range, and the weights of a convolution in them.

use yolo_kernels::infer::QuantParams;

/// (x / `scale` + `zero`), rounded and cut off, is a whole number of 8 bits for x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Of one step.
    pub scale: f32,
    /// What zero becomes.
    pub zero: i32,
    /// From −128 to 127, with zero at 0; else from 0 to 255.
    pub signed: bool,
}

impl Steps {
    /// Steps over a range as the engine takes them, or with zero in the middle; nothing for a range without extent or end.
    pub fn over([low, high]: [f32; 2], signed: bool) -> Option<Self> {
        let QuantParams { zero_point, .. } = QuantParams::over([low, high])?;
        let (low, high) = (f64::from(low).min(0.0), f64::from(high).max(0.0));
        Some(match signed {
            true => Steps { scale: ((-low).max(high) / 127.0) as f32, zero: 0, signed },
            false => Steps { scale: ((high - low) / 255.0) as f32, zero: zero_point, signed },
        })
    }

    /// From 0 to a number, without sign.
    pub fn up_to(high: f64) -> Self {
        Steps { scale: (high / 255.0) as f32, zero: 0, signed: false }
    }
}

/// A convolution's numbers.
#[derive(Debug, PartialEq)]
pub struct Whole {
    /// From −127 to 127, in the order of the floats.
    pub weight: Vec<i8>,
    /// A step of each output channel's weights.
    pub weight_scale: Vec<f32>,
    /// In steps of input times weights.
    pub bias: Vec<i32>,
    /// Those steps.
    pub bias_scale: Vec<f32>,
}

/// Weights by output channel as the engine rounds them, for an input of these steps. Where a bias would not fit, the channel's
/// steps are larger.
pub fn whole(weight: &[f32], bias: &[f32], input: f32) -> Whole {
    let size = (weight.len() / bias.len().max(1)).max(1);
    let mut whole = Whole { weight: vec![], weight_scale: vec![], bias: vec![], bias_scale: vec![] };
    for (own, bias) in weight.chunks(size).zip(bias) {
        let largest = own.iter().fold(0.0f32, |most, weight| most.max(weight.abs()));
        let step = f64::from(if largest > 0.0 { largest } else { 1.0 }) / 127.0;
        let least = f64::from(bias.abs()) / f64::from(input) / f64::from(1 << 30);
        let step = step.max(least).max(f64::from(f32::MIN_POSITIVE));
        let scale = step as f32;
        let bias_scale = (f64::from(input) * f64::from(scale)).max(f64::from(f32::MIN_POSITIVE)) as f32;
        whole.weight.extend(
            own.iter().map(|weight| (f64::from(*weight) / step).round_ties_even().clamp(-127.0, 127.0) as i8),
        );
        whole.weight_scale.push(scale);
        whole.bias.push((f64::from(*bias) / f64::from(bias_scale)).round_ties_even() as i32);
        whole.bias_scale.push(bias_scale);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::{Steps, whole};

    #[test]
    fn steps_cover_a_range() {
        let steps = Steps::over([-1.0, 4.1], false).unwrap();
        assert_eq!((steps.scale, steps.zero), (5.1 / 255.0, 50));
        let signed = Steps::over([-1.0, 4.0], true).unwrap();
        assert_eq!((signed.scale, signed.zero), (4.0 / 127.0, 0));
        for range in [[0.0, 0.0], [0.0, f32::INFINITY], [f32::NEG_INFINITY, 1.0]] {
            assert_eq!(Steps::over(range, false), None);
        }
    }

    #[test]
    fn weights_fill_their_channel() {
        let whole = whole(&[1.0, -2.0, 0.0, 0.0, 1e-12, 0.0], &[0.5, 1.0, 3.0], 0.1);
        assert_eq!(whole.weight, [64, -127, 0, 0, 0, 0]);
        for (bias, (number, scale)) in [0.5, 1.0, 3.0].iter().zip(whole.bias.iter().zip(&whole.bias_scale)) {
            let back = f64::from(*number) * f64::from(*scale);
            assert!((back - bias).abs() < 1e-3, "{back} for {bias}");
        }
    }
}
