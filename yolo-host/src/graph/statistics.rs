//! Multiply-accumulates of a graph for one input shape.

use super::{Graph, NodeError, Op};

/// Multiply-accumulates of convolutions, linear maps and matrix products for an input `[batch, channels, height, width]`,
/// by YAML row. Twice the sum are the FLOPs that YOLOv5 prints; elementwise work is not counted, as there.
pub fn macs(graph: &Graph, input: &[usize]) -> Result<Vec<u64>, NodeError> {
    let shapes = graph.shapes(input)?;
    let layers = graph.nodes.iter().map(|node| node.layer + 1).max().unwrap_or(0);
    let mut macs = vec![0u64; layers];
    for (place, node) in graph.nodes.iter().enumerate() {
        macs[node.layer] = macs[node.layer].saturating_add(node_macs(graph, place, &shapes));
    }
    Ok(macs)
}

/// The same of one node, with the shapes of all.
pub fn node_macs(graph: &Graph, place: usize, shapes: &[Vec<usize>]) -> u64 {
    let node = &graph.nodes[place];
    let outputs: usize = shapes[place].iter().product();
    let per_output: usize = match &node.op {
        Op::Conv2d { weight, .. } => graph.params[weight.0].shape[1..].iter().product(),
        Op::Linear { weight, .. } => graph.params[weight.0].shape[1],
        Op::MatMul => shapes[node.inputs[0].0].last().copied().unwrap_or(0),
        _ => 0,
    };
    (outputs as u64).saturating_mul(per_output as u64)
}
