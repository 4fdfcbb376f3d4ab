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

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(init: Init, offset: Option<f32>) -> Vec<f32> {
        let offset = offset.map(|value| vec![value; 10_000].into());
        let role = Role::Trainable;
        let param = Param { name: "w".into(), shape: vec![100, 100], init, offset, role, layer: 0 };
        let Data::F32(values) = fill(&param, 3) else { panic!("floats") };
        values
    }

    #[test]
    fn values_have_the_distribution_that_is_asked_for() {
        let mean = |values: &[f32]| values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
        assert_eq!(filled(Init::Constant(2.0), Some(0.5)), [2.5; 10_000]);
        let uniform = filled(Init::Uniform(-0.5, 1.0), None);
        let (low, high) = uniform.iter().fold((f32::MAX, f32::MIN), |(a, b), &x| (a.min(x), b.max(x)));
        assert!((-0.5..-0.49).contains(&low) && (0.99..=1.0).contains(&high), "{low} to {high}");
        assert!((mean(&uniform) - 0.25).abs() < 0.02);
        let normal = filled(Init::Normal(3.0, 0.5), None);
        let squares: Vec<f32> = normal.iter().map(|x| (x - 3.0) * (x - 3.0)).collect();
        assert!((mean(&normal) - 3.0).abs() < 0.02);
        assert!((mean(&squares).sqrt() - 0.5).abs() < 0.02);
    }
}
