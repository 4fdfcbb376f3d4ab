//! int8: QuantizeLinear and DequantizeLinear around what convolutions read, and around what lies between, as a runtime needs
//! them to compute in whole numbers. Both are arithmetic of ONNX: a runtime that fuses nothing computes the same.

mod choice;
mod emit;
mod net;
mod numbers;

use super::activation::SIXTH;
use super::writer::Writer;
use crate::export::TensorRanges;
use crate::graph::ValueId;
use choice::Choice;
use net::Net;
use std::collections::BTreeMap;

/// Whole numbers of 8 bits in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Int8 {
    /// What [`Calibration`](crate::export::Calibration) found.
    pub ranges: TensorRanges,
    /// Who shall run the file fast.
    pub runtime: Runtime,
}

/// Runtimes differ in what they fuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runtime {
    /// ONNX Runtime on CPUs: also the outputs of convolutions, gates of activations and sums, numbers from 0 to 255.
    #[default]
    OnnxRuntime,
    /// OpenVINO: what convolutions read, numbers from 0 to 255.
    OpenVino,
    /// TensorRT: what convolutions read, numbers from −128 to 127 with zero at 0.
    TensorRt,
}

impl Runtime {
    /// All of them.
    pub const ALL: [Runtime; 3] = [Runtime::OnnxRuntime, Runtime::OpenVino, Runtime::TensorRt];

    fn signed(self) -> bool {
        self == Runtime::TensorRt
    }
}

/// Puts int8 into what was written. `tensors` are the nodes whose tensors the names are.
pub fn quantize(w: &mut Writer, int8: &Int8, tensors: &[(String, ValueId)], outputs: &[String]) {
    if int8.runtime == Runtime::OnnxRuntime {
        split_hard_swish(w);
    }
    let known: BTreeMap<&str, [f32; 2]> =
        tensors.iter().filter_map(|(name, value)| Some((name.as_str(), int8.ranges.get(*value)?))).collect();
    let net = Net::new(w, &known);
    let choice = Choice::new(w, &net, int8.runtime, outputs);
    emit::emit(w, &net, &choice, int8.runtime);
}

/// As a product with a gate, both of which ONNX Runtime has in whole numbers.
fn split_hard_swish(w: &mut Writer) {
    for mut node in std::mem::take(&mut w.nodes) {
        if let (Some("HardSwish"), [x], Some(name)) =
            (node.op_type.as_deref(), node.input.as_slice(), &node.name)
        {
            w.scope.clone_from(name);
            let gate = w.node("HardSigmoid", &[x], &SIXTH);
            node.op_type = Some("Mul".into());
            node.input.push(gate);
        }
        w.nodes.push(node);
    }
}
