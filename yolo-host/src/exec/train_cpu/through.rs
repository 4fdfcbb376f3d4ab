//! The reverse pass through operations that move numbers, and through sums and products with broadcasting.

use super::backward::Flow;
use crate::exec::Error;
use crate::exec::primitive::{broadcast_steps, from_rows, logical_strides, order, physical, to_rows};
use crate::exec::primitive::{moved_last, scales, scatter};
use crate::graph::{Op, Order, Upsample};
use yolo_kernels::ConvFloat;
use yolo_kernels::ops::strided::{gather, scale_channels, scale_channels_backward, scatter_add, zip};
use yolo_kernels::ops::{matrix, resize};

impl<T: ConvFloat> Flow<'_, T> {
    /// Operations of one input that only move numbers.
    pub(super) fn moved(
        &mut self,
        op: &Op,
        output: usize,
        shape: &[usize],
        out_shape: &[usize],
        grad: &[T],
        dx: &mut [T],
    ) -> Result<(), Error> {
        match op {
            Op::Pad(border, _) => resize::pad_backward(grad, shape, *border, dx),
            Op::ChannelShuffle { groups } => {
                resize::permute(grad, dx, &resize::inverse(&resize::shuffle(shape[1], *groups)));
            }
            Op::Upsample(scale, Upsample::Nearest) => scatter(grad, dx, &resize::nearest(shape, *scale)),
            Op::Upsample(scale, Upsample::Bilinear) => resize::bilinear_backward(grad, shape, *scale, dx),
            Op::SpaceToDepth(size, order) => {
                scatter(grad, dx, &resize::space_to_depth(shape, *size, *order == Order::Rows));
            }
            Op::DepthToSpace(size, order) => {
                scatter(grad, dx, &resize::depth_to_space(shape, *size, *order == Order::Rows));
            }
            Op::Softmax { axis } => {
                let last = moved_last(shape, *axis);
                let y = self.value(output)?;
                let (mut y_rows, mut rows) = (vec![T::zero(); dx.len()], vec![T::zero(); dx.len()]);
                gather(&y.data, &mut y_rows, &last.0, &last.1);
                gather(grad, &mut rows, &last.0, &last.1);
                matrix::softmax_backward(&y_rows, &mut rows, shape[*axis]);
                scatter(&rows, dx, &last);
            }
            Op::Transpose(a, b) => {
                let mut steps = logical_strides(out_shape);
                steps.swap(*a, *b);
                let steps: yolo_kernels::ops::strided::Axes =
                    order(shape.len()).into_iter().map(|axis| steps[axis]).collect();
                gather(grad, dx, &physical(shape), &steps);
            }
            // Reshape and the like: the same numbers, row-major.
            _ => {
                let mut rows = vec![T::zero(); dx.len()];
                to_rows(grad, out_shape, &mut rows);
                from_rows(&rows, shape, dx);
            }
        }
        Ok(())
    }

    pub(super) fn multiply(
        &mut self,
        inputs: &[usize],
        shapes: &[Vec<usize>],
        wants: &[bool],
        out_shape: &[usize],
        grad: Vec<T>,
    ) -> Option<()> {
        for (i, other) in [(0, 1), (1, 0)] {
            if !wants[i] {
                continue;
            }
            let mut dx = self.take(shapes[i].iter().product());
            let (this, other) =
                (self.trainer.values[inputs[i]].as_ref()?, self.trainer.values[inputs[other]].as_ref()?);
            let dx = if this.shape == out_shape && scales(this.view(), other.view()) {
                scale_channels(&grad, &other.data, out_shape[0], out_shape[1], &mut dx);
                dx
            } else if other.shape == out_shape && scales(other.view(), this.view()) {
                scale_channels_backward(&other.data, &grad, out_shape[0], out_shape[1], &mut dx);
                dx
            } else {
                let (sizes, steps) = broadcast_steps(&other.shape, out_shape);
                let (mut wide, mut product) = (vec![T::zero(); grad.len()], vec![T::zero(); grad.len()]);
                gather(&other.data, &mut wide, &sizes, &steps);
                self.trainer.pool.give(dx);
                zip(&grad, &wide, &mut product, |g, x| g * x);
                self.trainer.pool.give(wide);
                let dx = self.reduced(&product, out_shape, &shapes[i]);
                self.trainer.pool.give(product);
                dx
            };
            self.add(inputs[i], dx);
        }
        self.trainer.pool.give(grad);
        Some(())
    }

    /// The gradient of a tensor of `shape` that was broadcast to `out_shape`.
    pub(super) fn reduced(&mut self, grad: &[T], out_shape: &[usize], shape: &[usize]) -> Vec<T> {
        let size = shape.iter().product();
        if shape == out_shape {
            let mut dx = self.take(size);
            dx.copy_from_slice(grad);
            return dx;
        }
        let (sizes, steps) = broadcast_steps(shape, out_shape);
        let mut dx = self.trainer.pool.zeros(size);
        scatter_add(grad, &mut dx, &sizes, &steps);
        dx
    }
}
