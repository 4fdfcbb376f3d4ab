//! The fast convolutions against the plain loops, and the gradients against the forward pass.

use super::*;
use crate::base::isa::Isa;
use crate::testing::{Stream, cases};
use crate::train::{dense, dense_weight, depthwise, depthwise_weight};
use proptest::prelude::*;

fn values(key: &str, count: usize) -> Vec<f32> {
    let mut stream = Stream::keyed(key);
    (0..count).map(|_| 2.0 * stream.uniform() as f32 - 1.0).collect()
}

fn shapes() -> impl Strategy<Value = ConvShape> {
    let window = (1usize..=5, 1usize..=5, 1usize..=3, 1usize..=3, 1usize..=2, 1usize..=2);
    let sizes = (1usize..=3, 1usize..=11, 1usize..=11, 1usize..=40, 1usize..=75, 0usize..4);
    (window, sizes, 0usize..3, 0usize..3).prop_filter_map("a window that fits", |(w, s, ph, pw)| {
        let window =
            Window { kernel: [w.0, w.1], stride: [w.2, w.3], padding: [ph, pw], dilation: [w.4, w.5] };
        let input = [s.1, s.2];
        let side = |axis: usize| {
            let reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
            let padded = input[axis] + 2 * window.padding[axis];
            (padded >= reach).then(|| (padded - reach) / window.stride[axis] + 1)
        };
        let (cin, cout, groups) = match s.5 {
            0 => (s.3, s.3, s.3),
            1 => (3 * s.3.min(7), 3 * s.4.min(11), 3),
            _ => (s.3, s.4, 1),
        };
        Some(ConvShape { batch: s.0, input, output: [side(0)?, side(1)?], cin, cout, window, groups })
    })
}

fn close(fast: &[f32], reference: &[f32], what: &str) -> Result<(), TestCaseError> {
    for (i, (a, b)) in fast.iter().zip(reference).enumerate() {
        prop_assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{what}, element {i}: {a} is not {b}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(300))]
    /// Every set of instructions computes what the plain loops do, and leaves no element out.
    #[test]
    fn fast_is_reference(shape in shapes()) {
        let conv = Conv::new(&shape);
        let area = |size: [usize; 2]| size[0] * size[1];
        let x = values("x", shape.batch * area(shape.input) * shape.cin);
        let dy = values("dy", shape.batch * area(shape.output) * shape.cout);
        let weight = values("w", area(shape.window.kernel) * shape.cin / shape.groups * shape.cout);
        let bias = values("b", shape.cout);
        let plan = &conv.forward;
        for isa in Isa::available() {
            if conv.is_depthwise() {
                let channels = shape.cin;
                let job = depthwise::Depthwise { plan, src: &x, weight: &weight, channels, bias: Some(&bias) };
                let (mut ours, mut theirs) = (vec![f32::NAN; dy.len()], vec![f32::NAN; dy.len()]);
                depthwise::fast(isa, &job, &mut ours);
                depthwise::reference(&job, &mut theirs);
                close(&ours, &theirs, "depthwise")?;
                let (mut ours, mut theirs) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                for plan in &conv.backward {
                    let job = depthwise::Depthwise { plan, src: &dy, weight: &weight, channels, bias: None };
                    depthwise::fast(isa, &job, &mut ours);
                    depthwise::reference(&job, &mut theirs);
                }
                close(&ours, &theirs, "depthwise, gradient of the input")?;
                let job = depthwise_weight::DepthwiseWeight { plan, src: &x, grad_output: &dy, channels };
                let (mut ours, mut theirs) = (vec![f32::NAN; weight.len()], vec![f32::NAN; weight.len()]);
                depthwise_weight::fast(isa, &job, &mut ours);
                depthwise_weight::reference(&job, &mut theirs);
                close(&ours, &theirs, "depthwise, gradient of the weight")?;
                continue;
            }
            let (cin, cout) = (shape.cin / shape.groups, shape.cout / shape.groups);
            let (mut ours, mut theirs) = (vec![f32::NAN; dy.len()], vec![f32::NAN; dy.len()]);
            let (mut our_grad, mut their_grad) = (vec![f32::NAN; weight.len()], vec![f32::NAN; weight.len()]);
            for group in 0..shape.groups {
                let job = dense::Dense {
                    plan,
                    src: (&x, shape.cin, group * cin),
                    cin,
                    weight: (&weight, shape.cout, group * cout),
                    dst: (shape.cout, group * cout),
                    cout,
                    bias: Some(&bias[group * cout..][..cout]),
                };
                dense::fast(isa, &job, &mut ours);
                dense::reference(&job, &mut theirs);
                let job = dense_weight::DenseWeight {
                    plan,
                    src: (&x, shape.cin, group * cin),
                    cin,
                    grad_output: (&dy, shape.cout, group * cout),
                    cout,
                    columns: (shape.cout, group * cout),
                };
                dense_weight::fast(isa, &job, &mut our_grad);
                dense_weight::reference(&job, &mut their_grad);
            }
            close(&ours, &theirs, "forward")?;
            close(&our_grad, &their_grad, "gradient of the weight")?;
        }
    }

    /// The gradients are the transposes of the forward pass: ⟨conv(x, w), g⟩ = ⟨x, ∂x⟩ = ⟨w, ∂w⟩.
    #[test]
    fn gradients_are_transposes(shape in shapes()) {
        let conv = Conv::new(&shape);
        let area = |size: [usize; 2]| size[0] * size[1];
        let double = |key: &str, count: usize| -> Vec<f64> { values(key, count).into_iter().map(f64::from).collect() };
        let x = double("x", shape.batch * area(shape.input) * shape.cin);
        let g = double("dy", shape.batch * area(shape.output) * shape.cout);
        let weight = double("w", area(shape.window.kernel) * shape.cin / shape.groups * shape.cout);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (mut y, mut dx, mut dw) = (vec![f64::NAN; g.len()], vec![f64::NAN; x.len()], vec![f64::NAN; weight.len()]);
        conv.forward(&x, &weight, None, &mut y, &mut vec![]);
        conv.backward_input(&g, &weight, &mut dx, &mut vec![]);
        conv.backward_weight(&x, &g, &mut dw, &mut vec![]);
        let expected = dot(&y, &g);
        let scale = dot(&y, &y).sqrt() * dot(&g, &g).sqrt() + 1e-9;
        prop_assert!((dot(&x, &dx) - expected).abs() < 1e-12 * scale, "input: {} {expected}", dot(&x, &dx));
        prop_assert!((dot(&weight, &dw) - expected).abs() < 1e-12 * scale, "weight: {} {expected}", dot(&weight, &dw));
    }
}

#[test]
fn oihw_and_hwio_convert_both_ways() {
    let weight: Vec<usize> = (0..2 * 3 * 4 * 5).collect();
    let ours = oihw_to_hwio(&weight, [2, 3, 4, 5]);
    assert_eq!(ours[(3 * 3 + 2) * 2 + 1], (3 + 2) * 20 + 3); // element 3, ci 2, co 1
    assert_eq!(hwio_to_oihw(&ours, [2, 3, 4, 5]), weight);
}
