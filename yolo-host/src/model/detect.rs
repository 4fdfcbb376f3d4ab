//! The Detect layer: one 1×1 convolution for each output, its strides and anchors.

use super::{Anchors, LayerError, Spec};
use crate::graph::{BuildError, ConvSpec, GraphBuilder, Init, Op, ParamId, Role, ValueId};
use std::sync::Arc;

/// What is needed to turn the network's raw maps into boxes.
///
/// Output i is a map `[batch, anchors · (5 + classes), height / strides[i], width / strides[i]]`.
#[derive(Clone, Debug)]
pub struct Detect {
    /// The row that it stands in.
    pub layer: usize,
    /// Number of classes.
    pub nc: usize,
    /// Anchors of each output.
    pub na: usize,
    /// Pixels of the input for one cell, of each output.
    pub strides: Vec<f32>,
    /// The raw maps.
    pub outputs: Vec<ValueId>,
    /// Buffer `[outputs, anchors, 2]` of widths and heights in cells; the tensor wins over the YAML.
    pub anchors: ParamId,
}

impl Detect {
    /// Values that one anchor gives: x, y, w, h, objectness and the classes.
    pub fn no(&self) -> usize {
        self.nc + 5
    }

    /// The largest stride, to a multiple of which images are sized (at least 32, as in the reference).
    pub fn max_stride(&self) -> usize {
        self.strides.iter().fold(32.0f32, |a, &b| a.max(b)) as usize
    }

    /// Emits the layer in row `layer` over `inputs`, with YAML arguments `[nc, anchors]`.
    pub(super) fn build(
        b: &mut GraphBuilder,
        spec: &Spec,
        layer: usize,
        inputs: &[ValueId],
    ) -> Result<Self, LayerError> {
        let [nc, anchors] = spec.rows[layer].args.as_slice() else {
            let given = spec.rows[layer].args.len();
            let v8 =
                if given == 1 { "; one without anchors is of Ultralytics' YOLOv8 and later" } else { "" };
            return Err(LayerError::Other(format!("needs the arguments [nc, anchors], not {given}{v8}")));
        };
        match spec.argument(nc) {
            Ok(crate::plugin::Arg::Int(nc)) if nc == spec.nc as i64 => {}
            other => {
                let other = other.map_or(String::new(), |other| format!(" of {}, not {other}", spec.nc));
                return Err(LayerError::Other(format!(
                    "its first argument must be nc, the number of classes{other}"
                )));
            }
        }
        let anchors = match spec.anchors_argument(anchors).map_err(LayerError::Other)? {
            // The reference's placeholder, until autoanchor finds sizes.
            Anchors::Count(na) => vec![(0..2 * na).map(|i| i as f32).collect(); inputs.len()],
            Anchors::Pixels(lists) => lists,
        };
        if anchors.len() != inputs.len() {
            let (lists, outputs) = (anchors.len(), inputs.len());
            return Err(LayerError::Other(format!(
                "lists of anchors: {lists}, layers in `from`: {outputs}; there must be a list for each, in their order"
            )));
        }
        let (nc, na) = (spec.nc, anchors[0].len() / 2);
        let height = b.shape(ValueId(0))[2] as f32;
        let strides: Vec<f32> =
            inputs.iter().map(|x| b.shape(*x).get(2).map_or(1.0, |&rows| height / rows as f32)).collect();
        let cells = in_cells(anchors, &strides);
        let shape = [inputs.len(), na, 2];
        let anchors =
            b.define("", "anchors", &shape, Init::Constant(0.0), Role::Buffer, Some(cells.into()))?;
        let mut outputs = Vec::with_capacity(inputs.len());
        for (i, (&x, &stride)) in inputs.iter().zip(&strides).enumerate() {
            outputs.push(head(b, x, &format!("m.{i}"), prior(nc, na, stride))?);
        }
        Ok(Detect { layer, nc, na, strides, outputs, anchors })
    }
}

/// Anchors divided by the strides, in the order of the strides (`check_anchor_order` by area).
fn in_cells(mut anchors: Vec<Vec<f32>>, strides: &[f32]) -> Vec<f32> {
    let area = |list: &Vec<f32>, last: bool| {
        let pair = if last { list.rchunks_exact(2).next() } else { list.chunks_exact(2).next() };
        pair.map_or(0.0, |pair| pair[0] * pair[1])
    };
    let growth = area(&anchors[anchors.len() - 1], true) - area(&anchors[0], false);
    let step = strides[strides.len() - 1] - strides[0];
    let sign = |x: f32| x.partial_cmp(&0.0);
    if sign(growth) != sign(step) {
        anchors.reverse();
    }
    anchors
        .iter()
        .zip(strides)
        .flat_map(|(list, stride)| list.iter().map(move |size| size / stride))
        .collect()
}

/// What `_initialize_biases` adds: 8 objects in an image of 640, classes equally likely (arXiv:1708.02002 section 3.3).
fn prior(nc: usize, na: usize, stride: f32) -> Arc<[f32]> {
    let objectness = (8.0 / (640.0 / f64::from(stride)).powi(2)).ln() as f32;
    let class = (0.6 / (nc as f64 - 0.999999)).ln() as f32;
    let one = [0.0; 4].into_iter().chain([objectness]).chain(std::iter::repeat_n(class, nc));
    let one: Vec<f32> = one.collect();
    one.repeat(na).into()
}

fn head(b: &mut GraphBuilder, x: ValueId, name: &str, prior: Arc<[f32]>) -> Result<ValueId, BuildError> {
    let y = b.conv2d(name, x, ConvSpec::same(prior.len(), 1).with_bias())?;
    if let Op::Conv2d { bias: Some(bias), .. } = b.graph().nodes[y.0].op {
        b.set_offset(bias, prior);
    }
    Ok(y)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `check_anchor_order`: where areas fall while strides grow, the lists change places.
    #[test]
    fn anchors_stand_in_the_order_of_strides_by_area() {
        let strides = [8.0, 16.0];
        let (flat, square) = (vec![2.0, 100.0], vec![20.0, 20.0]);
        // By area 200 and 400, though 2 + 100 is more than 20 + 20.
        let cells = [0.25, 12.5, 1.25, 1.25];
        assert_eq!(in_cells(vec![flat.clone(), square.clone()], &strides), cells);
        assert_eq!(in_cells(vec![square, flat], &strides), cells);
    }
}
