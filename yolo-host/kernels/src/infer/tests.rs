//! The kernels against plain loops in f64, with every instruction set.

use super::{Conv, Depthwise, Geometry, Layer, Source, Target, Winograd};
use crate::testing::{Stream, cases};
use crate::{Isa, Window};
use proptest::prelude::*;
use yolo_plugin::Act;

fn values(key: &str, count: usize) -> Vec<f32> {
    let mut stream = Stream::keyed(key);
    (0..count).map(|_| 2.0 * stream.uniform() as f32 - 1.0).collect()
}

/// Channel `order[c]` of the weight meets channel c of the input; `depthwise`: channel c of the output only.
fn plain(
    (window, g): (&Window, &Geometry),
    x: impl Fn(usize, usize) -> f32,
    (weight, bias, order): (&[f32], &[f32], &[usize]),
    depthwise: bool,
    (pixel, out): (usize, usize),
) -> f64 {
    let (image, oy, ox) =
        (pixel / (g.output[0] * g.output[1]), pixel / g.output[1] % g.output[0], pixel % g.output[1]);
    let [rows, columns] = window.kernel;
    let mut sum = f64::from(bias[out]);
    for (ky, kx) in (0..rows).flat_map(|ky| (0..columns).map(move |kx| (ky, kx))) {
        let y = (oy * window.stride[0] + ky * window.dilation[0]).wrapping_sub(window.padding[0]);
        let x_ = (ox * window.stride[1] + kx * window.dilation[1]).wrapping_sub(window.padding[1]);
        if y >= g.input[0] || x_ >= g.input[1] {
            continue;
        }
        let place = (image * g.input[0] + y) * g.input[1] + x_;
        for (c, number) in order.iter().enumerate().filter(|(_, number)| !depthwise || **number == out) {
            let cin = if depthwise { 0 } else { *number };
            let per_out = if depthwise { 1 } else { order.len() };
            let w = weight[((out * per_out + cin) * rows + ky) * columns + kx];
            sum += f64::from(w) * f64::from(x(place, c));
        }
    }
    sum / (1.0 + (-sum).exp())
}

/// A window over maps of some size, if it fits in.
fn geometry(window: &Window, batch: usize, input: [usize; 2]) -> Option<Geometry> {
    let side = |axis: usize| {
        let reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
        Some((input[axis] + 2 * window.padding[axis]).checked_sub(reach)? / window.stride[axis] + 1)
    };
    Some(Geometry { batch, input, output: [side(0)?, side(1)?] })
}

/// Two maps, each with channels before and behind those that are read; the order is turned round.
/// Numbers may differ by 0.0001, or by a share of the largest one, since Winograd's transforms mix the outputs of a tile.
fn dense(window: Window, g: Geometry, [one, two, cout]: [usize; 3], share: f64) -> Result<(), TestCaseError> {
    let (pixels_in, pixels) = (g.batch * g.input[0] * g.input[1], g.batch * g.output[0] * g.output[1]);
    let (a, b) = (values("a", pixels_in * (one + 3)), values("b", pixels_in * (two + 2)));
    let sources = [
        Source { data: &a, pixel: one + 3, first: 2, len: one },
        Source { data: &b, pixel: two + 2, first: 1, len: two },
    ];
    let order: Vec<usize> = (0..one + two).rev().collect();
    let x = |place: usize, c: usize| match c < one {
        true => a[place * (one + 3) + 2 + c],
        false => b[place * (two + 2) + 1 + c - one],
    };
    let taps = window.kernel[0] * window.kernel[1];
    let (weight, bias) = (values("w", cout * (one + two) * taps), values("bias", cout));
    let added = values("added", pixels * (cout + 1));
    let shortcut = Source { data: &added, pixel: cout + 1, first: 1, len: cout };
    for isa in Isa::available() {
        let layer = Layer {
            isa,
            window,
            weight: &weight,
            bias: &bias,
            lens: vec![one, two],
            order: &order,
            act: Some(Act::Silu),
        };
        let conv = Conv::new(None, layer);
        let mut y = vec![f32::NAN; pixels * (cout + 2)];
        conv.run(&g, &sources, Some(shortcut), Target { data: &mut y, pixel: cout + 2, first: 1 });
        let places = (0..pixels).flat_map(|pixel| (0..cout).map(move |out| (pixel, out)));
        let expected = places.clone().map(|(pixel, out)| {
            let sum = plain((&window, &g), x, (&weight, &bias, &order), false, (pixel, out));
            sum + f64::from(added[pixel * (cout + 1) + 1 + out])
        });
        let expected: Vec<f64> = expected.collect();
        let largest = expected.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        for ((pixel, out), expected) in places.zip(expected) {
            let given = f64::from(y[pixel * (cout + 2) + 1 + out]);
            let is_close = (given - expected).abs() <= f64::max(1e-4, share * largest);
            prop_assert!(is_close, "{isa:?} {pixel} {out}: {given} {expected}, largest {largest}");
        }
        let outside = y.chunks_exact(cout + 2).all(|y| y[0].is_nan() && y[cout + 1].is_nan());
        prop_assert!(outside, "{isa:?} wrote other channels");
    }
    Ok(())
}

