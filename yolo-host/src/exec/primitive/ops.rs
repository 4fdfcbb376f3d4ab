//! Every operation that keeps nothing between its forward and its reverse pass, forward and in reverse.

use super::broadcast::{binary, multiply, multiply_backward, reduced};
use super::buffer_pool::Pool;
use super::scratch::Scratch;
use super::tensor::{Ref, Tensor, axis_copy, by_rows, from_rows, matrix_sizes, moved_last};
use super::tensor::{rows, scatter, single, to_rows, transposed};
use crate::exec::Error;
use crate::graph::{CustomError, Op, Order, Upsample, View};
use yolo_kernels::ConvFloat;
use yolo_kernels::ops::strided::{add_assign, gather, map, sum_pixels};
use yolo_kernels::ops::{activation as act, layer_norm, matrix, resize};

/// Computes an operation of a YAML row into `y`, a tensor of `shape`.
///
/// Fails without the inputs that it needs, for a custom operation that fails, and for an operation that executors compute
/// themselves.
pub fn forward<T: ConvFloat>(
    op: &Op,
    layer: usize,
    inputs: &[Ref<T>],
    params: &[Vec<T>],
    shape: &[usize],
    y: &mut [T],
) -> Result<(), Error> {
    let missing = || Error::Missing { layer, op: op.name() };
    let x = *inputs.first().ok_or_else(missing)?;
    match op {
        // A map lies channels-last: a row is a pixel.
        Op::LayerNorm { weight, bias, eps } => {
            layer_norm::forward(x.data, &params[weight.0], &params[bias.0], *eps, y);
        }
        Op::Linear { weight, bias } => {
            let [features, n] = [x.shape[x.shape.len() - 1], shape[shape.len() - 1]];
            let rows = rows(x);
            let transposed = matrix::transposed(&params[weight.0], n, features);
            by_rows(shape, y, |y| {
                matrix::product(&rows, &transposed, y, [rows.len() / features, features, n]);
                if let Some(bias) = bias {
                    let bias = &params[bias.0];
                    y.chunks_exact_mut(n)
                        .for_each(|row| row.iter_mut().zip(bias).for_each(|(y, b)| *y += *b));
                }
            });
        }
        Op::Activation(act) => act::forward(*act, x.data, y),
        Op::Pad(border, constant) => resize::pad(x.data, x.shape, *border, T::of(*constant), y),
        Op::Add => binary(inputs, shape, y, |a, b| a + b),
        Op::Mul => multiply(inputs, shape, y),
        Op::Affine { factor, offset } => {
            let (factor, offset) = (T::of(*factor), T::of(*offset));
            map(x.data, y, |x| x * factor + offset);
        }
        Op::Concat { axis } => {
            let mut place = 0;
            for x in inputs {
                axis_copy(shape, *axis, place, x.shape[*axis]).reversed().copy(x.data, y);
                place += x.shape[*axis];
            }
        }
        Op::Slice { axis, start, length } => {
            axis_copy(x.shape, *axis, *start, *length).copy(x.data, y);
        }
        Op::ChannelShuffle { groups } => resize::permute(x.data, y, &resize::shuffle(x.shape[1], *groups)),
        Op::Upsample(scale, Upsample::Nearest) => {
            let (sizes, steps) = resize::nearest(x.shape, *scale);
            gather(x.data, y, &sizes, &steps);
        }
        Op::Upsample(scale, Upsample::Bilinear) => resize::bilinear(x.data, x.shape, *scale, y),
        Op::SpaceToDepth(size, order) => {
            let (sizes, steps) = resize::space_to_depth(x.shape, *size, *order == Order::Rows);
            gather(x.data, y, &sizes, &steps);
        }
        Op::DepthToSpace(size, order) => {
            let (sizes, steps) = resize::depth_to_space(x.shape, *size, *order == Order::Rows);
            gather(x.data, y, &sizes, &steps);
        }
        Op::MatMul => {
            let b = *inputs.get(1).ok_or_else(missing)?;
            by_rows(shape, y, |y| matrix::product(&rows(x), &rows(b), y, matrix_sizes(x, b)));
        }
        Op::Softmax { axis } if shape.len() != 4 && axis + 1 == shape.len() => {
            matrix::softmax(x.data, y, x.shape[*axis]);
        }
        Op::Softmax { axis } => {
            let last = moved_last(x.shape, *axis);
            let (mut rows, mut out) = (Scratch::zeros(y.len()), Scratch::zeros(y.len()));
            gather(x.data, &mut rows, &last.0, &last.1);
            matrix::softmax(&rows, &mut out, x.shape[*axis]);
            scatter(&out, y, &last);
        }
        Op::Reshape(_) | Op::UnflattenLike => by_rows(shape, y, |y| to_rows(x.data, x.shape, y)),
        Op::Transpose(a, b) => transposed(x, *a, *b, shape, y),
        Op::Custom(custom) => {
            let failed = |source: CustomError| Error::Custom { layer, source };
            let values: Vec<Vec<f32>> = inputs.iter().map(|x| single(*x)).collect();
            let views: Vec<View> =
                inputs.iter().map(|x| x.shape).zip(values.iter().map(Vec::as_slice)).collect();
            let out = custom.forward(&views, shape).map_err(failed)?;
            let out: Vec<T> = out.into_iter().map(|value| T::of(value.into())).collect();
            from_rows(&out, shape, y);
        }
        Op::Input | Op::Parameter(_) | Op::Conv2d { .. } | Op::BatchNorm { .. } => return Err(missing()),
        Op::Pool(..) | Op::GlobalPool(_) => return Err(missing()),
    }
    Ok(())
}

