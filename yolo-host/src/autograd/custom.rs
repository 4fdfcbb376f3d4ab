//! A plugin's own operation on candle tensors: it sees them on the CPU, as f32.

use super::{Error, transfer};
use crate::graph::{Custom, CustomError, View};
use candle_core::{DType, Tensor};

/// The output of one operation in layer `layer`, of the shape that was inferred for it.
pub fn run(custom: &Custom, inputs: &[&Tensor], shape: &[usize], layer: usize) -> Result<Tensor, Error> {
    let failed = |source| Error::Custom { layer, source };
    let Some(device) = inputs.first().map(|x| x.device()) else {
        return Err(failed(CustomError { op: custom.name().into(), why: "has no inputs".into() }));
    };
    let values = inputs.iter().map(|x| x.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>());
    let values: Vec<Vec<f32>> =
        values.collect::<candle_core::Result<_>>().map_err(|source| transfer(device, source))?;
    let views: Vec<View> = inputs.iter().map(|x| x.dims()).zip(values.iter().map(Vec::as_slice)).collect();
    let output = custom.forward(&views, shape).map_err(failed)?;
    Tensor::from_vec(output, shape, device).map_err(|source| transfer(device, source))
}
