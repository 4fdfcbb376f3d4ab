//! Pooling without dilation, and its gradient.
#![allow(unsafe_code)] // cuDNN takes pointers to device memory

use super::{Described, DeviceValues, Engine, factor, ints, len};
use crate::exec::candle::by_number;
use crate::graph::{Pool, PoolSpec};
use candle_core::cuda_backend::cudarc::cudnn::{CudnnDataType, result, sys};
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, DevicePtrMut};
use candle_core::{Result, Tensor};
use num_traits::{One, Zero};

/// The descriptor of a pool: cudarc's is never destroyed.
struct Window(sys::cudnnPoolingDescriptor_t);

impl Window {
    fn new(kind: Pool, spec: &PoolSpec) -> Result<Self> {
        let window = Window(result::create_pooling_descriptor()?);
        let mode = match kind {
            Pool::Max => sys::cudnnPoolingMode_t::CUDNN_POOLING_MAX_DETERMINISTIC,
            Pool::Average => sys::cudnnPoolingMode_t::CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING,
        };
        let nan = sys::cudnnNanPropagation_t::CUDNN_PROPAGATE_NAN;
        let (kernel, padding, stride) = (ints(spec.kernel)?, ints(spec.padding)?, ints(spec.stride)?);
        // SAFETY: the descriptor was just made, and the lists have the two sizes that are announced.
        unsafe { result::set_pooling_descriptor(window.0, mode, nan, 2, &kernel, &padding, &stride) }?;
        Ok(window)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: `new` made it and nobody else destroys it. There is nothing to do about a failure.
        let _ = unsafe { sys::cudnnDestroyPoolingDescriptor(self.0) };
    }
}

/// The output, of `shape`; the window has no dilation and fits x exactly.
pub fn pool_forward(kind: Pool, spec: &PoolSpec, x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let engine = Engine::of_tensor(x)?;
    let (x, stream) = (x.contiguous()?, &engine.stream);
    by_number!(x.dtype(), half::bf16, T => {
        let (n, c, h, w) = x.dims4()?;
        let window = Window::new(kind, spec)?;
        let [from, to] = [[n, c, h, w], [n, c, shape[2], shape[3]]].map(Described::new::<T>);
        let (from, to) = (from?, to?);
        let mut y = engine.output::<T>(len(shape))?;
        {
            let x = DeviceValues::<T>::of(&engine, &x, n * c * h * w)?;
            let x = x.view()?;
            let (x, _x) = x.device_ptr(stream);
            let (y, _y) = y.device_ptr_mut(stream);
            let [one, zero] = [T::one(), T::zero()].map(T::into_scaling_parameter);
            let (one, zero, handle) = (factor(&one), factor(&zero), engine.handle.0);
            // SAFETY: handle and descriptors live, and x and y are as many numbers as they say.
            unsafe { result::pooling_forward(handle, window.0, one, from.0, x as _, zero, to.0, y as _) }?;
        }
        Ok(engine.tensor(y, shape))
    })
}

/// The gradient of x.
pub fn pool_backward(kind: Pool, spec: &PoolSpec, x: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Tensor> {
    let engine = Engine::of_tensor(x)?;
    let (x, y, grad, stream) = (x.contiguous()?, y.contiguous()?, grad.contiguous()?, &engine.stream);
    by_number!(x.dtype(), half::bf16, T => {
        let window = Window::new(kind, spec)?;
        let [from, to] = [x.dims4()?, y.dims4()?].map(|shape| Described::new::<T>(shape.into()));
        let (from, to) = (from?, to?);
        let mut dx = engine.output::<T>(x.elem_count())?;
        let shape = x.dims().to_vec();
        {
            let read = |x, len| DeviceValues::<T>::of(&engine, x, len);
            let (x, grad) = (read(&x, x.elem_count())?, read(&grad, y.elem_count())?);
            let y = read(&y, y.elem_count())?;
            let (x, y, grad) = (x.view()?, y.view()?, grad.view()?);
            let (x, _x) = x.device_ptr(stream);
            let (y, _y) = y.device_ptr(stream);
            let (grad, _grad) = grad.device_ptr(stream);
            let (dx, _dx) = dx.device_ptr_mut(stream);
            let [one, zero] = [T::one(), T::zero()].map(T::into_scaling_parameter);
            // SAFETY: handle and descriptors live; y and its gradient are as many numbers as `to` says, x and its gradient
            // as `from`.
            unsafe {
                sys::cudnnPoolingBackward(
                    engine.handle.0, window.0, factor(&one),
                    to.0, y as _, to.0, grad as _, from.0, x as _,
                    factor(&zero), from.0, dx as _,
                )
            }
            .result()?;
        }
        Ok(engine.tensor(dx, &shape))
    })
}
