//! What cuDNN does on CUDA, on the CPU: this crate's kernels, which have maps channels-last, on candle's tensors.

use super::by_number;
use super::trained::{Context, Trained};
use crate::graph::{BATCH_NORM_EPS, BATCH_NORM_MOMENTUM, Pool, PoolSpec};
use candle_core::{DType, Device, Error, Result, Tensor, WithDType};
use yolo_kernels::ops::pool::Pooling;
use yolo_kernels::train::norm::{self, Normal};
use yolo_kernels::train::{hwio_to_oihw, oihw_to_hwio};
use yolo_kernels::{Conv, ConvShape, Float, Window};

/// The error of a device that has neither cuDNN nor these kernels.
pub fn no_engine(what: &str) -> Error {
    Error::msg(format!("{what} on this device needs a program with the feature `cudnn`"))
}

/// A map as numbers, channels last.
fn channels_last<T: WithDType>(x: &Tensor) -> Result<Vec<T>> {
    x.to_dtype(T::DTYPE)?.permute((0, 2, 3, 1))?.flatten_all()?.to_vec1()
}

/// The reverse, for a map `[n, c, h, w]` of a kind of numbers.
fn map<T: WithDType>(values: Vec<T>, [n, c, h, w]: [usize; 4], kind: DType) -> Result<Tensor> {
    let map = Tensor::from_vec(values, (n, h, w, c), &Device::Cpu)?.to_dtype(kind)?;
    map.permute((0, 3, 1, 2))?.contiguous()
}

fn vector<T: WithDType>(x: &Tensor) -> Result<Vec<T>> {
    x.to_dtype(T::DTYPE)?.flatten_all()?.to_vec1()
}

fn input_shape(shape: &ConvShape) -> [usize; 4] {
    [shape.batch, shape.cin, shape.input[0], shape.input[1]]
}

fn output_shape(shape: &ConvShape) -> [usize; 4] {
    [shape.batch, shape.cout, shape.output[0], shape.output[1]]
}

fn weight_shape(shape: &ConvShape) -> [usize; 4] {
    [shape.cout, shape.cin / shape.groups, shape.window.kernel[0], shape.window.kernel[1]]
}

/// See [`super::conv::Convolution::forward`].
pub fn conv_forward(conv: &Conv, shape: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    by_number!(x.dtype(), f32, T => {
        let weight = oihw_to_hwio(&vector::<T>(weight)?, weight_shape(shape));
        let mut y = vec![T::default(); output_shape(shape).iter().product()];
        conv.forward(&channels_last::<T>(x)?, &weight, None, &mut y, &mut vec![]);
        map(y, output_shape(shape), x.dtype())
    })
}

/// See [`super::conv::Convolution::backward_input`].
pub fn conv_backward_input(conv: &Conv, shape: &ConvShape, grad: &Tensor, weight: &Tensor) -> Result<Tensor> {
    by_number!(grad.dtype(), f32, T => {
        let weight = oihw_to_hwio(&vector::<T>(weight)?, weight_shape(shape));
        let mut dx = vec![T::default(); input_shape(shape).iter().product()];
        conv.backward_input(&channels_last::<T>(grad)?, &weight, &mut dx, &mut vec![]);
        map(dx, input_shape(shape), grad.dtype())
    })
}

/// See [`super::conv::Convolution::backward_weight`].
pub fn conv_backward_weight(conv: &Conv, shape: &ConvShape, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
    by_number!(grad.dtype(), f32, T => {
        let mut dw = vec![T::default(); weight_shape(shape).iter().product()];
        conv.backward_weight(&channels_last::<T>(x)?, &channels_last::<T>(grad)?, &mut dw, &mut vec![]);
        let dw = hwio_to_oihw(&dw, weight_shape(shape));
        Tensor::from_vec(dw, &weight_shape(shape), &Device::Cpu)?.to_dtype(grad.dtype())
    })
}