fn depthwise(window: Window, g: Geometry, channels: usize) -> Result<(), TestCaseError> {
    let (pixels_in, pixels) = (g.batch * g.input[0] * g.input[1], g.batch * g.output[0] * g.output[1]);
    let map = values("map", pixels_in * (channels + 2));
    let source = Source { data: &map, pixel: channels + 2, first: 1, len: channels };
    let lanes: Vec<usize> = (0..channels).rev().collect();
    let taps = window.kernel[0] * window.kernel[1];
    let (weight, bias) = (values("lane", channels * taps), values("lane bias", channels));
    for isa in Isa::available() {
        let conv = Depthwise::new(isa, window, &weight, &bias, &lanes, Some(Act::Silu));
        let mut y = vec![f32::NAN; pixels * (channels + 1)];
        conv.run(&g, &source, Target { data: &mut y, pixel: channels + 1, first: 0 });
        for (pixel, c) in (0..pixels).flat_map(|pixel| (0..channels).map(move |c| (pixel, c))) {
            let x = |place: usize, c: usize| map[place * (channels + 2) + 1 + c];
            let expected = plain((&window, &g), x, (&weight, &bias, &lanes), true, (pixel, lanes[c]));
            let given = f64::from(y[pixel * (channels + 1) + c]);
            prop_assert!((given - expected).abs() <= 1e-4, "{isa:?} {pixel} {c}: {given} {expected}");
        }
        prop_assert!(
            y.chunks_exact(channels + 1).all(|y| y[channels].is_nan()),
            "{isa:?} wrote other channels"
        );
    }
    Ok(())
}

/// A border of a million pixels takes no memory.
#[test]
fn a_window_may_reach_far_beyond_the_map() {
    let window = Window { kernel: [2; 2], stride: [1; 2], padding: [500_000; 2], dilation: [1_000_000; 2] };
    let g = geometry(&window, 1, [5, 5]).unwrap();
    dense(window, g, [2, 3, 4], 0.0).unwrap();
    depthwise(window, g, 3).unwrap();
}

proptest! {
    #![proptest_config(cases(200))]
    #[test]
    fn every_instruction_set_matches_plain_loops(
        (kernel, stride, dilation, pad) in (1usize..=5, 1usize..=2, 1usize..=2, 0usize..=2),
        (batch, height, width) in (1usize..=2, 1usize..=9, 1usize..=31),
        (one, two, cout) in (1usize..=9, 1usize..=20, 1usize..=50),
    ) {
        let window = Window {
            kernel: [kernel; 2], stride: [stride; 2], padding: [pad; 2], dilation: [dilation; 2],
        };
        let g = geometry(&window, batch, [height, width]);
        prop_assume!(g.is_some());
        dense(window, g.unwrap(), [one, two, cout], 0.0)?;
        depthwise(window, g.unwrap(), two)?;
    }

    /// Tiles across every border, few tiles and many.
    #[test]
    fn winograd_matches_plain_loops(
        (stride, pad) in (1usize..=2, 0usize..=2),
        (batch, height, width) in (1usize..=2, 3usize..=18, 3usize..=40),
        (one, two, cout) in (1usize..=9, 32usize..=50, 64usize..=90),
    ) {
        let window = Window { kernel: [3; 2], stride: [stride; 2], padding: [pad; 2], dilation: [1; 2] };
        prop_assert!(Winograd::fits(&window, one + two, cout));
        dense(window, geometry(&window, batch, [height, width]).unwrap(), [one, two, cout], 2e-5)?;
    }
}

proptest! {
    #![proptest_config(cases(10))]
    /// So many channels that tiles are of 2×2 outputs with stride 1, too.
    #[test]
    fn winograd_with_many_channels_matches_plain_loops(
        (stride, pad, height, width) in (1usize..=2, 0usize..=2, 3usize..=7, 3usize..=9),
        (one, two, cout) in (1usize..=9, 190usize..=200, 175usize..=220),
    ) {
        let window = Window { kernel: [3; 2], stride: [stride; 2], padding: [pad; 2], dilation: [1; 2] };
        prop_assert!(Winograd::fits(&window, one + two, cout));
        dense(window, geometry(&window, 1, [height, width]).unwrap(), [one, two, cout], 2e-5)?;
    }
}
