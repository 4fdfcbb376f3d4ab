//! Low precision, with every instruction set, against plain loops in f64: on the rounded factors it is as close as sums of f32
//! are, and on the exact ones within what rounding both can make of them.

use super::precision::LowPrecision;
use super::test_case::{Case, dots};
use crate::Window;
use crate::base::simd::dot::QuantParams;
use crate::base::{DotProduct, Numbers};
use crate::infer::map::Geometry;
use crate::testing::cases;
use proptest::prelude::*;
use yolo_plugin::Act;

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
    #![proptest_config(cases(100))]
    #[test]
    fn every_instruction_set_matches_plain_loops(
        (kernel, stride, pad, act, added) in (1usize..=5, 1usize..=3, 0usize..=2, acts(), any::<bool>()),
        (batch, height, width) in (1usize..=3, 1usize..=9, 1usize..=31),
        (one, two, cout) in (1usize..=9, 1usize..=40, 1usize..=70),
        (low, high) in (0.0f32..1.2, 0.2f32..1.2),
    ) {
        let window = Window { kernel: [kernel; 2], stride: [stride; 2], padding: [pad; 2], dilation: [1; 2] };
        let g = geometry(&window, batch, [height, width]);
        prop_assume!(g.is_some());
        let mut case = Case::new(window, g.unwrap(), [one, two], cout, act, added);
        case.check(LowPrecision::Bf16)?;
        case.check(LowPrecision::Fp16)?;
        // Inputs within the range, which has zero in it.
        case.maps.iter_mut().flatten().for_each(|x| *x = x.clamp(-low, high));
        case.check(LowPrecision::Int8([-low, high]))?;
    }

    /// Sums of int8 have the same bits for every instruction set; activations would differ in their last ones.
    #[test]
    fn int8_has_the_same_bits_on_every_instruction_set(
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
        let bits = |dot| -> Vec<u32> {
            case.run(LowPrecision::Int8([low, high]), dot).iter().map(|value| value.to_bits()).collect()
        };
        let expected = bits(DotProduct::PortableInt8);
        for dot in dots(Numbers::Int8) {
            prop_assert!(bits(dot) == expected, "{dot:?}");
        }
    }
}

/// Ranges that int8 cannot cover.
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

/// NaN and infinity make wrong numbers at worst; in int8 they are cut off.
#[test]
fn nan_and_infinity_are_accepted() {
    let window = Window { kernel: [3; 2], stride: [1; 2], padding: [1; 2], dilation: [1; 2] };
    let mut case = Case::new(window, geometry(&window, 1, [5, 17]).unwrap(), [3, 2], 5, None, false);
    let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE / 2.0];
    case.maps
        .iter_mut()
        .for_each(|map| map.iter_mut().zip(special.iter().cycle()).for_each(|(x, s)| *x = *s));
    for dot in dots(Numbers::Bf16) {
        case.run(LowPrecision::Bf16, dot);
    }
    for dot in dots(Numbers::Fp16) {
        case.run(LowPrecision::Fp16, dot);
    }
    for dot in dots(Numbers::Int8) {
        let y = case.run(LowPrecision::Int8([-1.0, 1.0]), dot);
        assert!(y.chunks_exact(7).all(|y| y[1..6].iter().all(|value| value.is_finite())), "{dot:?}");
    }
}
