//! Values of a new model: the reference's distributions, from a random stream keyed by seed and name.

use crate::graph::{Graph, Init, Param, Role};
use crate::random::Stream;
use crate::weights::{Array, Data};

/// One array for each parameter of the graph, in its order.
pub fn initial_values(graph: &Graph, seed: u64) -> Vec<Array> {
    graph.params.iter().map(|param| Array { shape: param.shape.clone(), data: fill(param, seed) }).collect()
}

fn fill(param: &Param, seed: u64) -> Data {
    let count = param.len();
    if param.role == Role::Counter {
        return Data::I64(vec![0; count]);
    }
    let mut stream = Stream::keyed(&format!("{seed}/{}", param.name));
    let mut values: Vec<f32> = (0..count)
        .map(|_| match param.init {
            Init::Constant(value) => value as f32,
            Init::Uniform(low, high) => (low + (high - low) * stream.uniform()) as f32,
            Init::Normal(mean, deviation) => (mean + deviation * stream.normal()) as f32,
        })
        .collect();
    for (value, offset) in values.iter_mut().zip(param.offset.iter().flat_map(|offset| offset.iter())) {
        *value += offset;
    }
    Data::F32(values)
}
