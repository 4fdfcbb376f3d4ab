//! cuDNN's convolution, batch norm and pooling, forward and back, on maps `[batch, channels, height, width]` in one piece.
//! Convolutions go through cudarc's wrappers; it wraps neither batch norm nor the way back through a pool, nor does it lend
//! its handle, so that those have a handle of their own. Here stands what the three share.
#![allow(unsafe_code)] // cuDNN takes pointers to device memory
#![allow(clippy::wildcard_enum_match_arm)] // over the enums of cuDNN and candle

mod conv;
mod norm;
mod pool;

pub use conv::{Algorithms, conv_backward_input, conv_backward_weight, conv_forward};
pub use norm::{norm_backward, norm_train};
pub use pool::{pool_backward, pool_forward};

use candle_core::cuda_backend::cudarc::cudnn::{Cudnn, CudnnDataType, result, sys};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaStream, CudaView, DeviceRepr};
use candle_core::cuda_backend::{CudaDType, DeviceId};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, Device, Error, Result, Storage, StorageRef, Tensor, WithDType};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW as NCHW;

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
struct DeviceValues<'a, T> {
    storage: StorageRef<'a>,
    range: Range<usize>,
    number: PhantomData<T>,
}

impl<'a, T: Number> DeviceValues<'a, T> {
    /// Those of a tensor that must have so many, in one piece and in order, on the engine's device.
    fn of(engine: &Engine, x: &'a Tensor, len: usize) -> Result<Self> {
        if !x.device().same_device(&Device::Cuda(engine.device.clone())) {
            return Err(Error::msg("tensors for cuDNN are on several devices"));
        }
        let (storage, layout) = x.storage_and_layout();
        match layout.contiguous_offsets() {
            Some((start, end)) if end - start == len => {
                Ok(DeviceValues { storage, range: start..end, number: PhantomData })
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

fn len(shape: &[usize]) -> usize {
    shape.iter().product()
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
