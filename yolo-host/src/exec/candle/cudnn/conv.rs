//! Convolution and its gradients, by algorithms that sum in the same order in every run where cuDNN has them.
#![allow(unsafe_code)] // cuDNN takes pointers to device memory

use super::{DeviceValues, Engine, NCHW, Number, int, ints, len};
use crate::exec::Precision;
use crate::exec::candle::by_number;
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnDataType,
    FilterDescriptor, TensorDescriptor, sys,
};
use candle_core::{CudaDevice, Result, Tensor};
use num_traits::{One, Zero};
use std::sync::Arc;
use sys::cudnnConvolutionBwdDataAlgo_t as DataAlgorithm;
use sys::cudnnConvolutionBwdFilterAlgo_t as FilterAlgorithm;
use yolo_kernels::ConvShape;

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
            Precision::F32 => sys::cudnnMathType_t::CUDNN_FMA_MATH,
            Precision::F64 | Precision::Tf32 | Precision::Bf16 | Precision::Fp16 | Precision::Int8 => {
                sys::cudnnMathType_t::CUDNN_DEFAULT_MATH
            }
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
        by_number!(precision.maps(), half::bf16, T => {
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

/// See [`crate::exec::candle::conv::Convolution::forward`].
pub fn conv_forward(with: &Algorithms, shape: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let engine = Engine::of_tensor(x)?;
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let ([x_shape, w_shape, y_shape], (algorithm, memory)) = (shapes(shape), with.forward);
    by_number!(x.dtype(), half::bf16, T => {
        let sizes = Sizes::<T>::new(&engine.wrapped, shape, with.precision)?;
        let x = DeviceValues::<T>::of(&engine, &x, len(&x_shape))?;
        let weight = DeviceValues::<T>::of(&engine, &weight, len(&w_shape))?;
        let (x, weight, scales) = (x.view()?, weight.view()?, (T::one(), T::zero()));
        let (mut memory, mut y) = (engine.workspace(memory)?, engine.output::<T>(len(&y_shape))?);
        // SAFETY: the numbers are as many, and of the type, as the descriptors say.
        unsafe { sizes.forward().launch(algorithm, memory.as_mut(), scales, &x, &weight, &mut y) }?;
        Ok(engine.tensor(y, &y_shape))
    })
}

/// See [`crate::exec::candle::conv::Convolution::backward_input`].
pub fn conv_backward_input(
    with: &Algorithms,
    shape: &ConvShape,
    grad: &Tensor,
    weight: &Tensor,
) -> Result<Tensor> {
    let engine = Engine::of_tensor(grad)?;
    let (grad, weight) = (grad.contiguous()?, weight.contiguous()?);
    let ([x_shape, w_shape, y_shape], (algorithm, memory)) = (shapes(shape), with.data);
    by_number!(grad.dtype(), half::bf16, T => {
        let sizes = Sizes::<T>::new(&engine.wrapped, shape, with.precision)?;
        let grad = DeviceValues::<T>::of(&engine, &grad, len(&y_shape))?;
        let weight = DeviceValues::<T>::of(&engine, &weight, len(&w_shape))?;
        let (grad, weight, scales) = (grad.view()?, weight.view()?, (T::one(), T::zero()));
        let (mut memory, mut dx) = (engine.workspace(memory)?, engine.output::<T>(len(&x_shape))?);
        // SAFETY: the numbers are as many, and of the type, as the descriptors say.
        unsafe { sizes.data().launch(algorithm, memory.as_mut(), scales, &mut dx, &weight, &grad) }?;
        Ok(engine.tensor(dx, &x_shape))
    })
}

/// See [`crate::exec::candle::conv::Convolution::backward_weight`].
pub fn conv_backward_weight(
    with: &Algorithms,
    shape: &ConvShape,
    x: &Tensor,
    grad: &Tensor,
) -> Result<Tensor> {
    let engine = Engine::of_tensor(grad)?;
    let (x, grad) = (x.contiguous()?, grad.contiguous()?);
    let ([x_shape, w_shape, y_shape], (algorithm, memory)) = (shapes(shape), with.filter);
    by_number!(grad.dtype(), half::bf16, T => {
        let sizes = Sizes::<T>::new(&engine.wrapped, shape, with.precision)?;
        let x = DeviceValues::<T>::of(&engine, &x, len(&x_shape))?;
        let grad = DeviceValues::<T>::of(&engine, &grad, len(&y_shape))?;
        let (x, grad, scales) = (x.view()?, grad.view()?, (T::one(), T::zero()));
        let (mut memory, mut dw) = (engine.workspace(memory)?, engine.output::<T>(len(&w_shape))?);
        // SAFETY: the numbers are as many, and of the type, as the descriptors say.
        unsafe { sizes.filter().launch(algorithm, memory.as_mut(), scales, &x, &mut dw, &grad) }?;
        Ok(engine.tensor(dw, &w_shape))
    })
}
