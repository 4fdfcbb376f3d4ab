//! The kernels, with every set of instructions, against plain loops in double precision.

use super::{Dense, Depthwise, Geometry, Source, Target};
use crate::graph::Act;
use crate::kernels::{Isa, Window};
use crate::random::Stream;
use proptest::prelude::*;

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
    let (picture, oy, ox) =
        (pixel / (g.output[0] * g.output[1]), pixel / g.output[1] % g.output[0], pixel % g.output[1]);
    let [rows, columns] = window.kernel;
    let mut sum = f64::from(bias[out]);
    for (ky, kx) in (0..rows).flat_map(|ky| (0..columns).map(move |kx| (ky, kx))) {
        let y = (oy * window.stride[0] + ky * window.dilation[0]).wrapping_sub(window.padding[0]);
        let x_ = (ox * window.stride[1] + kx * window.dilation[1]).wrapping_sub(window.padding[1]);
        if y >= g.input[0] || x_ >= g.input[1] {
            continue;
        }
        let place = (picture * g.input[0] + y) * g.input[1] + x_;
        for (c, number) in order.iter().enumerate().filter(|(_, number)| !depthwise || **number == out) {
            let cin = if depthwise { 0 } else { *number };
            let per_out = if depthwise { 1 } else { order.len() };
            let w = weight[((out * per_out + cin) * rows + ky) * columns + kx];
            sum += f64::from(w) * f64::from(x(place, c));
        }
    }
    sum / (1.0 + (-sum).exp())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_set_of_instructions_computes_the_plain_loops(
        (kernel, stride, dilation, pad) in (1usize..=4, 1usize..=2, 1usize..=2, 0usize..=2),
        (batch, height, width) in (1usize..=2, 1usize..=9, 1usize..=31),
        (one, two, cout) in (1usize..=9, 1usize..=20, 1usize..=50),
    ) {
        let reach = dilation * (kernel - 1) + 1;
        prop_assume!(height + 2 * pad >= reach && width + 2 * pad >= reach);
        let window = Window {
            kernel: [kernel; 2], stride: [stride; 2], padding: [pad; 2], dilation: [dilation; 2],
        };
        let side = |size: usize| (size + 2 * pad - reach) / stride + 1;
        let g = Geometry { batch, input: [height, width], output: [side(height), side(width)] };
        let (pixels_in, pixels) = (batch * height * width, batch * g.output[0] * g.output[1]);
        // Two maps, each with channels before and behind those that are read; the order is turned round.
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
        let (weight, bias) = (values("w", cout * (one + two) * kernel * kernel), values("bias", cout));
        let added = values("added", pixels * (cout + 1));
        let shortcut = Source { data: &added, pixel: cout + 1, first: 1, len: cout };
        let lanes: Vec<usize> = (0..two).rev().collect();
        let (lane_weight, lane_bias) = (values("lane", two * kernel * kernel), values("lane bias", two));
        for isa in Isa::available() {
            let dense = Dense::new(isa, window, &weight, &bias, vec![one, two], &order, Some(Act::Silu));
            let mut y = vec![f32::NAN; pixels * (cout + 2)];
            let target = Target { data: &mut y, pixel: cout + 2, first: 1 };
            dense.run(&g, &sources, Some(shortcut), target);
            for (pixel, out) in (0..pixels).flat_map(|pixel| (0..cout).map(move |out| (pixel, out))) {
                let sum = plain((&window, &g), x, (&weight, &bias, &order), false, (pixel, out));
                let expected = sum + f64::from(added[pixel * (cout + 1) + 1 + out]);
                let given = f64::from(y[pixel * (cout + 2) + 1 + out]);
                prop_assert!((given - expected).abs() <= 1e-4, "{isa:?} {pixel} {out}: {given} {expected}");
            }
            let outside = y.chunks_exact(cout + 2).all(|y| y[0].is_nan() && y[cout + 1].is_nan());
            prop_assert!(outside, "{isa:?} wrote other channels");

            let depthwise = Depthwise::new(isa, window, &lane_weight, &lane_bias, &lanes, Some(Act::Silu));
            let mut y = vec![f32::NAN; pixels * (two + 1)];
            depthwise.run(&g, &sources[1], Target { data: &mut y, pixel: two + 1, first: 0 });
            for (pixel, c) in (0..pixels).flat_map(|pixel| (0..two).map(move |c| (pixel, c))) {
                let x = |place: usize, c: usize| x(place, one + c);
                let expected =
                    plain((&window, &g), x, (&lane_weight, &lane_bias, &lanes), true, (pixel, lanes[c]));
                let given = f64::from(y[pixel * (two + 1) + c]);
                prop_assert!((given - expected).abs() <= 1e-4, "{isa:?} {pixel} {c}: {given} {expected}");
            }
            prop_assert!(y.chunks_exact(two + 1).all(|y| y[two].is_nan()), "{isa:?} wrote other channels");
        }
    }
}
