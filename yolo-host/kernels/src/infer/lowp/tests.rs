//! Reduced precision, with every set of instructions, against plain loops in double precision: on the rounded factors it is
//! as near as sums of f32 are, and on the exact ones within what rounding both can make of them.

use super::super::{Geometry, Layer, Source, Target};
use super::{Format, Narrow};
use crate::base::simd::dot::{QuantParams, round_to_bf16};
use crate::ops::activation::{Curve, with_curve};
use crate::testing::Stream;
use crate::{Float, Isa, Window};
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

/// A convolution of two sources, each with channels before and behind those that are read, the order turned round.
struct Case {
    window: Window,
    g: Geometry,
    lens: [usize; 2],
    act: Option<Act>,
    maps: [Vec<f32>; 2],
    order: Vec<usize>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    added: Option<Vec<f32>>,
}

/// A factor as the format has it.
struct Factors {
    format: Format,
    steps: QuantParams,
}

impl Factors {
    fn input(&self, x: f32) -> f64 {
        match self.format {
            Format::Bf16 => f64::from(f32::from_bits(u32::from(round_to_bf16(x)) << 16)),
            Format::Int8(_) => {
                let QuantParams { inverse_scale, low, high, .. } = self.steps;
                f64::from((x * inverse_scale).clamp(low, high).round_ties_even()) / f64::from(inverse_scale)
            }
        }
    }

