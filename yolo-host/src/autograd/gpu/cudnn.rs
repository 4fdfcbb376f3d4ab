//! cuDNN's convolution, batch norm and pooling, forward and back, on maps `[batch, channels, height, width]` in one piece.
//! Convolutions go through cudarc's wrappers; it wraps neither batch norm nor the way back through a pool, nor does it lend
//! its handle, so that those have a handle of their own.
#![allow(unsafe_code)] // cuDNN takes pointers to device memory

use super::Precision;
use super::norm::{Context, Trained};
use crate::graph::{BATCH_NORM_EPS, BATCH_NORM_MOMENTUM, Pool, PoolSpec};
use crate::kernels::ConvShape;
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnDataType,
    FilterDescriptor, TensorDescriptor, result, sys,
};
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaStream, CudaView, DevicePtr, DevicePtrMut, DeviceRepr,
};
use candle_core::cuda_backend::{CudaDType, DeviceId};
use candle_core::op::BackpropOp;
use candle_core::{
    CudaDevice, CudaStorage, DType, Device, Error, Result, Storage, StorageRef, Tensor, WithDType,
};
use num_traits::{One, Zero};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use sys::cudnnBatchNormMode_t::CUDNN_BATCHNORM_SPATIAL as SPATIAL;
use sys::cudnnConvolutionBwdDataAlgo_t as DataAlgorithm;
use sys::cudnnConvolutionBwdFilterAlgo_t as FilterAlgorithm;
use sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW as NCHW;

/// Evaluates `$body` with `$number` standing for the numbers of a kind.
macro_rules! by_number {
    ($kind:expr, $number:ident => $body:expr) => {
        match $kind {
            DType::BF16 => {
                type $number = half::bf16;
                $body
            }
            DType::F32 => {
                type $number = f32;
                $body
            }
            DType::F64 => {
                type $number = f64;
                $body
            }
            other => Err(Error::msg(format!("{other:?} cannot be trained in"))),
        }
    };
}

/// What cuDNN and candle both compute with, in sums and factors of `Scalar`.
trait Number: WithDType + CudaDType + DeviceRepr + CudnnDataType<Scalar: CudnnDataType> {}

impl<T: WithDType + CudaDType + DeviceRepr + CudnnDataType<Scalar: CudnnDataType>> Number for T {}

/// cuDNN on one device, for one thread.
struct Engine {
    wrapped: Arc<Cudnn>,
    handle: Handle,
    stream: Arc<CudaStream>,
    device: CudaDevice,
}

/// A handle of cuDNN.
struct Handle(sys::cudnnHandle_t);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it was created by `Engine::of` and nobody else destroys it. There is nothing to do about a failure.
        let _ = unsafe { result::destroy_handle(self.0) };
    }
}

thread_local! {
    /// Handles must not be shared between threads, and take long to make.
    static ENGINES: RefCell<HashMap<DeviceId, Rc<Engine>>> = RefCell::default();
}

impl Engine {
    fn of(device: &CudaDevice) -> Result<Rc<Self>> {
        if let Some(engine) = ENGINES.with_borrow(|engines| engines.get(&device.id()).cloned()) {
            return Ok(engine);
        }
        let stream = device.cuda_stream();
        // This makes the device's context the thread's, which the second handle needs, too.
        let wrapped = Cudnn::new(stream.clone())?;
        let handle = Handle(result::create_handle()?);
        // SAFETY: the handle was just made, and the stream lives as long as the engine, which holds it.
        unsafe { result::set_stream(handle.0, stream.cu_stream() as *mut _) }?;
        let engine = Rc::new(Engine { wrapped, handle, stream, device: device.clone() });
        ENGINES.with_borrow_mut(|engines| engines.insert(device.id(), engine.clone()));
        Ok(engine)
    }

    fn of_tensor(x: &Tensor) -> Result<Rc<Self>> {
        match x.device() {
            Device::Cuda(device) => Engine::of(device),
            _ => Err(Error::msg("a tensor for cuDNN is not on a CUDA device")),
        }
    }

    /// Room for an output.
    fn output<T: Number>(&self, len: usize) -> Result<CudaSlice<T>> {
        // SAFETY: any bits are numbers, and whoever asks has a kernel write every element.
        unsafe { self.device.alloc(len) }
    }

    /// Room that a kernel computes in.
    fn workspace(&self, bytes: usize) -> Result<Option<CudaSlice<u8>>> {
        // SAFETY: any bits are bytes, and the kernel reads only what it has written.
        (bytes > 0).then(|| unsafe { self.device.alloc(bytes) }).transpose()
    }

