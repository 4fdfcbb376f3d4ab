//! ncnn, of any block: each unit of the folded graph by the rule of its operation, as `.param` and `.bin`.

mod activation;
mod boxes;
mod moves;
mod operations;
mod rules;
mod writer;

pub use self::writer::Files;

use self::rules::Rules;
use self::writer::{Blob, MAGIC, Writer};
use super::Error;
use crate::atomic;
use crate::exec::engine::fold::folded;
use crate::graph::{Graph, ValueId};
use crate::model::{Model, State};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Options of [`write()`].
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Height and width of an image, in pixels.
    pub size: [usize; 2],
    /// Whether weights have 16 bits.
    pub half: bool,
    /// The raw maps `out0`, `out1`, …, `[anchors · (5 + classes), height, width]` each, in the place of decoded boxes in `out0`,
    /// `[rows, 5 + classes]`: x, y, width and height in pixels, objectness, classes.
    pub raw: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { size: [640, 640], half: false, raw: false }
    }
}

/// The two files: input `in0`, an image `[channels, height, width]` from 0 to 1, batch norm folded. The same model and options give
/// the same bytes.
///
/// # Errors
/// A size that does not fit, an operation without a rule.
pub fn write(model: &Model, state: State, options: &Options) -> Result<Files, Error> {
    let detect = &model.detect;
    let anchors = state.floats(detect.anchors).to_vec();
    let (mut w, maps) = network(&model.graph, state, &detect.outputs, options)?;
    let outputs = match options.raw {
        true => maps,
        false => vec![boxes::decoded(&mut w, detect, &maps, &anchors)],
    };
    Ok(w.finish(&outputs))
}

/// Files that compute tensors of any graph, without the batch: `out0`, `out1`, …, of the shapes that they have for one image, as the
/// graph was built.
///
/// # Errors
/// Those of [`write()`].
pub fn write_graph(
    graph: &Graph,
    state: State,
    outputs: &[ValueId],
    options: &Options,
) -> Result<Files, Error> {
    let (w, outputs) = network(graph, state, outputs, options)?;
    Ok(w.finish(&outputs))
}

/// Emits a graph; the blobs have the tensors' own sizes.
fn network(
    graph: &Graph,
    mut state: State,
    wanted: &[ValueId],
    options: &Options,
) -> Result<(Writer, Vec<Blob>), Error> {
    graph.check_exportable()?;
    let channels = graph.nodes.first().and_then(|node| node.shape.get(1)).copied().unwrap_or_default();
    let [height, width] = options.size;
    let shapes = graph.shapes(&[1, channels, height, width])?;
    let units = folded(graph, &mut state, wanted);
    let mut w = Writer::new(options.half);
    let mut blobs = vec![None; graph.nodes.len()];
    blobs[0] = Some(w.named("Input", "in0", &[], &[], &[channels, height, width]));
    let mut rules = Rules { graph, state: &state, shapes: &shapes, blobs };
    for unit in units.iter().filter(|unit| unit.node > 0) {
        rules.emit(&mut w, unit)?;
    }
    let blobs = wanted.iter().map(|id| rules.output(&mut w, *id)).collect::<Result<Vec<_>, _>>()?;
    Ok((w, blobs))
}

/// As [`write()`], into `NAME.param` and `NAME.bin` beside it, each whole or not at all; their size in bytes. Files of another kind are
/// not replaced.
///
/// # Errors
/// Those of [`write()`], and what is wrong with the files.
pub fn save(path: &Path, model: &Model, state: State, options: &Options) -> Result<usize, Error> {
    let files = write(model, state, options)?;
    let bin = weights_of(path);
    let known = starts_with(path, MAGIC.as_bytes())?;
    if known == Some(false) {
        return Err(foreign(path));
    }
    // Weights have no mark of their own; those beside a network are its.
    if known.is_none() && bin.exists() {
        return Err(foreign(&bin));
    }
    for (path, bytes) in [(&bin, files.bin.as_slice()), (&path.to_path_buf(), files.param.as_bytes())] {
        atomic::write(path, bytes).map_err(|cause| Error::Write { path: path.clone(), cause })?;
    }
    Ok(files.param.len() + files.bin.len())
}

/// The file of weights that belongs to a `.param`.
pub fn weights_of(param: &Path) -> PathBuf {
    param.with_extension("bin")
}

/// Whether a file starts so; nothing if there is none, or an empty one.
fn starts_with(path: &Path, magic: &[u8]) -> Result<Option<bool>, Error> {
    let failed = |cause| Error::Write { path: path.to_path_buf(), cause };
    let mut start = vec![];
    match std::fs::File::open(path) {
        Ok(file) => _ = file.take(magic.len() as u64).read_to_end(&mut start).map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    Ok((!start.is_empty()).then_some(start == magic))
}

fn foreign(path: &Path) -> Error {
    Error::Foreign { path: path.to_path_buf(), format: "ncnn" }
}
