//! Checkpoints that were saved after `fuse()`: a convolution with a bias stands in the place of one with batch norm behind
//! it. Batch norm comes back as one that adds the bias and does nothing else.

use crate::graph::{BATCH_NORM_EPS, Graph, Op, ParamId};
use crate::weights::{Array, Data};
use std::collections::BTreeMap;

/// Gives the batch norms of `graph` that `arrays` lack the bias of the convolution before them; what there is to say
/// about that, if there were any.
pub fn unfuse(graph: &Graph, arrays: &mut BTreeMap<String, Array>) -> Option<String> {
    let name = |id: ParamId| graph.params[id.0].name.as_str();
    let mut count = 0;
    for node in &graph.nodes {
        let Op::BatchNorm { weight, bias, mean, var } = node.op else { continue };
        let Some(Op::Conv2d { weight: kernel, bias: None, .. }) =
            node.inputs.first().and_then(|input| graph.nodes.get(input.0)).map(|before| &before.op)
        else {
            continue;
        };
        let Some(fused) = name(*kernel).strip_suffix("weight").map(|scope| format!("{scope}bias")) else {
            continue;
        };
        if [weight, bias, mean, var].iter().any(|id| arrays.contains_key(name(*id))) {
            continue;
        }
        let Some(shift) = arrays.remove(&fused) else { continue };
        let constant = |value: f64| {
            let values = vec![value as f32; shift.data.len()];
            Array { shape: shift.shape.clone(), data: Data::F32(values) }
        };
        // The scale is weight / √(var + eps).
        for (id, array) in
            [(weight, constant(1.0)), (mean, constant(0.0)), (var, constant(1.0 - BATCH_NORM_EPS))]
        {
            arrays.insert(name(id).to_owned(), array);
        }
        arrays.insert(name(bias).to_owned(), shift);
        count += 1;
    }
    (count > 0).then(|| {
        let restored = if count == 1 { "1 batch norm".to_owned() } else { format!("{count} batch norms") };
        format!(
            "a fused checkpoint: {restored}, which fuse() had taken away, restored as identity with the convolution's \
             bias; it detects as before, but is no good start for a training"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ConvSpec, GraphBuilder, Limits};

    #[test]
    fn only_what_is_fused_changes() {
        let (mut b, x) = GraphBuilder::new([1, 3, 8, 8], Limits::default());
        let y = b.conv2d("a.conv", x, ConvSpec::same(2, 1)).unwrap();
        let y = b.batch_norm("a.bn", y).unwrap();
        let y = b.conv2d("b.conv", y, ConvSpec::same(2, 1)).unwrap();
        b.batch_norm("b.bn", y).unwrap();
        let graph = b.finish();
        let floats = |values: &[f32]| Array { shape: vec![values.len()], data: Data::F32(values.to_vec()) };
        let mut arrays: BTreeMap<String, Array> = graph
            .params
            .iter()
            .filter(|param| !param.name.contains("a.bn"))
            .map(|param| (param.name.clone(), floats(&[7.0, 7.0])))
            .collect();
        let first = graph.params[0].name.replace("weight", "bias");
        let before = arrays.clone();
        assert_eq!(unfuse(&graph, &mut arrays), None, "nothing to restore it from");
        assert_eq!(arrays, before);
        arrays.insert(first.clone(), floats(&[0.5, -2.0]));
        let note = unfuse(&graph, &mut arrays).unwrap();
        assert!(note.contains("1 batch norm,"), "{note}");
        let scope = first.replace("conv.bias", "bn");
        assert_eq!(arrays[&format!("{scope}.bias")], floats(&[0.5, -2.0]));
        assert_eq!(arrays[&format!("{scope}.running_mean")], floats(&[0.0, 0.0]));
        let Data::F32(var) = &arrays[&format!("{scope}.running_var")].data else { panic!("floats") };
        assert_eq!((f64::from(var[0]) + BATCH_NORM_EPS) as f32, 1.0);
        assert!(!arrays.contains_key(&first));
        assert!(before.iter().all(|(name, array)| arrays[name] == *array));
    }
}
