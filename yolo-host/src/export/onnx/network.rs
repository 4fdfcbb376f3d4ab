//! A graph's operations as nodes, and the file around them.

use super::super::Error;
use super::quantize::quantize;
use super::rules::Rules;
use super::schema::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, ValueInfoProto};
use super::writer::{Axis, Writer, value_info};
use super::{OPSETS, Options};
use crate::exec::engine::fold::folded;
use crate::graph::{Graph, ValueId};
use crate::model::State;
use prost::Message;

/// What was emitted.
#[derive(Debug)]
pub struct Network {
    /// Nodes and weights.
    pub w: Writer,
    /// The input's name.
    pub images: String,
    /// The name of every tensor that was asked for.
    pub outputs: Vec<String>,
}

impl Network {
    /// Emits a graph, batch norm folded. Its weights are taken from the state.
    pub fn new(
        graph: &Graph,
        state: &mut State,
        wanted: &[ValueId],
        shapes: &[Vec<usize>],
        options: &Options,
    ) -> Result<Self, Error> {
        if !OPSETS.contains(&options.opset) {
            return Err(Error::Opset { opset: options.opset, known: OPSETS });
        }
        graph.check_exportable()?;
        let units = folded(graph, state, wanted);
        let mut w = Writer::new(options.opset, options.half);
        let images = w.fresh("images");
        let mut names = vec![None; graph.nodes.len()];
        names[0] = Some(images.clone());
        let mut rules = Rules { graph, state, shapes, dynamic: options.dynamic, names, maps: vec![] };
        for unit in units.iter().filter(|unit| unit.node > 0) {
            rules.emit(&mut w, unit)?;
        }
        let outputs: Vec<String> = wanted.iter().filter_map(|id| rules.names[id.0].clone()).collect();
        if let Some(int8) = &options.int8 {
            quantize(&mut w, int8, &rules.maps, &outputs);
        }
        Ok(Network { w, images, outputs })
    }
}

/// A file that computes tensors of any graph: `output0`, `output1`, …, of the shapes that they have for `images`, as the graph
/// was built. Of the options the operator set, `half` and the size count.
///
/// # Errors
/// Those of [`write()`](super::write()).
pub fn write_graph(
    graph: &Graph,
    mut state: State,
    outputs: &[ValueId],
    options: &Options,
) -> Result<Vec<u8>, Error> {
    let channels = graph.nodes.first().and_then(|node| node.shape.get(1)).copied().unwrap_or_default();
    let [height, width] = options.size;
    let images = [options.batch, channels, height, width];
    let shapes = graph.shapes(&images)?;
    let options = Options { dynamic: false, ..options.clone() };
    let Network { mut w, images: input, outputs: names } =
        Network::new(graph, &mut state, outputs, &shapes, &options)?;
    let float = w.float_type();
    let fixed = |shape: &[usize]| shape.iter().map(|size| Axis::Fixed(*size)).collect::<Vec<_>>();
    let mut output = vec![];
    for (i, (id, name)) in outputs.iter().zip(names).enumerate() {
        // A parameter, the input or a tensor that is asked for twice keeps its own name.
        let y = w.node("Identity", &[&name], &[]);
        output.push(value_info(&w.rename(&y, &format!("output{i}")), float, &fixed(&shapes[id.0])));
    }
    Ok(file(w, value_info(&input, float, &fixed(&images)), output, vec![]))
}

/// The bytes of a file.
pub fn file(
    w: Writer,
    input: ValueInfoProto,
    output: Vec<ValueInfoProto>,
    metadata: Vec<(&str, String)>,
) -> Vec<u8> {
    let opset = OperatorSetIdProto { domain: Some(String::new()), version: Some(w.opset) };
    let entry =
        |(key, value): (&str, String)| StringStringEntryProto { key: Some(key.into()), value: Some(value) };
    let file = ModelProto {
        ir_version: Some(ir_version(w.opset)),
        producer_name: Some(env!("CARGO_PKG_NAME").into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        opset_import: vec![opset],
        metadata_props: metadata.into_iter().map(entry).collect(),
        graph: Some(GraphProto {
            node: w.nodes,
            name: Some("yolo".into()),
            initializer: w.constants,
            input: vec![input],
            output,
        }),
    };
    file.encode_to_vec()
}

/// The version of the format in which an operator set appeared (`docs/Versioning.md` of ONNX).
fn ir_version(opset: i64) -> i64 {
    match opset {
        ..15 => 7,
        15..19 => 8,
        19..21 => 9,
        21.. => 10,
    }
}
