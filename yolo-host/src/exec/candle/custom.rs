//! A plugin's own operation on candle tensors, forward and back: it sees them on the CPU, as f32.

use super::transfer;
use crate::exec::Error;
use crate::graph::{CustomError, CustomOp, View};
use candle_core::{DType, Device, Tensor};

/// The output of one operation in layer `layer`, of the shape that was inferred for it.
pub fn run(
    custom: &dyn CustomOp,
    inputs: &[&Tensor],
    shape: &[usize],
    layer: usize,
) -> Result<Tensor, Error> {
    let failed = |source| Error::Custom { layer, source };
    let Some(first) = inputs.first() else {
        return Err(failed(CustomError { op: custom.name().into(), why: "has no inputs".into() }));
    };
    let values = inputs.iter().map(|x| single(x)).collect::<Result<Vec<_>, _>>()?;
    let views: Vec<View> = inputs.iter().map(|x| x.dims()).zip(values.iter().map(Vec::as_slice)).collect();
    let output = custom.forward(&views, shape).map_err(failed)?;
    tensor(output, shape, first.device(), first.dtype())
}

/// The gradient of each input from that of the output; of one that wants none, nothing.
pub fn back(
    custom: &dyn CustomOp,
    inputs: &[Tensor],
    output: &Tensor,
    grad: &Tensor,
    wanted: &[bool],
    layer: usize,
) -> Result<Vec<Option<Tensor>>, Error> {
    let values = inputs.iter().map(single).collect::<Result<Vec<_>, _>>()?;
    let (result, given) = (single(output)?, single(grad)?);
    let views: Vec<View> = inputs.iter().map(|x| x.dims()).zip(values.iter().map(Vec::as_slice)).collect();
    let grads = custom.backward(&views, (output.dims(), &result), &given, wanted);
    let grads = grads.map_err(|source| Error::Custom { layer, source })?;
    let one = |((grad, x), wanted): ((Vec<f32>, &Tensor), &bool)| {
        wanted.then(|| tensor(grad, x.dims(), x.device(), x.dtype())).transpose()
    };
    grads.into_iter().zip(inputs).zip(wanted).map(one).collect()
}

/// The values of a tensor, row-major.
fn single(x: &Tensor) -> Result<Vec<f32>, Error> {
    let values = x.to_dtype(DType::F32).and_then(|x| x.flatten_all()?.to_vec1::<f32>());
    values.map_err(|source| transfer(x.device(), source))
}

fn tensor(values: Vec<f32>, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor, Error> {
    let tensor = Tensor::from_vec(values, shape, device).and_then(|x| x.to_dtype(dtype));
    tensor.map_err(|source| transfer(device, source))
}
