//! A convolution with groups: its forward pass and its three gradients.

use super::ConvFloat;
use super::dense::Dense;
use super::dense_weight::DenseWeight;
use super::depthwise::Depthwise;
use super::depthwise_weight::DepthwiseWeight;
use crate::base::parallel::chunks_mut;
use crate::ops::resize::pad;
use crate::ops::window::{Plan, Window};

/// A convolution for one size of input.
#[derive(Clone, Debug)]
pub struct Conv {
    window: Window,
    groups: usize,
    cin: usize,
    cout: usize,
    forward: Plan,
    backward: Vec<Plan>,
    /// The forward plan on padded images, on which each row of the kernel is one element: see [`is_thin`](Conv::is_thin).
    thin: Plan,
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Channels of the input.
    pub cin: usize,
    /// Channels of the output.
    pub cout: usize,
    /// Kernel, stride, padding and dilation.
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

    /// Whether the channels are so few that a whole row of the kernel is taken as one pixel with more channels, which on padded
    /// images is what it looks like in memory.
    fn is_thin(&self) -> bool {
        self.groups == 1
            && self.cin * self.window.kernel[1] <= 32
            && self.window.kernel[1] > 1
            && self.window.dilation[1] == 1
    }

    /// Copies x with its border into `out`.
    fn pad<T: ConvFloat>(&self, x: &[T], out: &mut Vec<T>) {
        let [py, px] = self.window.padding;
        let [height, width] = self.forward.src;
        out.resize(self.forward.batch * (height + 2 * py) * (width + 2 * px) * self.cin, T::zero());
        let shape = [self.forward.batch, self.cin, height, width];
        pad(x, &shape, [px, px, py, py], T::zero(), out);
    }

    /// Overwrites y. `scratch` is memory for padded images, here and below.
    pub fn forward<T: ConvFloat>(
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

    /// Overwrites the gradient of x.
    pub fn backward_input<T: ConvFloat>(
        &self,
        grad: &[T],
        weight: &[T],
        grad_x: &mut [T],
        scratch: &mut Vec<T>,
    ) {
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

    /// Overwrites the gradient of the weight.
    pub fn backward_weight<T: ConvFloat>(
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

/// `[element, ci, group · co]` to `[element, co, group · ci]`, in squares that the first-level cache holds.
fn transpose<T: ConvFloat>(weight: &[T], cin: usize, cout: usize, groups: usize, out: &mut Vec<T>) {
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

/// A weight `[out, in / groups, ky, kx]` as `[ky, kx, in / groups, out]`, which the kernels read. A depthwise weight has one input
/// channel, and becomes `[ky, kx, channel]`.
pub fn oihw_to_hwio<T: Copy>(weight: &[T], shape: [usize; 4]) -> Vec<T> {
    let [cout, cin, ky, kx] = shape;
    let elements = ky * kx;
    let source = |i: usize| {
        let (element, ci, co) = (i / (cin * cout), i / cout % cin, i % cout);
        weight[(co * cin + ci) * elements + element]
    };
    debug_assert_eq!(weight.len(), cout * cin * elements);
    (0..weight.len()).map(source).collect()
}

/// The inverse of [`oihw_to_hwio`], with the shape of its result.
pub fn hwio_to_oihw<T: Copy>(weight: &[T], shape: [usize; 4]) -> Vec<T> {
    let [cout, cin, ky, kx] = shape;
    let elements = ky * kx;
    let source = |i: usize| {
        let (co, ci, element) = (i / (cin * elements), i / elements % cin, i % elements);
        weight[(element * cin + ci) * cout + co]
    };
    debug_assert_eq!(weight.len(), cout * cin * elements);
    (0..weight.len()).map(source).collect()
}

#[cfg(test)]
#[path = "conv_tests.rs"]
mod tests;
