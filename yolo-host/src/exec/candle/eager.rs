//! A network run operation by operation on candle tensors.

use super::{custom, ops, transfer};
use crate::exec::Error;
use crate::graph::{Graph, Op, ParamId, Role, ValueId};
use crate::model::State;
use candle_core::{DType, Device, Tensor};

/// Shape and values of a tensor, brought back from the device.
pub type Output = (Vec<usize>, Vec<f32>);

/// A graph with its parameters on a device, ready to run.
#[derive(Debug)]
pub struct Eager {
    graph: Graph,
    params: Vec<Option<Tensor>>,
    last_uses: Vec<usize>,
    device: Device,
}

impl Eager {
    /// Brings the values of a model to a device.
    pub fn new(graph: &Graph, state: &State, device: &Device) -> Result<Self, Error> {
        let params = graph.params.iter().enumerate().map(|(i, param)| match param.role {
            Role::Counter => Ok(None),
            _ => Tensor::from_slice(state.floats(ParamId(i)), param.shape.as_slice(), device).map(Some),
        });
        let params = params.collect::<Result<_, _>>().map_err(|source| transfer(device, source))?;
        Ok(Eager { graph: graph.clone(), params, last_uses: graph.last_uses(), device: device.clone() })
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs in evaluation mode on images `[batch, channels, height, width]` of f32 and returns the tensors of `wanted`.
    pub fn forward(&self, images: &Tensor, wanted: &[ValueId]) -> Result<Vec<Tensor>, Error> {
        // Checked before anything is computed, so that a size that does not fit is a clear error.
        let shapes = self.graph.shapes(images.dims())?;
        let mut values: Vec<Option<Tensor>> = vec![None; self.graph.nodes.len()];
        let mut results: Vec<Option<Tensor>> = vec![None; wanted.len()];
        for (place, node) in self.graph.nodes.iter().enumerate() {
            let failed = |source| Error::Candle { layer: node.layer, op: node.op.name(), source };
            let inputs: Vec<&Tensor> = node.inputs.iter().filter_map(|id| values[id.0].as_ref()).collect();
            let output = match node.op {
                Op::Input => images.clone(),
                Op::Custom(ref custom) => custom::run(&**custom, &inputs, &shapes[place], node.layer)?,
                _ => ops::run(&node.op, &inputs, &self.params).map_err(failed)?,
            };
            for (result, _) in results.iter_mut().zip(wanted).filter(|(_, id)| id.0 == place) {
                *result = Some(output.clone());
            }
            for input in &node.inputs {
                if self.last_uses[input.0] == place {
                    values[input.0] = None;
                }
            }
            if self.last_uses[place] > place {
                values[place] = Some(output);
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// The same from and to plain slices: images in, for each wanted tensor its shape and values out.
    pub fn run(&self, images: &[f32], shape: [usize; 4], wanted: &[ValueId]) -> Result<Vec<Output>, Error> {
        let failed = |source| transfer(&self.device, source);
        let images = Tensor::from_slice(images, &shape, &self.device).map_err(failed)?;
        let outputs = self.forward(&images, wanted)?;
        let values = |tensor: &Tensor| {
            let flat = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            Ok((tensor.dims().to_vec(), flat))
        };
        outputs.iter().map(values).collect::<candle_core::Result<_>>().map_err(failed)
    }
}
