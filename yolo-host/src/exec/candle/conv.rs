//! Convolution and its gradients: by cuDNN on CUDA, by this crate's kernels on the CPU.

#[cfg(feature = "cudnn")]
use super::cudnn;
use super::host;
use crate::exec::Precision;
use candle_core::{Device, Result, Tensor};
use yolo_kernels::{Conv, ConvShape};

/// A convolution for one size of input, on one device.
#[derive(Debug)]
pub struct Convolution {
    shape: ConvShape,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Host(Box<Conv>),
    #[cfg(feature = "cudnn")]
    Cudnn(cudnn::Algorithms),
}

impl Convolution {
    /// Prepares a convolution. Fails on a device without an engine for it.
    pub fn new(
        shape: ConvShape,
        device: &Device,
        #[cfg_attr(not(feature = "cudnn"), allow(unused_variables))] precision: Precision, // the kernels see it by the tensors
    ) -> Result<Self> {
        let engine = match device {
            Device::Cpu => Engine::Host(Box::new(Conv::new(&shape))),
            #[cfg(feature = "cudnn")]
            Device::Cuda(device) => Engine::Cudnn(cudnn::Algorithms::choose(&shape, device, precision)?),
            _ => return Err(super::host::no_engine("convolution")),
        };
        Ok(Convolution { shape, engine })
    }

    /// Its sizes.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// `[batch, out, height, width]` from x and a weight `[out, in / groups, kh, kw]`, without a bias.
    pub fn forward(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        match &self.engine {
            Engine::Host(conv) => host::conv_forward(conv, &self.shape, x, weight),
            #[cfg(feature = "cudnn")]
            Engine::Cudnn(algorithms) => cudnn::conv_forward(algorithms, &self.shape, x, weight),
        }
    }

    /// The gradient of x.
    pub fn backward_input(&self, grad: &Tensor, weight: &Tensor) -> Result<Tensor> {
        match &self.engine {
            Engine::Host(conv) => host::conv_backward_input(conv, &self.shape, grad, weight),
            #[cfg(feature = "cudnn")]
            Engine::Cudnn(algorithms) => cudnn::conv_backward_input(algorithms, &self.shape, grad, weight),
        }
    }

    /// The gradient of the weight.
    pub fn backward_weight(&self, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
        match &self.engine {
            Engine::Host(conv) => host::conv_backward_weight(conv, &self.shape, x, grad),
            #[cfg(feature = "cudnn")]
            Engine::Cudnn(algorithms) => cudnn::conv_backward_weight(algorithms, &self.shape, x, grad),
        }
    }
}