/// What an operation's reverse pass reads, and where gradients go.
#[derive(Debug)]
pub struct Reverse<'a, T> {
    /// The inputs; one that [`Op::gradient_reads`] does not name may be gone.
    pub inputs: &'a [Option<&'a Tensor<T>>],
    /// The output, likewise.
    pub output: Option<&'a Tensor<T>>,
    /// The inputs' shapes.
    pub shapes: &'a [&'a [usize]],
    /// The output's.
    pub out_shape: &'a [usize],
    /// Which inputs want a gradient.
    pub wanted: &'a [bool],
    /// The gradient that the first input has from other readers so far; who takes it gives the sum.
    pub so_far: &'a mut Option<Vec<T>>,
    /// Parameters of the graph.
    pub params: &'a [Vec<T>],
    /// Their gradients, which are added to.
    pub param_grads: &'a mut [Vec<T>],
    /// Where buffers come from and go to.
    pub pool: &'a mut Pool<T>,
}

/// The gradients of the inputs, in memory's order, from that of the output; of one that wants none, nothing.
///
/// Fails without the tensors that it needs, for a custom operation that fails, and for an operation that executors compute
/// themselves.
pub fn backward<T: ConvFloat>(
    op: &Op,
    layer: usize,
    mut grad: Vec<T>,
    r: Reverse<T>,
) -> Result<Vec<Option<Vec<T>>>, Error> {
    let missing = || Error::Missing { layer, op: op.name() };
    let Reverse { inputs, shapes, out_shape, wanted, pool, .. } = r;
    let value = |place: usize| inputs.get(place).copied().flatten().ok_or_else(missing);
    let shape = *shapes.first().ok_or_else(missing)?;
    let size: usize = shape.iter().product();
    let given = Ref { shape: out_shape, data: &grad };
    // Those of operations of one input only set `dx`; others return all of theirs.
    let dx = match op {
        Op::LayerNorm { weight, bias, eps } => {
            let x = value(0)?;
            let grads = r.param_grads.get_disjoint_mut([weight.0, bias.0]);
            let [dw, db] = grads.map_err(|_| missing())?;
            filled(pool, size, |dx| {
                layer_norm::backward(&x.data, &r.params[weight.0], *eps, &grad, dx, dw, db);
            })
        }
        Op::Linear { weight, bias } => {
            let x = rows(value(0)?.view());
            let [features, n] = [shape[shape.len() - 1], out_shape[out_shape.len() - 1]];
            let given = rows(given);
            let count = x.len() / features;
            if let Some(bias) = bias {
                add_assign(&mut r.param_grads[bias.0], &sum_pixels(&given, n));
            }
            let mut dw = vec![T::zero(); n * features];
            matrix::product(&matrix::transposed(&given, count, n), &x, &mut dw, [n, count, features]);
            add_assign(&mut r.param_grads[weight.0], &dw);
            if !wanted[0] {
                return Ok(vec![None]);
            }
            let mut dx = vec![T::zero(); x.len()];
            matrix::product(&given, &r.params[weight.0], &mut dx, [count, n, features]);
            filled(pool, size, |out| from_rows(&dx, shape, out))
        }
        Op::Activation(kind) => {
            act::backward(*kind, &value(0)?.data, &mut grad);
            return Ok(vec![Some(grad)]);
        }
        Op::Pad(border, _) => filled(pool, size, |dx| resize::pad_backward(&grad, shape, *border, dx)),
        Op::Add => {
            // The last of equal shape takes the gradient itself.
            let heir = (0..shapes.len()).rfind(|i| wanted[*i] && shapes[*i] == out_shape);
            let mut grads: Vec<Option<Vec<T>>> = vec![None; shapes.len()];
            for i in (0..shapes.len()).filter(|i| wanted[*i] && Some(*i) != heir) {
                grads[i] = Some(reduced(&grad, out_shape, shapes[i], pool));
            }
            match heir {
                Some(i) => grads[i] = Some(grad),
                None => pool.give(grad),
            }
            return Ok(grads);
        }
        Op::Mul => {
            let (both, wanted) = ([value(0)?.view(), value(1)?.view()], [wanted[0], wanted[1]]);
            let grads = multiply_backward(both, wanted, given, pool);
            pool.give(grad);
            return Ok(grads.into());
        }
        Op::Affine { factor, .. } => {
            let factor = T::of(*factor);
            filled(pool, size, |dx| map(&grad, dx, |g| g * factor))
        }
        Op::Concat { axis } => {
            let mut place = 0;
            let mut grads = Vec::with_capacity(shapes.len());
            for (shape, wanted) in shapes.iter().zip(wanted) {
                let part = axis_copy(out_shape, *axis, place, shape[*axis]);
                let size = shape.iter().product();
                grads.push(wanted.then(|| filled(pool, size, |dx| part.copy(&grad, dx))));
                place += shape[*axis];
            }
            pool.give(grad);
            return Ok(grads);
        }
        Op::Slice { axis, start, length } => {
            // Into the place in one gradient of the whole: other slices of the tensor add to theirs.
            let mut dx = r.so_far.take().unwrap_or_else(|| pool.zeros(size));
            axis_copy(shape, *axis, *start, *length).reversed().add(&grad, &mut dx);
            dx
        }
        Op::ChannelShuffle { groups } => {
            let back = resize::inverse(&resize::shuffle(shape[1], *groups));
            filled(pool, size, |dx| resize::permute(&grad, dx, &back))
        }
        Op::Upsample(scale, Upsample::Nearest) => {
            filled(pool, size, |dx| scatter(&grad, dx, &resize::nearest(shape, *scale)))
        }
        Op::Upsample(scale, Upsample::Bilinear) => {
            filled(pool, size, |dx| resize::bilinear_backward(&grad, shape, *scale, dx))
        }
        Op::SpaceToDepth(block, order) => {
            let places = resize::space_to_depth(shape, *block, *order == Order::Rows);
            filled(pool, size, |dx| scatter(&grad, dx, &places))
        }
        Op::DepthToSpace(block, order) => {
            let places = resize::depth_to_space(shape, *block, *order == Order::Rows);
            filled(pool, size, |dx| scatter(&grad, dx, &places))
        }
        Op::MatMul => {
            let (a, b) = (value(0)?.view(), value(1)?.view());
            let [m, k, n] = matrix_sizes(a, b);
            let (a_rows, b_rows, given) = (rows(a), rows(b), rows(given));
            let mut da = vec![T::zero(); a_rows.len()];
            matrix::product(&given, &matrix::transposed(&b_rows, k, n), &mut da, [m, n, k]);
            // One b may serve every pair: its gradient is the sum.
            let mut db = vec![T::zero(); given.len() / (m * n) * k * n];
            matrix::product(&matrix::transposed(&a_rows, m, k), &given, &mut db, [k, m, n]);
            let mut sum = vec![T::zero(); b_rows.len()];
            db.chunks_exact(b_rows.len()).for_each(|part| add_assign(&mut sum, part));
            let one = |(i, dx): (usize, Vec<T>)| {
                wanted[i].then(|| filled(pool, dx.len(), |out| from_rows(&dx, shapes[i], out)))
            };
            return Ok([da, sum].into_iter().enumerate().map(one).collect());
        }
        Op::Softmax { axis } => {
            let y = r.output.ok_or_else(missing)?;
            let last = moved_last(shape, *axis);
            let (mut y_rows, mut rows) = (vec![T::zero(); size], vec![T::zero(); size]);
            gather(&y.data, &mut y_rows, &last.0, &last.1);
            gather(&grad, &mut rows, &last.0, &last.1);
            matrix::softmax_backward(&y_rows, &mut rows, shape[*axis]);
            filled(pool, size, |dx| scatter(&rows, dx, &last))
        }
        // Of two inputs the second gives its shape only.
        Op::Reshape(_) | Op::UnflattenLike => {
            let mut rows = vec![T::zero(); size];
            to_rows(&grad, out_shape, &mut rows);
            filled(pool, size, |dx| from_rows(&rows, shape, dx))
        }
        Op::Transpose(a, b) => filled(pool, size, |dx| transposed(given, *a, *b, shape, dx)),
        Op::Custom(custom) => {
            let failed = |source: CustomError| Error::Custom { layer, source };
            let values: Option<Vec<Vec<f32>>> = inputs.iter().map(|x| x.map(|x| single(x.view()))).collect();
            let values = values.ok_or_else(missing)?;
            let output = single(r.output.ok_or_else(missing)?.view());
            let views: Vec<View> = shapes.iter().copied().zip(values.iter().map(Vec::as_slice)).collect();
            let grads = custom.backward(&views, (out_shape, &output), &single(given), wanted);
            let one = |(dx, shape): (Vec<f32>, &&[usize])| {
                let dx: Vec<T> = dx.into_iter().map(|value| T::of(value.into())).collect();
                (!dx.is_empty()).then(|| filled(pool, dx.len(), |out| from_rows(&dx, shape, out)))
            };
            return Ok(grads.map_err(failed)?.into_iter().zip(shapes).map(one).collect());
        }
        Op::Input | Op::Parameter(_) | Op::Conv2d { .. } | Op::BatchNorm { .. } => return Err(missing()),
        Op::Pool(..) | Op::GlobalPool(_) => return Err(missing()),
    };
    pool.give(grad);
    Ok(vec![Some(dx)])
}

/// A buffer that `fill` overwrites.
fn filled<T: ConvFloat>(pool: &mut Pool<T>, len: usize, fill: impl FnOnce(&mut [T])) -> Vec<T> {
    let mut buffer = pool.take(len);
    fill(&mut buffer);
    buffer
}
