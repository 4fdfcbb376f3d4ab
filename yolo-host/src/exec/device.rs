//! Where a network is computed: which machine was asked for, and whether it is there.

use super::candle::{self, Precision};
use super::{Error, Evaluator};
use crate::exec::engine::{Engine, Numbers};
use crate::graph::{Graph, ValueId};
use crate::model::State;
use candle_core::Device;
use serde::{Deserialize, Serialize};

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Machine {
    /// The CPU, by this crate's kernels.
    #[default]
    Cpu,
    /// The CUDA device of this number, by cuDNN.
    Cuda(usize),
    /// The program for CUDA on the CPU, where this crate's kernels stand in for cuDNN: to test it without a GPU.
    StandIn,
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Machine::Cpu => write!(f, "the CPU"),
            Machine::Cuda(index) => write!(f, "CUDA device {index}"),
            Machine::StandIn => write!(f, "the CPU, as CUDA would"),
        }
    }
}

impl Machine {
    /// That of a name: `cpu`, `0`, `cuda:0`, or nothing for the first GPU, if this program can use it, and else the CPU.
    ///
    /// Fails for another name, and where what it names is not there.
    pub fn named(name: &str) -> Result<Self, Error> {
        if name.is_empty() {
            return Ok(Machine::Cuda(0).device().map_or(Machine::Cpu, |_| Machine::Cuda(0)));
        }
        if name == "cpu" {
            return Ok(Machine::Cpu);
        }
        let index = name.strip_prefix("cuda:").unwrap_or(name).parse();
        let machine = Machine::Cuda(index.map_err(|_| Error::Machine(name.into()))?);
        machine.device().map(|_| machine)
    }

    /// candle's device.
    ///
    /// Fails where there is none of this kind.
    pub fn device(self) -> Result<Device, Error> {
        match self {
            Machine::Cpu | Machine::StandIn => Ok(Device::Cpu),
            Machine::Cuda(_) if !cfg!(feature = "cudnn") => Err(Error::WithoutCuda),
            Machine::Cuda(index) => {
                Device::new_cuda(index).map_err(|source| Error::NoGpu { index, source: Box::new(source) })
            }
        }
    }

    /// A network to validate, whose `outputs` can be read. Reduced numbers are for the CPU; CUDA takes f32, whose convolutions
    /// may round what they multiply, as PyTorch's do: the eight bits of bf16 would show in the metrics.
    ///
    /// Fails if the machine is not there, or does not take the values or the numbers.
    pub fn evaluator(
        self,
        graph: &Graph,
        state: State,
        outputs: &[ValueId],
        numbers: &Numbers,
    ) -> Result<Box<dyn Evaluator>, Error> {
        Ok(match self {
            Machine::Cpu => Box::new(Engine::with_numbers(graph, state, outputs, numbers)),
            _ if *numbers != Numbers::F32 => return Err(Error::OnlyCpu(numbers.name())),
            _ => Box::new(candle::Trainer::new(graph, &state, outputs, &self.device()?, Precision::Tf32)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Machine::named("cpu").unwrap(), Machine::Cpu);
        for name in ["gpu", "0,1", "cuda", "-1", "cuda:x"] {
            let error = Machine::named(name).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("cpu"), "{error}");
        }
    }

    /// Nothing is computed in other numbers than those that were asked for.
    #[test]
    fn reduced_numbers_are_for_the_cpu() {
        let graph = Graph::default();
        let state = State::from_arrays(&graph, Default::default()).unwrap();
        let error = Machine::StandIn.evaluator(&graph, state, &[], &Numbers::Bf16).err().unwrap().to_string();
        assert!(error.contains("bf16") && error.contains("--device cpu"), "{error}");
    }

    /// Without a GPU, or in a program without CUDA, both say what helps.
    #[test]
    fn what_is_not_there() {
        for name in ["999", "cuda:999"] {
            let error = Machine::named(name).unwrap_err().to_string();
            let want = if cfg!(feature = "cudnn") { "nvidia-smi" } else { "--features cudnn" };
            assert!(error.contains(want) && error.contains("--device cpu"), "{error}");
        }
    }
}
