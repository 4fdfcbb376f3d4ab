//! A convolution with groups: its forward pass and its three gradients.

use super::Float;
use super::dense::{Dense, DenseWeight};
use super::depthwise::{Depthwise, DepthwiseWeight};
use super::parallel::chunks_mut;
use super::plan::{Plan, Window};
use super::resize::pad;

/// A convolution for one size of input.
#[derive(Clone, Debug)]
pub struct Conv {
    window: Window,
    groups: usize,
    cin: usize,
    cout: usize,
    forward: Plan,
    backward: Vec<Plan>,
    /// The forward plan on a picture with a border, each row of the kernel being one element.
    thin: Plan,
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Pictures.
    pub batch: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Channels of the input.
    pub cin: usize,
    /// Channels of the output.
    pub cout: usize,
    /// The window.
    pub window: Window,
    /// Groups, which divide both numbers of channels.
    pub groups: usize,
}

impl Conv {
    /// Prepares a convolution.
    pub fn new(shape: &ConvShape) -> Self {
        let ConvShape { batch, input, output, cin, cout, window, groups } = *shape;
        assert!(cin.is_multiple_of(groups) && cout.is_multiple_of(groups), "the groups divide the channels");
        Conv {
            window,
            groups,
            cin,
            cout,
            forward: Plan::forward(batch, input, output, &window),
            thin: Plan::forward(
                batch,
                [input[0] + 2 * window.padding[0], input[1] + 2 * window.padding[1]],
                output,
                &Window { kernel: [window.kernel[0], 1], padding: [0, 0], ..window },
            ),
            backward: Plan::backward(batch, input, output, &window),
        }
    }

    /// Whether every channel is convolved by itself.
    pub fn is_depthwise(&self) -> bool {
        is_depthwise(self.groups, self.cin, self.cout)
    }

    /// Whether the channels are so few that a whole row of the kernel is taken as one pixel of more channels: in memory that
    /// is what it is, if there is a border around the picture.
    fn is_thin(&self) -> bool {
        self.groups == 1
            && self.cin * self.window.kernel[1] <= 32
            && self.window.kernel[1] > 1
            && self.window.dilation[1] == 1
    }

    /// x with its border, into `out`.
    fn pad<T: Float>(&self, x: &[T], out: &mut Vec<T>) {
        let [py, px] = self.window.padding;
        let [height, width] = self.forward.src;
        out.resize(self.forward.batch * (height + 2 * py) * (width + 2 * px) * self.cin, T::zero());
        let shape = [self.forward.batch, self.cin, height, width];
        pad(x, &shape, [px, px, py, py], T::zero(), out);
    }

    /// y from x. `scratch` is room for what it keeps meanwhile, here and below.
    pub fn forward<T: Float>(
        &self,
        x: &[T],
        weight: &[T],
        bias: Option<&[T]>,
        y: &mut [T],
        scratch: &mut Vec<T>,
    ) {
        let plan = &self.forward;
        if self.is_depthwise() {
            return T::depthwise(&Depthwise { plan, src: x, weight, channels: self.cin, bias }, y);
        }
        if self.is_thin() {
            self.pad(x, scratch);
            let plan = &self.thin;
            let (src, cin) = ((scratch.as_slice(), self.cin, 0), self.cin * self.window.kernel[1]);
            let job = Dense {
                plan,
                src,
                cin,
                weight: (weight, self.cout, 0),
                dst: (self.cout, 0),
                cout: self.cout,
                bias,
            };
            return T::dense(&job, y);
        }
        let (cin, cout) = (self.cin / self.groups, self.cout / self.groups);
        for group in 0..self.groups {
            let job = Dense {
                plan,
                src: (x, self.cin, group * cin),
                cin,
                weight: (weight, self.cout, group * cout),
                dst: (self.cout, group * cout),
                cout,
                bias: bias.map(|bias| &bias[group * cout..][..cout]),
            };
            T::dense(&job, y);
        }
    }

    /// The gradient of x.
    pub fn backward_input<T: Float>(&self, grad: &[T], weight: &[T], grad_x: &mut [T], scratch: &mut Vec<T>) {
        if self.is_depthwise() {
            for plan in &self.backward {
                let job = Depthwise { plan, src: grad, weight, channels: self.cin, bias: None };
                T::depthwise(&job, grad_x);
            }
            return;
        }
        let (cin, cout) = (self.cin / self.groups, self.cout / self.groups);
        transpose(weight, cin, cout, self.groups, scratch);
        for plan in &self.backward {
            for group in 0..self.groups {
                let job = Dense {
                    plan,
                    src: (grad, self.cout, group * cout),
                    cin: cout,
                    weight: (scratch, self.cin, group * cin),
                    dst: (self.cin, group * cin),
                    cout: cin,
                    bias: None,
                };
                T::dense(&job, grad_x);
            }
        }
    }

