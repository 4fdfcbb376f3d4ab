//! Where a network is computed: which device was asked for, and whether it is there.

#[cfg(feature = "candle")]
use super::candle;
use super::engine::{Engine, Ranges};
use super::error::check_precision;
use super::{Error, Network, Precision};
use crate::graph::{Graph, ValueId};
use crate::model::State;
use serde::{Deserialize, Serialize};

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// The CPU, by this crate's kernels.
    #[default]
    Cpu,
    /// The CUDA device of this number, by cuDNN.
    Cuda(usize),
    /// The CUDA path on the CPU, for tests without a GPU: this crate's kernels take cuDNN's place.
    #[serde(rename = "StandIn")] // as state files have it since 0.1
    CudaOnCpu,
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Device::Cpu => write!(f, "the CPU"),
            Device::Cuda(index) => write!(f, "CUDA device {index}"),
            Device::CudaOnCpu => write!(f, "the CPU, as CUDA would"),
        }
    }
}

impl Device {
    /// That of a name: `cpu`, `0`, `cuda:0`, or nothing for the first GPU, if this program can use it, and else the CPU.
    ///
    /// Fails for another name, and where what it names is not there.
    pub fn named(name: &str) -> Result<Self, Error> {
        if name.is_empty() {
            return Ok(Device::Cuda(0).check().map_or(Device::Cpu, |()| Device::Cuda(0)));
        }
        if name == "cpu" {
            return Ok(Device::Cpu);
        }
        let index = name.strip_prefix("cuda:").unwrap_or(name).parse();
        let device = Device::Cuda(index.map_err(|_| Error::UnknownDevice(name.into()))?);
        device.check().map(|()| device)
    }

    /// Whether this program can compute there.
    ///
    /// # Errors
    /// [`Error::WithoutCuda`] in a program that was built without it, [`Error::NoGpu`] where no device answers.
    pub fn check(self) -> Result<(), Error> {
        match self {
            Device::Cpu => Ok(()),
            #[cfg(feature = "candle")]
            Device::Cuda(_) | Device::CudaOnCpu => self.candle().map(|_| ()),
            #[cfg(not(feature = "candle"))]
            Device::Cuda(_) | Device::CudaOnCpu => Err(Error::WithoutCuda),
        }
    }

    /// candle's device.
    ///
    /// # Errors
    /// Those of [`Device::check`].
    #[cfg(feature = "candle")]
    pub fn candle(self) -> Result<candle_core::Device, Error> {
        match self {
            Device::Cpu | Device::CudaOnCpu => Ok(candle_core::Device::Cpu),
            Device::Cuda(_) if !cfg!(feature = "cudnn") => Err(Error::WithoutCuda),
            Device::Cuda(index) => candle_core::Device::new_cuda(index)
                .map_err(|source| Error::NoGpu { index, source: source.into() }),
        }
    }

    /// A network to validate, whose `outputs` can be read. Reduced precision is for the CPU, and `ranges` for its int8; CUDA
    /// takes f32, whose convolutions may round what they multiply, as PyTorch's do: the eight bits of bf16 would show in the
    /// metrics.
    ///
    /// Fails if the device is not there, or does not take the values or the precision.
    pub fn network(
        self,
        graph: &Graph,
        state: State,
        outputs: &[ValueId],
        precision: Precision,
        ranges: &Ranges,
    ) -> Result<Box<dyn Network>, Error> {
        if self != Device::Cpu {
            check_precision(precision, &[Precision::F32], self)?;
        }
        Ok(match self {
            Device::Cpu => Box::new(Engine::with_precision(graph, state, outputs, precision, ranges)?),
            #[cfg(not(feature = "candle"))]
            Device::Cuda(_) | Device::CudaOnCpu => return Err(Error::WithoutCuda),
            #[cfg(feature = "candle")]
            Device::Cuda(_) | Device::CudaOnCpu => {
                let device = self.candle()?;
                Box::new(candle::Executor::new(graph, &state, outputs, &device, Precision::Tf32)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Device::named("cpu").unwrap(), Device::Cpu);
        for name in ["gpu", "0,1", "cuda", "-1", "cuda:x"] {
            let error = Device::named(name).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("cpu"), "{error}");
        }
    }

    /// Nothing is computed in other numbers than those that were asked for.
    #[test]
    fn reduced_numbers_are_for_the_cpu() {
        let graph = Graph::default();
        let state = State::from_arrays(&graph, Default::default()).unwrap();
        let network = Device::CudaOnCpu.network(&graph, state, &[], Precision::Bf16, &Ranges::default());
        let error = network.err().unwrap().to_string();
        assert_eq!(error, "bf16 is not computed on the CPU, as CUDA would, only f32");
    }

    /// Without a GPU, or in a program without CUDA, both say what helps.
    #[test]
    fn what_is_not_there() {
        for name in ["999", "cuda:999"] {
            let error = Device::named(name).unwrap_err().to_string();
            let want = if cfg!(feature = "cudnn") { "nvidia-smi" } else { "the cargo feature cudnn" };
            assert!(error.contains(want), "{error}");
        }
    }
}