/// See [`super::norm::train`].
pub fn norm_train(x: &Tensor, weight: &Tensor, bias: &Tensor, running: [&Tensor; 2]) -> Result<Trained> {
    by_number!(x.dtype(), f32, T => {
        let shape: [usize; 4] = x.dims4()?.into();
        let values = channels_last::<T>(x)?;
        let statistics = norm::statistics(&values, shape[1]);
        let normal = Normal::new(&statistics, BATCH_NORM_EPS, &vector::<T>(weight)?, &vector::<T>(bias)?);
        let mut y = vec![T::default(); values.len()];
        norm::forward(&values, &normal, None, &mut y);
        let count = (values.len() / shape[1]) as f64;
        let moved = |running: &Tensor, new: Vec<f64>, factor: f64| {
            let new = Tensor::from_vec(new, shape[1], &Device::Cpu)?;
            let new = new.affine(BATCH_NORM_MOMENTUM * factor, 0.0)?;
            let old = running.to_dtype(DType::F64)?.affine(1.0 - BATCH_NORM_MOMENTUM, 0.0)?;
            (old + new)?.to_dtype(x.dtype())
        };
        let [mean, var] = running;
        Ok(Trained {
            y: map(y, shape, x.dtype())?,
            context: Context {
                mean: Tensor::from_vec(normal.mean, shape[1], &Device::Cpu)?,
                inverse: Tensor::from_vec(normal.inverse, shape[1], &Device::Cpu)?,
            },
            running: [moved(mean, statistics.mean, 1.0)?, moved(var, statistics.var, count / (count - 1.0))?],
        })
    })
}

/// See [`super::norm::backward`].
pub fn norm_backward(x: &Tensor, context: &Context, weight: &Tensor, grad: &Tensor) -> Result<[Tensor; 3]> {
    by_number!(x.dtype(), f32, T => {
        let normal = Normal {
            mean: vector::<T>(&context.mean)?,
            scale: vector::<T>(&(&context.inverse * weight)?)?,
            shift: vec![T::default(); weight.elem_count()],
            inverse: vector::<T>(&context.inverse)?,
        };
        let mut dx = channels_last::<T>(grad)?;
        let (dw, db) = norm::backward(&channels_last::<T>(x)?, &normal, None, &mut dx);
        let channels = dw.len();
        let vector = |values: Vec<T>| Tensor::from_vec(values, channels, &Device::Cpu);
        Ok([map(dx, x.dims4()?.into(), x.dtype())?, vector(dw)?, vector(db)?])
    })
}

/// A pooling window, and for a maximum where in it each stood.
#[derive(Debug)]
pub struct Places(Box<Pooling>, Vec<u16>);

/// See [`super::pool::forward`].
pub fn pool_forward(kind: Pool, spec: &PoolSpec, x: &Tensor, shape: &[usize]) -> Result<(Tensor, Places)> {
    let window =
        Window { kernel: spec.kernel, stride: spec.stride, padding: spec.padding, dilation: spec.dilation };
    let (n, c, h, w) = x.dims4()?;
    let pooling = Pooling::new(kind, n, [h, w], [shape[2], shape[3]], c, &window);
    by_number!(x.dtype(), f32, T => {
        let (mut y, mut places) = (vec![T::default(); shape.iter().product()], vec![]);
        pooling.forward(&channels_last::<T>(x)?, &mut y, &mut places);
        let y = map(y, [n, c, shape[2], shape[3]], x.dtype())?;
        Ok((y, Places(Box::new(pooling), places)))
    })
}

/// See [`super::pool::backward`].
pub fn pool_backward(Places(pooling, places): &Places, grad: &Tensor, shape: &[usize]) -> Result<Tensor> {
    by_number!(grad.dtype(), f32, T => {
        let mut dx = vec![T::of(0.0); shape.iter().product()];
        pooling.backward(&channels_last::<T>(grad)?, places, &mut dx);
        map(dx, [shape[0], shape[1], shape[2], shape[3]], grad.dtype())
    })
}