    /// The gradient of the weight.
    pub fn backward_weight<T: Float>(
        &self,
        x: &[T],
        grad: &[T],
        grad_weight: &mut [T],
        scratch: &mut Vec<T>,
    ) {
        let plan = &self.forward;
        if self.is_depthwise() {
            let job = DepthwiseWeight { plan, src: x, grad_output: grad, channels: self.cin };
            return T::depthwise_weight(&job, grad_weight);
        }
        if self.is_thin() {
            self.pad(x, scratch);
            let job = DenseWeight {
                plan: &self.thin,
                src: (scratch, self.cin, 0),
                cin: self.cin * self.window.kernel[1],
                grad_output: (grad, self.cout, 0),
                cout: self.cout,
                columns: (self.cout, 0),
            };
            return T::dense_weight(&job, grad_weight);
        }
        let (cin, cout) = (self.cin / self.groups, self.cout / self.groups);
        for group in 0..self.groups {
            let job = DenseWeight {
                plan,
                src: (x, self.cin, group * cin),
                cin,
                grad_output: (grad, self.cout, group * cout),
                cout,
                columns: (self.cout, group * cout),
            };
            T::dense_weight(&job, grad_weight);
        }
    }
}

/// Whether a convolution's weight is depthwise, `[ky, kx, channel]`.
pub fn is_depthwise(groups: usize, cin: usize, cout: usize) -> bool {
    groups > 1 && groups == cin && groups == cout
}

/// `[element, ci, group · co]` to `[element, co, group · ci]`, in squares that the cache holds.
fn transpose<T: Float>(weight: &[T], cin: usize, cout: usize, groups: usize, out: &mut Vec<T>) {
    const SQUARE: usize = 16;
    out.resize(weight.len(), T::zero());
    let (columns, rows) = (cout * groups, cin * groups);
    chunks_mut(out, (cout * rows).max(1), |start, to| {
        let from = &weight[start..][..cin * columns];
        for group in 0..groups {
            for ci0 in (0..cin).step_by(SQUARE) {
                for co0 in (0..cout).step_by(SQUARE) {
                    for ci in ci0..(ci0 + SQUARE).min(cin) {
                        for co in co0..(co0 + SQUARE).min(cout) {
                            to[co * rows + group * cin + ci] = from[ci * columns + group * cout + co];
                        }
                    }
                }
            }
        }
    });
}

/// A weight `[out, in / groups, ky, kx]` as the kernels want it.
pub fn from_rows<T: Copy>(weight: &[T], shape: [usize; 4], groups: usize) -> Vec<T> {
    let [cout, cin, ky, kx] = shape;
    let elements = ky * kx;
    let order = |i: usize| {
        let (element, ci, co) = (i / (cin * cout), i / cout % cin, i % cout);
        weight[(co * cin + ci) * elements + element]
    };
    debug_assert_eq!(weight.len(), cout * cin * elements);
    let _ = groups; // a depthwise weight has one input channel, and the same order
    (0..weight.len()).map(order).collect()
}

/// The reverse of [`from_rows`].
pub fn to_rows<T: Copy>(weight: &[T], shape: [usize; 4]) -> Vec<T> {
    let [cout, cin, ky, kx] = shape;
    let elements = ky * kx;
    let order = |i: usize| {
        let (co, ci, element) = (i / (cin * elements), i / elements % cin, i % elements);
        weight[(element * cin + ci) * cout + co]
    };
    debug_assert_eq!(weight.len(), cout * cin * elements);
    (0..weight.len()).map(order).collect()
}

#[cfg(test)]
mod tests {
    use super::super::isa::Isa;
    use super::super::{dense, depthwise};
    use super::*;
    use crate::random::Stream;
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
                let room = input[axis] + 2 * window.padding[axis];
                (room >= reach).then(|| (room - reach) / window.stride[axis] + 1)
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
        #![proptest_config(ProptestConfig::with_cases(300))]
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
                    let job = depthwise::DepthwiseWeight { plan, src: &x, grad_output: &dy, channels };
                    let (mut ours, mut theirs) = (vec![f32::NAN; weight.len()], vec![f32::NAN; weight.len()]);
                    depthwise::weight_fast(isa, &job, &mut ours);
                    depthwise::weight_reference(&job, &mut theirs);
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
                    let job = dense::DenseWeight {
                        plan,
                        src: (&x, shape.cin, group * cin),
                        cin,
                        grad_output: (&dy, shape.cout, group * cout),
                        cout,
                        columns: (shape.cout, group * cout),
                    };
                    dense::weight_fast(isa, &job, &mut our_grad);
                    dense::weight_reference(&job, &mut their_grad);
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
    fn weights_change_their_order_and_back() {
        let weight: Vec<usize> = (0..2 * 3 * 4 * 5).collect();
        let ours = from_rows(&weight, [2, 3, 4, 5], 1);
        assert_eq!(ours[(3 * 3 + 2) * 2 + 1], (3 + 2) * 20 + 3); // element 3, ci 2, co 1
        assert_eq!(to_rows(&ours, [2, 3, 4, 5]), weight);
    }
}
