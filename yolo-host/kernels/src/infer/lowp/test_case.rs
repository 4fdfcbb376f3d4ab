//! A convolution in low precision, and what plain loops in f64 make of it.

use super::LowPrecisionConv;
use super::precision::LowPrecision;
use crate::base::simd::dot::{QuantParams, round_to_bf16};
use crate::base::{DotProduct, Numbers};
use crate::infer::layer::Layer;
use crate::infer::map::{Geometry, Source, Target};
use crate::ops::activation::{Curve, with_curve};
use crate::testing::Stream;
use crate::{Float, Window};
use half::f16;
use proptest::prelude::*;
use yolo_plugin::Act;

type T = f64;

fn values(key: &str, count: usize) -> Vec<f32> {
    let mut stream = Stream::keyed(key);
    (0..count).map(|_| 2.0 * stream.uniform() as f32 - 1.0).collect()
}

fn activated(act: Option<Act>, x: f64) -> f64 {
    act.map_or(x, |act| with_curve!(act, curve => Curve::<f64>::at(curve, x)))
}

/// What multiplies these numbers on this processor.
pub fn dots(numbers: Numbers) -> impl Iterator<Item = DotProduct> {
    DotProduct::available().into_iter().filter(move |dot| dot.numbers() == numbers)
}

/// A convolution of two sources, each with channels before and behind those that are read, in reversed order.
pub struct Case {
    window: Window,
    g: Geometry,
    lens: [usize; 2],
    act: Option<Act>,
    pub maps: [Vec<f32>; 2],
    order: Vec<usize>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    added: Option<Vec<f32>>,
}

/// Factors as the precision rounds them.
struct Factors {
    precision: LowPrecision,
    params: QuantParams,
}

impl Factors {
    fn input(&self, x: f32) -> f64 {
        match self.precision {
            LowPrecision::Bf16 => f64::from(f32::from_bits(u32::from(round_to_bf16(x)) << 16)),
            LowPrecision::Fp16 => f16::from_f32(x).to_f64(),
            LowPrecision::Int8(_) => {
                let QuantParams { inverse_scale, low, high, .. } = self.params;
                f64::from((x * inverse_scale).clamp(low, high).round_ties_even()) / f64::from(inverse_scale)
            }
        }
    }

    /// One of an output channel's weights.
    fn weight(&self, own: &[f32], w: f32) -> f64 {
        match self.precision {
            LowPrecision::Bf16 => f64::from(f32::from_bits(u32::from(round_to_bf16(w)) << 16)),
            LowPrecision::Fp16 => f16::from_f32(w).to_f64(),
            LowPrecision::Int8(_) => {
                let step = self.weight_step(own);
                (f64::from(w) / step).round_ties_even() * step
            }
        }
    }

    fn weight_step(&self, own: &[f32]) -> f64 {
        f64::from(own.iter().fold(0.0f32, |most, w| most.max(w.abs()))) / 127.0
    }

    /// How far the product of the rounded factors may be from that of these.
    fn error(&self, x: f64, own: &[f32], w: f64) -> f64 {
        match self.precision {
            // Half of the last of eight significant bits: 2⁻⁸ of each.
            LowPrecision::Bf16 => (x * w).abs() * (2.0 / 256.0 + 1.0 / 65_536.0),
            // Half of the last of eleven, and below 2⁻¹⁴ half of 2⁻²⁴.
            LowPrecision::Fp16 => (x * w).abs() / 1024.0 + 4e-8 * (x.abs() + w.abs() + 1.0),
            // Half a step of each. Zero falls on a step, so that ends of the range are cut by half a step, too.
            LowPrecision::Int8(_) => {
                let (dx, dw) = (1.001 / f64::from(self.params.inverse_scale), 0.5 * self.weight_step(own));
                dx * w.abs() + dw * x.abs() + dx * dw
            }
        }
    }
}

impl Case {
    pub fn new(
        window: Window,
        g: Geometry,
        lens: [usize; 2],
        cout: usize,
        act: Option<Act>,
        added: bool,
    ) -> Self {
        let [pixels_in, pixels] = [g.input, g.output].map(|[h, w]| g.batch * h * w);
        let [one, two] = lens;
        let cin = one + two;
        let taps = window.kernel[0] * window.kernel[1];
        Case {
            maps: [values("a", pixels_in * (one + 3)), values("b", pixels_in * (two + 2))],
            order: (0..cin).rev().collect(),
            weight: values("w", cout * cin * taps),
            bias: values("bias", cout),
            added: added.then(|| values("added", pixels * (cout + 1))),
            window,
            g,
            lens,
            act,
        }
    }

    fn cout(&self) -> usize {
        self.bias.len()
    }

    fn pixels(&self) -> usize {
        self.g.batch * self.g.output[0] * self.g.output[1]
    }