    /// An output as a tensor.
    fn tensor<T: Number>(&self, values: CudaSlice<T>, shape: &[usize]) -> Tensor {
        let storage = CudaStorage::wrap_cuda_slice(values, self.device.clone());
        Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false)
    }
}

/// A tensor's numbers, which stay where they are meanwhile.
struct Numbers<'a, T> {
    storage: StorageRef<'a>,
    range: Range<usize>,
    number: PhantomData<T>,
}

impl<'a, T: Number> Numbers<'a, T> {
    /// Those of a tensor that must have so many, in one piece and in order, on the engine's device.
    fn of(engine: &Engine, x: &'a Tensor, len: usize) -> Result<Self> {
        if !x.device().same_device(&Device::Cuda(engine.device.clone())) {
            return Err(Error::msg("tensors for cuDNN are on several devices"));
        }
        let (storage, layout) = x.storage_and_layout();
        match layout.contiguous_offsets() {
            Some((start, end)) if end - start == len => {
                Ok(Numbers { storage, range: start..end, number: PhantomData })
            }
            _ => Err(Error::msg(format!("{layout:?}, where cuDNN needs {len} numbers in one piece"))),
        }
    }

    /// Fails if they are of another kind.
    fn view(&self) -> Result<CudaView<'_, T>> {
        match &*self.storage {
            Storage::Cuda(storage) => Ok(storage.as_cuda_slice::<T>()?.slice(self.range.clone())),
            _ => Err(Error::msg("a tensor for cuDNN is not on a CUDA device")),
        }
    }
}

fn int(size: usize) -> Result<c_int> {
    c_int::try_from(size).map_err(|_| Error::msg(format!("{size} is too large for cuDNN")))
}

fn ints<const N: usize>(sizes: [usize; N]) -> Result<[c_int; N]> {
    let mut out = [0; N];
    for (out, size) in out.iter_mut().zip(sizes) {
        *out = int(size)?;
    }
    Ok(out)
}

/// The algorithms chosen for a convolution, each with the bytes that it works in.
#[derive(Debug)]
pub struct Algorithms {
    precision: Precision,
    forward: (sys::cudnnConvolutionFwdAlgo_t, usize),
    data: (DataAlgorithm, usize),
    filter: (FilterAlgorithm, usize),
}

/// A convolution as cuDNN sees it.
struct Sizes<T: CudnnDataType> {
    conv: ConvDescriptor<T::Scalar>,
    x: TensorDescriptor<T>,
    weight: FilterDescriptor<T>,
    y: TensorDescriptor<T>,
}

impl<T: Number> Sizes<T> {
    fn new(cudnn: &Arc<Cudnn>, shape: &ConvShape, precision: Precision) -> Result<Self> {
        let window = &shape.window;
        let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let mut conv =
            cudnn.create_conv2d(ints(window.padding)?, ints(window.stride)?, ints(window.dilation)?, mode)?;
        conv.set_group_count(int(shape.groups)?)?;
        // The same as PyTorch: only single precision is told not to round.
        conv.set_math_type(match precision {
            Precision::Single => sys::cudnnMathType_t::CUDNN_FMA_MATH,
            _ => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
        })?;
        let [x, weight, y] = shapes(shape);
        Ok(Sizes {
            conv,
            x: cudnn.create_4d_tensor(NCHW, ints(x)?)?,
            weight: cudnn.create_4d_filter(NCHW, ints(weight)?)?,
            y: cudnn.create_4d_tensor(NCHW, ints(y)?)?,
        })
    }

    fn forward(&self) -> ConvForward<'_, T, T::Scalar, T> {
        ConvForward { conv: &self.conv, x: &self.x, w: &self.weight, y: &self.y }
    }

    fn data(&self) -> ConvBackwardData<'_, T, T::Scalar, T> {
        ConvBackwardData { conv: &self.conv, dx: &self.x, w: &self.weight, dy: &self.y }
    }

    fn filter(&self) -> ConvBackwardFilter<'_, T, T::Scalar, T> {
        ConvBackwardFilter { conv: &self.conv, x: &self.x, dw: &self.weight, dy: &self.y }
    }
}

