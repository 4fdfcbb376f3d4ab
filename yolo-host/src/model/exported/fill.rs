//! The values of a file's unit as tensors of the model.

use super::own::Own;
use crate::graph::{BATCH_NORM_EPS, Graph, ParamId};
use crate::weights::{Array, Data, Norm, Unit, UnitKind};
use std::collections::BTreeMap;

/// Adds the tensors of one unit of the graph, of the file's shapes: whether they fit is compared with all others.
pub fn fill(graph: &Graph, own: &Own, unit: Unit, arrays: &mut BTreeMap<String, Array>) {
    let Unit { sizes, mut weight, mut bias, norm, .. } = unit;
    let mut add = |id: ParamId, shape: Vec<usize>, values: Vec<f32>| {
        arrays.insert(graph.params[id.0].name.clone(), Array { shape, data: Data::F32(values) });
    };
    let channels = sizes.out;
    match (own.norm, norm) {
        (Some(ids), norm) => {
            // A convolution that has a bias of its own keeps it.
            let shift = if own.bias.is_none() { bias.take() } else { None };
            let norm = match (own.weight, norm) {
                (Some(_), Some(norm)) => shifted(norm, shift.as_deref()),
                (Some(_), None) => {
                    let ones = vec![1.0; channels];
                    identity(ones, shift.unwrap_or_else(|| vec![0.0; channels]))
                }
                // The graph's batch norm stands alone, in the file as one or as a convolution by channel.
                (None, Some(norm)) if weight.iter().all(|factor| *factor == 1.0) => {
                    shifted(norm, shift.as_deref())
                }
                (None, norm) => {
                    let mut shift = shift.unwrap_or_else(|| vec![0.0; channels]);
                    if let Some(norm) = &norm {
                        fold(&mut weight, &mut shift, norm);
                    }
                    identity(weight.clone(), shift)
                }
            };
            for (id, values) in ids.into_iter().zip([norm.weight, norm.bias, norm.mean, norm.var]) {
                add(id, vec![channels], values);
            }
        }
        (None, Some(norm)) => {
            let mut shift = bias.unwrap_or_else(|| vec![0.0; channels]);
            fold(&mut weight, &mut shift, &norm);
            bias = Some(shift);
        }
        (None, None) => (),
    }
    if let Some(id) = own.weight {
        let shape = match (sizes.kind, graph.params[id.0].shape.len()) {
            (UnitKind::LayerNorm, _) => vec![channels],
            (UnitKind::Conv, 2) => vec![channels, sizes.per_group],
            (UnitKind::Conv, _) => vec![channels, sizes.per_group, sizes.kernel[0], sizes.kernel[1]],
        };
        add(id, shape, weight);
    }
    match (own.bias, bias) {
        (Some(id), bias) => add(id, vec![channels], bias.unwrap_or_else(|| vec![0.0; channels])),
        // A bias that the model has no place for does not fit, unless it does nothing.
        (None, Some(bias)) if own.norm.is_none() && bias.iter().any(|shift| *shift != 0.0) => {
            let name = format!("{}.bias", own.place());
            arrays.insert(name, Array { shape: vec![channels], data: Data::F32(bias) });
        }
        (None, _) => (),
    }
}

/// A batch norm that only multiplies and adds: its scale is weight / √(var + eps).
fn identity(weight: Vec<f32>, bias: Vec<f32>) -> Norm {
    let channels = bias.len();
    let var = vec![(1.0 - BATCH_NORM_EPS) as f32; channels];
    Norm { weight, bias, mean: vec![0.0; channels], var, eps: BATCH_NORM_EPS }
}

/// A batch norm with the epsilon of all models, over a convolution that has lost its bias.
fn shifted(mut norm: Norm, bias: Option<&[f32]>) -> Norm {
    for (mean, bias) in norm.mean.iter_mut().zip(bias.unwrap_or_default()) {
        *mean -= bias;
    }
    if norm.eps != BATCH_NORM_EPS {
        let more = norm.eps - BATCH_NORM_EPS;
        norm.var.iter_mut().for_each(|var| *var = (f64::from(*var) + more) as f32);
    }
    norm
}

/// A batch norm into the weights before it, in double precision.
fn fold(weight: &mut [f32], bias: &mut [f32], norm: &Norm) {
    let per_channel = weight.len() / bias.len().max(1);
    for (channel, bias) in bias.iter_mut().enumerate() {
        let of = |values: &[f32]| f64::from(values.get(channel).copied().unwrap_or(0.0));
        let scale = of(&norm.weight) / (of(&norm.var) + norm.eps).sqrt();
        *bias = ((f64::from(*bias) - of(&norm.mean)) * scale + of(&norm.bias)) as f32;
        let weight = &mut weight[channel * per_channel..][..per_channel];
        weight.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * scale) as f32);
    }
}
