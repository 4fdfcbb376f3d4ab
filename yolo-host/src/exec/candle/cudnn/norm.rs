//! Batch norm in training, and its gradient.
#![allow(unsafe_code)] // cuDNN takes pointers to device memory

use super::{Described, DeviceValues, Engine, factor, len};
use crate::exec::candle::by_number;
use crate::exec::candle::norm::{Context, Trained};
use crate::graph::{BATCH_NORM_EPS, BATCH_NORM_MOMENTUM};
use candle_core::cuda_backend::cudarc::cudnn::{CudnnDataType, sys};
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, DevicePtrMut};
use candle_core::{Error, Result, Tensor};
use num_traits::{One, Zero};
use sys::cudnnBatchNormMode_t::CUDNN_BATCHNORM_SPATIAL as SPATIAL;

/// See [`crate::exec::candle::norm::train`].
pub fn norm_train(x: &Tensor, weight: &Tensor, bias: &Tensor, running: [&Tensor; 2]) -> Result<Trained> {
    let engine = Engine::of_tensor(x)?;
    let (x, stream) = (x.contiguous()?, &engine.stream);
    by_number!(x.dtype(), half::bf16, T => {
        let shape: [usize; 4] = x.dims4()?.into();
        let channels = shape[1];
        let (map, vector) = (Described::new::<T>(shape)?, Described::new::<T>([1, channels, 1, 1])?);
        let mut y = engine.output::<T>(len(&shape))?;
        let (mut mean, mut inverse) = (engine.output::<T>(channels)?, engine.output::<T>(channels)?);
        let read = |x| DeviceValues::<T>::of(&engine, x, channels);
        let copy = |x| Ok::<_, Error>(stream.clone_dtod(&read(x)?.view()?)?);
        let (mut running_mean, mut running_var) = (copy(running[0])?, copy(running[1])?);
        {
            let (x, weight, bias) =
                (DeviceValues::<T>::of(&engine, &x, len(&shape))?, read(weight)?, read(bias)?);
            let (x, weight, bias) = (x.view()?, weight.view()?, bias.view()?);
            let (x, _x) = x.device_ptr(stream);
            let (weight, _weight) = weight.device_ptr(stream);
            let (bias, _bias) = bias.device_ptr(stream);
            let (y, _y) = y.device_ptr_mut(stream);
            let (mean, _mean) = mean.device_ptr_mut(stream);
            let (inverse, _inverse) = inverse.device_ptr_mut(stream);
            let (running_mean, _running_mean) = running_mean.device_ptr_mut(stream);
            let (running_var, _running_var) = running_var.device_ptr_mut(stream);
            let [one, zero] = [T::one(), T::zero()].map(T::into_scaling_parameter);
            // SAFETY: handle and descriptors live; x and y are as many numbers as `map` says, all others as `vector`, and
            // they stay until the guards go, after the launch.
            unsafe {
                sys::cudnnBatchNormalizationForwardTraining(
                    engine.handle.0, SPATIAL, factor(&one), factor(&zero),
                    map.0, x as _, map.0, y as _,
                    vector.0, weight as _, bias as _,
                    BATCH_NORM_MOMENTUM, running_mean as _, running_var as _,
                    BATCH_NORM_EPS, mean as _, inverse as _,
                )
            }
            .result()?;
        }
        let vector = |values| engine.tensor::<T>(values, &[channels]);
        Ok(Trained {
            y: engine.tensor(y, &shape),
            context: Context { mean: vector(mean), inverse: vector(inverse) },
            running: [vector(running_mean), vector(running_var)],
        })
    })
}

/// See [`crate::exec::candle::norm::backward`].
pub fn norm_backward(x: &Tensor, context: &Context, weight: &Tensor, grad: &Tensor) -> Result<[Tensor; 3]> {
    let engine = Engine::of_tensor(x)?;
    let (x, grad, stream) = (x.contiguous()?, grad.contiguous()?, &engine.stream);
    by_number!(x.dtype(), half::bf16, T => {
        let shape: [usize; 4] = x.dims4()?.into();
        let channels = shape[1];
        let (map, vector) = (Described::new::<T>(shape)?, Described::new::<T>([1, channels, 1, 1])?);
        let mut dx = engine.output::<T>(x.elem_count())?;
        let (mut dw, mut db) = (engine.output::<T>(channels)?, engine.output::<T>(channels)?);
        {
            let [x, grad] = [&x, &grad].map(|x| DeviceValues::<T>::of(&engine, x, len(&shape)));
            let [weight, mean, inverse] =
                [weight, &context.mean, &context.inverse].map(|x| DeviceValues::<T>::of(&engine, x, channels));
            let (x, grad, weight, mean, inverse) = (x?, grad?, weight?, mean?, inverse?);
            let (x, grad, weight) = (x.view()?, grad.view()?, weight.view()?);
            let (mean, inverse) = (mean.view()?, inverse.view()?);
            let (x, _x) = x.device_ptr(stream);
            let (grad, _grad) = grad.device_ptr(stream);
            let (weight, _weight) = weight.device_ptr(stream);
            let (mean, _mean) = mean.device_ptr(stream);
            let (inverse, _inverse) = inverse.device_ptr(stream);
            let (dx, _dx) = dx.device_ptr_mut(stream);
            let (dw, _dw) = dw.device_ptr_mut(stream);
            let (db, _db) = db.device_ptr_mut(stream);
            let [one, zero] = [T::one(), T::zero()].map(T::into_scaling_parameter);
            // SAFETY: as in `norm_train`; gradients are as many as what they belong to.
            unsafe {
                sys::cudnnBatchNormalizationBackward(
                    engine.handle.0, SPATIAL, factor(&one), factor(&zero), factor(&one), factor(&zero),
                    map.0, x as _, map.0, grad as _, map.0, dx as _,
                    vector.0, weight as _, dw as _, db as _,
                    BATCH_NORM_EPS, mean as _, inverse as _,
                )
            }
            .result()?;
        }
        Ok([engine.tensor(dx, &shape), engine.tensor(dw, &[channels]), engine.tensor(db, &[channels])])
    })
}