impl Algorithms {
    /// By cuDNN's heuristics, but where those sum in an order that differs from run to run, the one that does not, if it
    /// can.
    pub fn choose(shape: &ConvShape, device: &CudaDevice, precision: Precision) -> Result<Self> {
        by_number!(precision.maps(), T => {
            let sizes = Sizes::<T>::new(&Engine::of(device)?.wrapped, shape, precision)?;
            let (forward, data, filter) = (sizes.forward(), sizes.data(), sizes.filter());
            let picked = forward.pick_algorithm()?;
            let data_algorithm = match data.pick_algorithm()? {
                picked @ DataAlgorithm::CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 => {
                    let fixed = DataAlgorithm::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
                    data.get_workspace_size(fixed).map_or(picked, |_| fixed)
                }
                fixed => fixed,
            };
            let filter_algorithm = match filter.pick_algorithm()? {
                picked @ (FilterAlgorithm::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0
                | FilterAlgorithm::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3) => {
                    let fixed = FilterAlgorithm::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;
                    filter.get_workspace_size(fixed).map_or(picked, |_| fixed)
                }
                fixed => fixed,
            };
            Ok(Algorithms {
                precision,
                forward: (picked, forward.get_workspace_size(picked)?),
                data: (data_algorithm, data.get_workspace_size(data_algorithm)?),
                filter: (filter_algorithm, filter.get_workspace_size(filter_algorithm)?),
            })
        })
    }
}

/// Shapes of the input, the weight and the output.
fn shapes(shape: &ConvShape) -> [[usize; 4]; 3] {
    let ([height, width], [rows, columns]) = (shape.input, shape.output);
    let [ky, kx] = shape.window.kernel;
    [
        [shape.batch, shape.cin, height, width],
        [shape.cout, shape.cin / shape.groups, ky, kx],
        [shape.batch, shape.cout, rows, columns],
    ]
}

