//! Operations that keep nothing for a gradient, each from its inputs alone.

use super::spare::{Rows, Spare};
use super::tensor::{Ref, broadcast_steps, from_rows, logical_strides, order, physical, to_rows};
use crate::exec::Error;
use crate::graph::{CustomError, Op, Order, Upsample, View};
use yolo_kernels::ConvFloat;
use yolo_kernels::ops::strided::{Axes, AxisCopy, gather, map, scale_channels, zip};
use yolo_kernels::ops::{activation as act, matrix, resize};

/// Computes an operation of a YAML row into `y`, a tensor of `shape`. Convolution, batch norm and pools are not among them.
pub fn apply<T: ConvFloat>(
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
        Op::MatMul => {
            let b = *inputs.get(1).ok_or_else(missing)?;
            by_rows(shape, y, |y| matrix::product(&rows(x), &rows(b), y, matrix_sizes(x, b)));
        }
        Op::Softmax { axis } if shape.len() != 4 && axis + 1 == shape.len() => {
            matrix::softmax(x.data, y, x.shape[*axis]);
        }
        Op::Softmax { axis } => {
            let last = moved_last(x.shape, *axis);
            let (mut rows, mut out) = (Spare::zeros(y.len()), Spare::zeros(y.len()));
            gather(x.data, &mut rows, &last.0, &last.1);
            matrix::softmax(&rows, &mut out, x.shape[*axis]);
            scatter(&out, y, &last);
        }
        Op::Reshape(_) | Op::UnflattenLike => by_rows(shape, y, |y| to_rows(x.data, x.shape, y)),
        Op::Transpose(a, b) => {
            let mut steps = logical_strides(x.shape);
            steps.swap(*a, *b);
            let steps: Axes = order(shape.len()).into_iter().map(|axis| steps[axis]).collect();
            gather(x.data, y, &physical(shape), &steps);
        }
        Op::Custom(custom) => {
            let failed = |source: CustomError| Error::Custom { layer, source };
            let values: Vec<Vec<f32>> = inputs.iter().map(|x| single(*x)).collect();
            let views: Vec<View> =
                inputs.iter().map(|x| x.shape).zip(values.iter().map(Vec::as_slice)).collect();
            let out = custom.forward(&views, shape).map_err(failed)?;
            let out: Vec<T> = out.into_iter().map(|value| T::of(value.into())).collect();
            from_rows(&out, shape, y);
        }
        _ => return Err(missing()),
    }
    Ok(())
}

/// A tensor row-major: as it lies, if it does.
pub fn rows<T: ConvFloat>(x: Ref<'_, T>) -> Rows<'_, T> {
    if x.shape.len() != 4 {
        return Rows::Here(x.data);
    }
    let mut out = Spare::zeros(x.data.len());
    to_rows(x.data, x.shape, &mut out);
    Rows::Copied(out)
}

/// Fills a tensor of `shape` from what makes it row-major.
fn by_rows<T: ConvFloat>(shape: &[usize], y: &mut [T], make: impl FnOnce(&mut [T])) {
    if shape.len() != 4 {
        return make(y);
    }
    let mut out = Spare::zeros(y.len());
    make(&mut out);
    from_rows(&out, shape, y);
}

/// The same in single precision, as custom operations see it.
pub fn single<T: ConvFloat>(x: Ref<T>) -> Vec<f32> {
    rows(x).iter().map(|value| value.f64() as f32).collect()
}

/// From a part of an axis of a tensor of `shape` to the whole axis of a smaller one.
pub fn axis_copy(shape: &[usize], axis: usize, start: usize, length: usize) -> AxisCopy {
    let place = order(shape.len()).iter().position(|other| *other == axis).unwrap_or(0);
    let sizes = physical(shape);
    AxisCopy {
        outer: sizes[..place].iter().product(),
        inner: sizes[place + 1..].iter().product(),
        from: (sizes[place], start),
        to: (length, 0),
        length,
    }
}

/// Rows, depth and columns of a matrix product.
pub fn matrix_sizes<T: ConvFloat>(a: Ref<T>, b: Ref<T>) -> [usize; 3] {
    let size = |x: Ref<T>, back: usize| x.shape[x.shape.len() - back];
    [size(a, 2), size(a, 1), size(b, 1)]
}

/// Sizes and steps that read a tensor with `axis` last.
pub fn moved_last(shape: &[usize], axis: usize) -> (Axes, Axes) {
    let own = logical_strides(shape);
    let axes = (0..shape.len()).filter(|other| *other != axis).chain([axis]);
    axes.map(|axis| (shape[axis], own[axis])).unzip()
}

/// The reverse of a gather whose places do not repeat.
pub fn scatter<T: ConvFloat>(src: &[T], dst: &mut [T], (sizes, steps): &(Axes, Axes)) {
    dst.fill(T::zero());
    yolo_kernels::ops::strided::scatter_add(src, dst, sizes, steps);
}

/// f(a, b) with broadcasting.
fn binary<T: ConvFloat>(
    inputs: &[Ref<T>],
    shape: &[usize],
    y: &mut [T],
    f: impl Fn(T, T) -> T + Sync + Send,
) {
    let [a, b] = *inputs else { return };
    let wide = |x: Ref<T>| {
        let (sizes, steps) = broadcast_steps(x.shape, shape);
        let mut out = Spare::zeros(shape.iter().product());
        gather(x.data, &mut out, &sizes, &steps);
        out
    };
    match (a.shape == shape, b.shape == shape) {
        (true, true) => zip(a.data, b.data, y, f),
        (true, false) => zip(a.data, &wide(b), y, f),
        (false, true) => zip(&wide(a), b.data, y, f),
        (false, false) => zip(&wide(a), &wide(b), y, f),
    }
}

/// Whether `scale` has one number for each channel of each image of `x`.
pub fn scales<T>(x: Ref<T>, scale: Ref<T>) -> bool {
    x.shape.len() == 4
        && scale.shape.len() == 4
        && scale.shape[..2] == x.shape[..2]
        && scale.shape[2..] == [1, 1]
}

fn multiply<T: ConvFloat>(inputs: &[Ref<T>], shape: &[usize], y: &mut [T]) {
    match *inputs {
        [x, scale] | [scale, x] if x.shape == shape && scales(x, scale) => {
            scale_channels(x.data, scale.data, shape[0], shape[1], y);
        }
        _ => binary(inputs, shape, y, |a, b| a * b),
    }
}