    /// One of an output channel's weights.
    fn weight(&self, own: &[f32], w: f32) -> f64 {
        match self.format {
            Format::Bf16 => f64::from(f32::from_bits(u32::from(round_to_bf16(w)) << 16)),
            Format::Int8(_) => {
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
        match self.format {
            // Half of the last of eight significant bits: 2⁻⁸ of each.
            Format::Bf16 => (x * w).abs() * (2.0 / 256.0 + 1.0 / 65_536.0),
            // Half a step of each. Zero falls on a step, so that ends of the range are cut by half a step, too.
            Format::Int8(_) => {
                let (dx, dw) = (1.001 / f64::from(self.steps.inverse_scale), 0.5 * self.weight_step(own));
                dx * w.abs() + dw * x.abs() + dx * dw
            }
        }
    }
}

impl Case {
    fn new(
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
    fn run(&self, format: Format, isa: Isa) -> Vec<f32> {
        let ([one, two], cout) = (self.lens, self.cout());
        let layer = Layer {
            isa,
            window: self.window,
            weight: &self.weight,
            bias: &self.bias,
            lens: vec![one, two],
            order: &self.order,
            act: self.act,
        };
        let conv = Narrow::new(format, &layer).unwrap();
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

    fn check(&self, format: Format) -> Result<(), TestCaseError> {
        let steps = match format {
            Format::Bf16 => QuantParams::NONE,
            Format::Int8(range) => QuantParams::over(range).unwrap(),
        };
        let (factors, cout) = (Factors { format, steps }, self.cout());
        let terms = (self.order.len() * self.window.kernel[0] * self.window.kernel[1]) as f64;
        let places = || (0..self.pixels()).flat_map(|pixel| (0..cout).map(move |out| (pixel, out)));
        let expected: Vec<[f64; 4]> = places().map(|(pixel, out)| self.plain(&factors, pixel, out)).collect();
        for isa in Isa::available() {
            let y = self.run(format, isa);
            for ((pixel, out), [rounded, exact, magnitude, error]) in places().zip(&expected) {
                let given = f64::from(y[pixel * (cout + 2) + 1 + out]);
                // Sums of f32: a rounding a term, of at most the sum of magnitudes; then the activation, whose slope is
                // below 1.2, and its own few roundings.
                let near = 1.2 * magnitude * (terms + 4.0) * f64::from(f32::EPSILON) + 1e-6;
                prop_assert!(
                    (given - rounded).abs() <= near,
                    "{isa:?} {pixel} {out}: {given}, rounded {rounded}"
                );
                let far = 1.2 * error + near;
                prop_assert!((given - exact).abs() <= far, "{isa:?} {pixel} {out}: {given}, exact {exact}");
            }
            let outside = y.chunks_exact(cout + 2).all(|y| y[0].is_nan() && y[cout + 1].is_nan());
            prop_assert!(outside, "{isa:?} wrote other channels");
        }
        Ok(())
    }
}

/// A window over maps of some size, if it fits in.
fn geometry(window: &Window, batch: usize, input: [usize; 2]) -> Option<Geometry> {
    let side = |axis: usize| {
        Some(
            (input[axis] + 2 * window.padding[axis]).checked_sub(window.kernel[axis])? / window.stride[axis]
                + 1,
        )
    };
    Some(Geometry { batch, input, output: [side(0)?, side(1)?] })
}

fn acts() -> impl Strategy<Value = Option<Act>> {
    let all = [
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
    proptest::option::of(proptest::sample::select(all.to_vec()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_set_of_instructions_computes_the_plain_loops(
        (kernel, stride, pad, act, added) in (1usize..=5, 1usize..=3, 0usize..=2, acts(), any::<bool>()),
        (batch, height, width) in (1usize..=3, 1usize..=9, 1usize..=31),
        (one, two, cout) in (1usize..=9, 1usize..=40, 1usize..=70),
        (low, high) in (0.0f32..1.2, 0.2f32..1.2),
    ) {
        let window = Window { kernel: [kernel; 2], stride: [stride; 2], padding: [pad; 2], dilation: [1; 2] };
        let g = geometry(&window, batch, [height, width]);
        prop_assume!(g.is_some());
        let mut case = Case::new(window, g.unwrap(), [one, two], cout, act, added);
        case.check(Format::Bf16)?;
        // Inputs within the range, which has zero in it.
        case.maps.iter_mut().flatten().for_each(|x| *x = x.clamp(-low, high));
        case.check(Format::Int8([-low, high]))?;
    }

    /// Whole numbers are the same for every set of instructions; activations differ in their last bits.
    #[test]
    fn whole_numbers_are_the_same_everywhere(
        (kernel, stride, pad) in (1usize..=3, 1usize..=2, 0usize..=1),
        (height, width) in (1usize..=9, 1usize..=31),
        (one, two, cout) in (1usize..=9, 1usize..=40, 1usize..=70),
        // Many inputs are beyond these.
        (low, high) in (-0.5f32..0.5, 0.1f32..0.5),
    ) {
        let window = Window { kernel: [kernel; 2], stride: [stride; 2], padding: [pad; 2], dilation: [1; 2] };
        let g = geometry(&window, 1, [height, width]);
        prop_assume!(g.is_some());
        let case = Case::new(window, g.unwrap(), [one, two], cout, None, true);
        let bits = |isa| -> Vec<u32> {
            case.run(Format::Int8([low, high]), isa).iter().map(|value| value.to_bits()).collect()
        };
        let expected = bits(Isa::Portable);
        for isa in Isa::available() {
            prop_assert!(bits(isa) == expected, "{isa:?}");
        }
    }
}

/// Ranges that whole numbers cannot cover.
#[test]
fn ranges_without_extent_are_none() {
    for range in
        [[0.0, 0.0], [f32::NAN, f32::NAN], [f32::NEG_INFINITY, 1.0], [0.0, 1e-45], [-f32::MAX, f32::MAX]]
    {
        assert!(QuantParams::over(range).is_none_or(|steps| steps.inverse_scale.is_normal()), "{range:?}");
    }
    assert_eq!(QuantParams::over([0.0, 0.0]), None);
    assert_eq!(QuantParams::over([0.0, f32::INFINITY]), None);
    let QuantParams { low, high, zero_point, .. } = QuantParams::over([-1.0, 3.0]).unwrap();
    assert_eq!((low, high, zero_point), (-64.0, 191.0, 64));
}

/// Nothing that an input holds is worse than a wrong number.
#[test]
fn strange_numbers_are_taken() {
    let window = Window { kernel: [3; 2], stride: [1; 2], padding: [1; 2], dilation: [1; 2] };
    let mut case = Case::new(window, geometry(&window, 1, [5, 17]).unwrap(), [3, 2], 5, None, false);
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE / 2.0];
    case.maps
        .iter_mut()
        .for_each(|map| map.iter_mut().zip(strange.iter().cycle()).for_each(|(x, s)| *x = *s));
    for isa in Isa::available() {
        case.run(Format::Bf16, isa);
        let y = case.run(Format::Int8([-1.0, 1.0]), isa);
        assert!(y.chunks_exact(7).all(|y| y[1..6].iter().all(|value| value.is_finite())), "{isa:?}");
    }
}