    /// Each output with its channels around it, which must stay as they are.
    pub fn run(&self, precision: LowPrecision, dot: DotProduct) -> Vec<f32> {
        let ([one, two], cout) = (self.lens, self.cout());
        let layer = Layer {
            isa: dot.isa(),
            window: self.window,
            weight: &self.weight,
            bias: &self.bias,
            lens: vec![one, two],
            order: &self.order,
            act: self.act,
        };
        let conv = LowPrecisionConv::with(dot, precision, &layer).unwrap();
        let sources = [
            Source { data: &self.maps[0], pixel: one + 3, first: 2, len: one },
            Source { data: &self.maps[1], pixel: two + 2, first: 1, len: two },
        ];
        let added = self.added.as_ref();
        let shortcut = added.map(|data| Source { data, pixel: cout + 1, first: 1, len: cout });
        let mut y = vec![f32::NAN; self.pixels() * (cout + 2)];
        conv.run(&self.g, &sources, shortcut, Target { data: &mut y, pixel: cout + 2, first: 1 });
        y
    }

    fn x(&self, place: usize, c: usize) -> f32 {
        let [one, two] = self.lens;
        match c < one {
            true => self.maps[0][place * (one + 3) + 2 + c],
            false => self.maps[1][place * (two + 2) + 1 + c - one],
        }
    }

    /// Of the rounded factors and of the exact ones the result; the sum of all magnitudes; what rounding may change.
    fn plain(&self, factors: &Factors, pixel: usize, out: usize) -> [f64; 4] {
        let (window, g) = (&self.window, &self.g);
        let (image, oy, ox) =
            (pixel / (g.output[0] * g.output[1]), pixel / g.output[1] % g.output[0], pixel % g.output[1]);
        let ([rows, columns], cin) = (window.kernel, self.order.len());
        let own = &self.weight[out * cin * rows * columns..][..cin * rows * columns];
        let bias = f64::from(self.bias[out]);
        let [mut rounded, mut exact, mut magnitude, mut error] = [bias, bias, bias.abs(), 0.0];
        for (ky, kx) in (0..rows).flat_map(|ky| (0..columns).map(move |kx| (ky, kx))) {
            let y = (oy * window.stride[0] + ky).wrapping_sub(window.padding[0]);
            let x = (ox * window.stride[1] + kx).wrapping_sub(window.padding[1]);
            if y >= g.input[0] || x >= g.input[1] {
                continue;
            }
            let place = (image * g.input[0] + y) * g.input[1] + x;
            for (c, number) in self.order.iter().enumerate() {
                let (x, w) = (self.x(place, c), own[(number * rows + ky) * columns + kx]);
                let product = factors.input(x) * factors.weight(own, w);
                rounded += product;
                magnitude += product.abs();
                exact += f64::from(x) * f64::from(w);
                error += factors.error(x.into(), own, w.into());
            }
        }
        let added =
            self.added.as_ref().map_or(0.0, |added| added[pixel * (self.cout() + 1) + 1 + out].into());
        [activated(self.act, rounded) + added, activated(self.act, exact) + added, magnitude, error]
    }

    pub fn check(&self, precision: LowPrecision) -> Result<(), TestCaseError> {
        let params = match precision {
            LowPrecision::Bf16 | LowPrecision::Fp16 => QuantParams::NONE,
            LowPrecision::Int8(range) => QuantParams::over(range).unwrap(),
        };
        let (factors, cout) = (Factors { precision, params }, self.cout());
        let terms = (self.order.len() * self.window.kernel[0] * self.window.kernel[1]) as f64;
        let places = || (0..self.pixels()).flat_map(|pixel| (0..cout).map(move |out| (pixel, out)));
        let expected: Vec<[f64; 4]> = places().map(|(pixel, out)| self.plain(&factors, pixel, out)).collect();
        for dot in dots(precision.numbers()) {
            let y = self.run(precision, dot);
            for ((pixel, out), [rounded, exact, magnitude, error]) in places().zip(&expected) {
                let given = f64::from(y[pixel * (cout + 2) + 1 + out]);
                // Accumulators: a rounding a term, of at most the sum of magnitudes; then the activation, whose slope is below
                // 1.2, and its own few roundings. Where sums are of 16 bits, half of the last of eleven, or of 2⁻²⁴.
                let step =
                    if dot.features().contains(&"fp16") { 0.5 / 1024.0 } else { f64::from(f32::EPSILON) };
                let tolerance = 1.2 * (magnitude * (terms + 4.0) * step + terms * 4e-8) + 1e-6;
                prop_assert!(
                    (given - rounded).abs() <= tolerance,
                    "{dot:?} {pixel} {out}: {given}, rounded {rounded}"
                );
                let widest = 1.2 * error + tolerance;
                prop_assert!(
                    (given - exact).abs() <= widest,
                    "{dot:?} {pixel} {out}: {given}, exact {exact}"
                );
            }
            let outside = y.chunks_exact(cout + 2).all(|y| y[0].is_nan() && y[cout + 1].is_nan());
            prop_assert!(outside, "{dot:?} wrote other channels");
        }
        Ok(())
    }
}