fn len(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// See [`super::conv::Convolution::forward`].
pub fn conv_forward(with: &Algorithms, shape: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let engine = Engine::of_tensor(x)?;
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let ([x_shape, w_shape, y_shape], (algorithm, room)) = (shapes(shape), with.forward);
    by_number!(x.dtype(), T => {
        let sizes = Sizes::<T>::new(&engine.wrapped, shape, with.precision)?;
        let x = Numbers::<T>::of(&engine, &x, len(&x_shape))?;
        let weight = Numbers::<T>::of(&engine, &weight, len(&w_shape))?;
        let (x, weight, scales) = (x.view()?, weight.view()?, (T::one(), T::zero()));
        let (mut room, mut y) = (engine.workspace(room)?, engine.output::<T>(len(&y_shape))?);
        // SAFETY: the numbers are as many, and of the type, as the descriptors say.
        unsafe { sizes.forward().launch(algorithm, room.as_mut(), scales, &x, &weight, &mut y) }?;
        Ok(engine.tensor(y, &y_shape))
    })
}

/// See [`super::conv::Convolution::backward_input`].
pub fn conv_backward_input(
    with: &Algorithms,
    shape: &ConvShape,
    grad: &Tensor,
    weight: &Tensor,
) -> Result<Tensor> {
    let engine = Engine::of_tensor(grad)?;
    let (grad, weight) = (grad.contiguous()?, weight.contiguous()?);
    let ([x_shape, w_shape, y_shape], (algorithm, room)) = (shapes(shape), with.data);
    by_number!(grad.dtype(), T => {
        let sizes = Sizes::<T>::new(&engine.wrapped, shape, with.precision)?;
        let grad = Numbers::<T>::of(&engine, &grad, len(&y_shape))?;
        let weight = Numbers::<T>::of(&engine, &weight, len(&w_shape))?;
        let (grad, weight, scales) = (grad.view()?, weight.view()?, (T::one(), T::zero()));
        let (mut room, mut dx) = (engine.workspace(room)?, engine.output::<T>(len(&x_shape))?);
        // SAFETY: the numbers are as many, and of the type, as the descriptors say.
        unsafe { sizes.data().launch(algorithm, room.as_mut(), scales, &mut dx, &weight, &grad) }?;
        Ok(engine.tensor(dx, &x_shape))
    })
}

/// See [`super::conv::Convolution::backward_weight`].
pub fn conv_backward_weight(
    with: &Algorithms,
    shape: &ConvShape,
    x: &Tensor,
    grad: &Tensor,
) -> Result<Tensor> {
    let engine = Engine::of_tensor(grad)?;
    let (x, grad) = (x.contiguous()?, grad.contiguous()?);
    let ([x_shape, w_shape, y_shape], (algorithm, room)) = (shapes(shape), with.filter);
    by_number!(grad.dtype(), T => {
        let sizes = Sizes::<T>::new(&engine.wrapped, shape, with.precision)?;
        let x = Numbers::<T>::of(&engine, &x, len(&x_shape))?;
        let grad = Numbers::<T>::of(&engine, &grad, len(&y_shape))?;
        let (x, grad, scales) = (x.view()?, grad.view()?, (T::one(), T::zero()));
        let (mut room, mut dw) = (engine.workspace(room)?, engine.output::<T>(len(&w_shape))?);
        // SAFETY: the numbers are as many, and of the type, as the descriptors say.
        unsafe { sizes.filter().launch(algorithm, room.as_mut(), scales, &x, &mut dw, &grad) }?;
        Ok(engine.tensor(dw, &w_shape))
    })
}

/// The descriptor of a tensor, for what cudarc does not wrap.
struct Described(sys::cudnnTensorDescriptor_t);

impl Described {
    fn new<T: Number>(shape: [usize; 4]) -> Result<Self> {
        let described = Described(result::create_tensor_descriptor()?);
        // SAFETY: the descriptor was just made.
        unsafe { result::set_tensor4d_descriptor(described.0, NCHW, T::DATA_TYPE, ints(shape)?) }?;
        Ok(described)
    }
}

impl Drop for Described {
    fn drop(&mut self) {
        // SAFETY: `new` made it and nobody else destroys it. There is nothing to do about a failure.
        let _ = unsafe { result::destroy_tensor_descriptor(self.0) };
    }
}

/// The address of a factor, 1 or 0.
fn factor<T>(factor: &T) -> *const c_void {
    std::ptr::from_ref(factor).cast()
}

/// See [`super::norm::train`].
pub fn norm_train(x: &Tensor, weight: &Tensor, bias: &Tensor, running: [&Tensor; 2]) -> Result<Trained> {
    let engine = Engine::of_tensor(x)?;
    let (x, stream) = (x.contiguous()?, &engine.stream);
    by_number!(x.dtype(), T => {
        let shape: [usize; 4] = x.dims4()?.into();
        let channels = shape[1];
        let (map, vector) = (Described::new::<T>(shape)?, Described::new::<T>([1, channels, 1, 1])?);
        let mut y = engine.output::<T>(len(&shape))?;
        let (mut mean, mut inverse) = (engine.output::<T>(channels)?, engine.output::<T>(channels)?);
        let read = |x| Numbers::<T>::of(&engine, x, channels);
        let copy = |x| Ok::<_, Error>(stream.clone_dtod(&read(x)?.view()?)?);
        let (mut running_mean, mut running_var) = (copy(running[0])?, copy(running[1])?);
        {
            let (x, weight, bias) =
                (Numbers::<T>::of(&engine, &x, len(&shape))?, read(weight)?, read(bias)?);
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

/// See [`super::norm::backward`].
pub fn norm_backward(x: &Tensor, context: &Context, weight: &Tensor, grad: &Tensor) -> Result<[Tensor; 3]> {
    let engine = Engine::of_tensor(x)?;
    let (x, grad, stream) = (x.contiguous()?, grad.contiguous()?, &engine.stream);
    by_number!(x.dtype(), T => {
        let shape: [usize; 4] = x.dims4()?.into();
        let channels = shape[1];
        let (map, vector) = (Described::new::<T>(shape)?, Described::new::<T>([1, channels, 1, 1])?);
        let mut dx = engine.output::<T>(x.elem_count())?;
        let (mut dw, mut db) = (engine.output::<T>(channels)?, engine.output::<T>(channels)?);
        {
            let [x, grad] = [&x, &grad].map(|x| Numbers::<T>::of(&engine, x, len(&shape)));
            let [weight, mean, inverse] =
                [weight, &context.mean, &context.inverse].map(|x| Numbers::<T>::of(&engine, x, channels));
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
    by_number!(x.dtype(), T => {
        let (n, c, h, w) = x.dims4()?;
        let window = Window::new(kind, spec)?;
        let [from, to] = [[n, c, h, w], [n, c, shape[2], shape[3]]].map(Described::new::<T>);
        let (from, to) = (from?, to?);
        let mut y = engine.output::<T>(len(shape))?;
        {
            let x = Numbers::<T>::of(&engine, &x, n * c * h * w)?;
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
    by_number!(x.dtype(), T => {
        let window = Window::new(kind, spec)?;
        let [from, to] = [x.dims4()?, y.dims4()?].map(|shape| Described::new::<T>(shape.into()));
        let (from, to) = (from?, to?);
        let mut dx = engine.output::<T>(x.elem_count())?;
        let shape = x.dims().to_vec();
        {
            let read = |x, len| Numbers::<T>::of(&engine, x, len);
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
