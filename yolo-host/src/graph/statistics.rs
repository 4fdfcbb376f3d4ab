//! Multiply-accumulates of a graph for one input shape.

use super::{Graph, NodeError};

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

/// Those of one node, with the shapes of all.
pub fn node_macs(graph: &Graph, place: usize, shapes: &[Vec<usize>]) -> u64 {
    let node = &graph.nodes[place];
    let inputs: Vec<&[usize]> = node.inputs.iter().map(|id| shapes[id.0].as_slice()).collect();
    let outputs: usize = shapes[place].iter().product();
    (outputs as u64).saturating_mul(node.op.macs(&inputs, &graph.params) as u64)
}
