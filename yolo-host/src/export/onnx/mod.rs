//! ONNX, of any block: each unit of the folded graph by the rule of its operation.

mod activation;
mod boxes;
mod moves;
mod network;
mod operators;
mod quantize;
mod rules;
mod schema;
mod writer;

pub use self::network::write_graph;
pub use self::quantize::{Int8, Runtime};

use self::network::{Network, file};
use self::schema::data_type;
use self::writer::{Axis, value_info};
use super::Error;
use crate::atomic;
use crate::eval::NmsOptions;
use crate::model::{Detect, Model, State};
use crate::weights::is_onnx;
use serde_json::json;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;
use std::path::Path;

/// The operator sets that can be written.
pub const OPSETS: RangeInclusive<i64> = 13..=20;

/// What comes out of the file's network.
#[derive(Clone, Debug, PartialEq)]
pub enum Outputs {
    /// `output`, `[batch, rows, 5 + classes]`: boxes in pixels, as upstream's export.
    Decoded,
    /// `output0`, `output1`, …: the raw maps `[batch, anchors · (5 + classes), height, width]`.
    Raw,
    /// `output`, `[objects, 6]`: left, top, right, bottom, confidence, class of one image's objects, best first.
    Nms(NmsOptions),
}

/// Options of [`write()`].
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The operator set, of [`OPSETS`].
    pub opset: i64,
    /// Images at once.
    pub batch: usize,
    /// Height and width of an image, in pixels.
    pub size: [usize; 2],
    /// Whether batch, height and width are free.
    pub dynamic: bool,
    /// Whether weights, input and output have 16 bits.
    pub half: bool,
    /// Whole numbers of 8 bits for convolutions; not with `half`.
    pub int8: Option<Int8>,
    /// What comes out.
    pub outputs: Outputs,
    /// Class names; numbers where there are none.
    pub names: Option<Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            opset: 17,
            batch: 1,
            size: [640, 640],
            dynamic: false,
            half: false,
            int8: None,
            outputs: Outputs::Decoded,
            names: None,
        }
    }
}

/// The bytes of an ONNX file: input `images`, `[batch, channels, height, width]` from 0 to 1, batch norm folded. The same
/// model and options give the same bytes.
///
/// # Errors
/// An unknown operator set, a size that does not fit, an operation without a rule, options that contradict each other.
pub fn write(model: &Model, mut state: State, options: &Options) -> Result<Vec<u8>, Error> {
    let one = options.batch == 1 && !options.dynamic;
    if let Outputs::Nms(nms) = &options.outputs {
        if !one {
            return Err(Error::Options("suppression is for one image of a fixed size: batch 1, not dynamic"));
        }
        if nms.classes.is_some() || nms.multi_label {
            return Err(Error::Options(
                "suppression in the file knows neither chosen classes nor several of a box",
            ));
        }
    }
    if options.half && options.int8.is_some() {
        return Err(Error::Options("int8 has floats of 32 bits beside it: without half"));
    }
    let (graph, detect) = (&model.graph, &model.detect);
    graph.check_exportable()?;
    let [height, width] = options.size;
    let input = [options.batch, model.spec.channels, height, width];
    let shapes = graph.shapes(&input)?;
    let anchors = state.floats(detect.anchors).to_vec();
    let Network { mut w, images, outputs: maps } =
        Network::new(graph, &mut state, &detect.outputs, &shapes, options)?;
    w.scope = format!("model.{}", detect.layer);

    let cells = |i: usize| [shapes[detect.outputs[i].0][2], shapes[detect.outputs[i].0][3]];
    let fixed: Vec<_> = (0..maps.len()).map(|i| (!options.dynamic).then(|| cells(i))).collect();
    let free = |size: usize, name: &str| match options.dynamic {
        true => Axis::Free(name.into()),
        false => Axis::Fixed(size),
    };
    let batch = free(options.batch, "batch");
    let float = w.float_type();
    let rows: usize = (0..maps.len()).map(|i| detect.na * cells(i)[0] * cells(i)[1]).sum();
    let mut output = vec![];
    match &options.outputs {
        Outputs::Raw => {
            for (i, map) in maps.iter().enumerate() {
                let name = w.rename(map, &format!("output{i}"));
                let [height, width] = cells(i);
                let sides = [free(height, &format!("height{i}")), free(width, &format!("width{i}"))];
                let channels = Axis::Fixed(detect.na * detect.no());
                let shape = [&[batch.clone(), channels], &sides[..]].concat();
                output.push(value_info(&name, float, &shape));
            }
        }
        Outputs::Decoded => {
            let all = boxes::decoded(&mut w, detect, &maps, &fixed, &anchors);
            let name = w.rename(&all, "output");
            let shape = [batch.clone(), free(rows, "anchors"), Axis::Fixed(detect.no())];
            output.push(value_info(&name, float, &shape));
        }
        Outputs::Nms(nms) => {
            let all = boxes::decoded(&mut w, detect, &maps, &fixed, &anchors);
            let found = boxes::suppressed(&mut w, &all, detect.nc, nms);
            let name = w.rename(&found, "output");
            let shape = [Axis::Free("objects".into()), Axis::Fixed(6)];
            output.push(value_info(&name, data_type::FLOAT, &shape));
        }
    }
    let sides = [free(height, "height"), free(width, "width")];
    let shape = [&[batch, Axis::Fixed(model.spec.channels)], &sides[..]].concat();
    let input = value_info(&images, float, &shape);
    Ok(file(w, input, output, metadata(model, &anchors, options)))
}

