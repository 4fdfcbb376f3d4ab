//! ncnn, of any block: each unit of the folded graph by the rule of its operation, as `.param` and `.bin`.

mod activation;
mod boxes;
mod moves;
mod operations;
mod rules;
mod writer;

pub use self::writer::Files;

use self::moves::sizes;
use self::rules::Rules;
use self::writer::{Blob, MAGIC, Writer};
use super::Error;
use crate::atomic;
use crate::exec::engine::fold::folded;
use crate::graph::{Graph, ValueId};
use crate::model::{Model, State};
use std::io::{ErrorKind, Read};
use std::path::Path;

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
    /// Class names, which [`save`] writes beside the network; numbers where there are none.
    pub names: Option<Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Options { size: [640, 640], half: false, raw: false, names: None }
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
    let dims = [channels, height, width];
    // Raw maps can be had of any size, where no layer holds one; boxes are of this size only, and who runs the file can know it.
    let told = if options.raw { vec![] } else { sizes(&dims) };
    blobs[0] = Some(w.named("Input", "in0", &[], &told, &dims));
    let mut rules = Rules { graph, state: &state, shapes: &shapes, blobs };
    for unit in units.iter().filter(|unit| unit.node > 0) {
        rules.emit(&mut w, unit)?;
    }
    let blobs = wanted.iter().map(|id| rules.output(&mut w, *id)).collect::<Result<Vec<_>, _>>()?;
    Ok((w, blobs))
}

/// As [`write()`], into `NAME.param`, `NAME.bin` beside it and `NAME.names`, a class a line; each whole or not at all.
/// Their size in bytes. Files of another kind are not replaced.
///
/// # Errors
/// Those of [`write()`], and what is wrong with the files.
pub fn save(path: &Path, model: &Model, state: State, options: &Options) -> Result<usize, Error> {
    let Files { param, bin } = write(model, state, options)?;
    let name = |class: usize| match options.names.as_ref().and_then(|names| names.get(class)) {
        Some(name) => name.replace(['\r', '\n'], " "),
        None => class.to_string(),
    };
    let names: String = (0..model.detect.nc).map(|class| name(class) + "\n").collect();
    let mut files =
        vec![(path.with_extension("bin"), bin), (path.with_extension("names"), names.into_bytes())];
    // Weights and names have no mark of their own; those beside a network are its.
    let in_the_way = match starts_with(path, MAGIC.as_bytes())? {
        Some(true) => None,
        Some(false) => Some(path),
        None => files.iter().map(|(path, _)| path.as_path()).find(|path| path.exists()),
    };
    if let Some(path) = in_the_way {
        return Err(Error::Foreign { path: path.to_path_buf(), format: "ncnn" });
    }
    files.push((path.to_path_buf(), param.into_bytes()));
    let new: Vec<bool> = files.iter().map(|(path, _)| !path.exists()).collect();
    for (path, bytes) in &files {
        if let Err(cause) = atomic::write(path, bytes) {
            // Half a model is none.
            for ((path, _), _) in files.iter().zip(&new).filter(|(_, new)| **new) {
                let _ = std::fs::remove_file(path);
            }
            return Err(Error::Write { path: path.clone(), cause });
        }
    }
    Ok(files.iter().map(|(_, bytes)| bytes.len()).sum())
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