/// As [`write()`], into a file, whole or not at all; its size in bytes. A file of another kind is not replaced.
///
/// # Errors
/// Those of [`write()`], and what is wrong with the file.
pub fn save(path: &Path, model: &Model, state: State, options: &Options) -> Result<usize, Error> {
    let failed = |cause| Error::Write { path: path.to_path_buf(), cause };
    let bytes = write(model, state, options)?;
    let mut start = vec![];
    match File::open(path) {
        Ok(file) => _ = file.take(256).read_to_end(&mut start).map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    if !start.is_empty() && !is_onnx(&start) {
        return Err(Error::Foreign { path: path.to_path_buf(), format: "ONNX" });
    }
    atomic::write(path, &bytes).map_err(failed)?;
    Ok(bytes.len())
}

/// A character in a literal of Python's.
fn python(c: char) -> String {
    match c {
        '\\' | '\'' => format!("\\{c}"),
        '\n' => "\\n".into(),
        c if c.is_ascii_control() => format!("\\x{:02x}", u32::from(c)),
        c => c.into(),
    }
}

/// What upstream writes, and its scripts read: the largest stride, and a Python dictionary of class names. Besides, what weights
/// of ours carry, so that the file can be read back without more: the model's YAML, its plugins, and the anchors in pixels, which
/// a training may have changed.
fn metadata(model: &Model, anchors: &[f32], options: &Options) -> Vec<(&'static str, String)> {
    let name = |class: usize| match options.names.as_ref().and_then(|names| names.get(class)) {
        Some(name) => name.chars().map(python).collect(),
        None => class.to_string(),
    };
    let Detect { nc, na, strides, .. } = &model.detect;
    let names: Vec<String> = (0..*nc).map(|i| format!("{i}: '{}'", name(i))).collect();
    let sizes =
        |(cells, stride): (&[f32], &f32)| cells.iter().map(|cell| cell * stride).collect::<Vec<f32>>();
    let pixels: Vec<Vec<f32>> = anchors.chunks(2 * na).zip(strides).map(sizes).collect();
    let mut entries = vec![
        ("stride", model.detect.max_stride().to_string()),
        ("names", format!("{{{}}}", names.join(", "))),
        ("anchors", json!(pixels).to_string()),
        ("model", model.spec.text.clone()),
    ];
    if !options.dynamic {
        entries.push(("imgsz", options.size[0].max(options.size[1]).to_string()));
    }
    if !model.plugins.is_empty() {
        entries.push(("plugins", json!(model.plugins).to_string()));
    }
    entries
}
