//! Weights files: safetensors, PyTorch `.pt`, ONNX and ncnn in, safetensors out.
//!
//! [`read`] looks at the bytes, not at the file's extension, and takes
//!
//! * safetensors, ours or anybody's,
//! * PyTorch archives of `torch.save`, the zip form as well as the older one: a state dict, a YOLOv5 checkpoint
//!   (its `ema` wins over its `model`), or a pickled module,
//! * ONNX models and ncnn's pairs of `.param` and `.bin`: their convolutions and the like, whose places in a model are found
//!   when the model is there ([`Unit`]).
//!
//! A checkpoint is a program for Python's pickle machine. Ours carries out none of it: it knows how to make
//! containers, numbers and tensors, and refuses a file at the first name outside a short list
//! ([`ErrorKind::ForbiddenClass`]). No input makes it panic or take memory out of proportion to the file's size.
//!
//! Tensors are named as in the `state_dict` of the reference at v6.1. The buffer `model.N.anchor_grid` of v6.0
//! files is dropped: v6.1 computes it from `anchors`.

mod budget;
mod element;
mod error;
mod exported;
mod kind;
mod metadata;
mod names;
mod ncnn;
mod onnx;
mod pickle;
mod probe;
mod safetensors;
mod torch;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

pub use error::{Error, ErrorKind, FileRole};
pub(crate) use exported::{IMAGE, Sources, Tracer};
pub use exported::{Norm, Sizes, Unit, UnitKind};
use kind::Form;
#[cfg(feature = "onnx")]
pub(crate) use kind::is_onnx;
pub use metadata::{Meta, Plugin};
pub(crate) use probe::{POINTS, hard_sigmoid, sigmoid, softplus};
pub use torch::{Attribute, ModuleInfo};

/// Values of one tensor, widened: `f16`, `bf16` and `f64` become `f32`, every integer and `bool` becomes `i64`.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A floating point tensor.
    F32(Vec<f32>),
    /// An integer or boolean tensor.
    I64(Vec<i64>),
}

impl Data {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(values) => values.len(),
            Data::I64(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A tensor: its values in row-major order and its shape, whose product is their number. A scalar has shape `[]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Values, last dimension fastest.
    pub data: Data,
}

/// Everything a weights file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Tensors by state dict name, such as `model.0.conv.weight`.
    pub arrays: BTreeMap<String, Array>,
    /// What the file says about them.
    pub meta: Meta,
    /// The modules of a pickled model, in its order; none for files of tensors alone.
    pub modules: Vec<ModuleInfo>,
    /// What a user should know of how they were read.
    pub notes: Vec<String>,
    /// The convolutions and the like of an exported file, whose tensors are not among `arrays`.
    pub units: Vec<Unit>,
}

/// How [`write()`] stores floating point tensors. Integers are stored as `I64` either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// As they are.
    F32,
    /// Rounded to half precision, save for `*.anchors`, which decode every box and cost nothing.
    F16,
}

/// Reads the weights file at `path`.
///
/// # Errors
/// [`Error`] names the file and says what is wrong with it.
pub fn read(path: &Path) -> Result<Checkpoint, Error> {
    let kind = |kind| Error::new(path, kind);
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, BufReader::new(file))));
    let (file, mut bytes) = opened.map_err(|error| kind(ErrorKind::Read(error)))?;
    if file.is_file() {
        read_from(bytes, file.len(), path)
    } else if file.is_dir() {
        Err(kind(kind::folder()))
    } else {
        // A pipe does not know its length.
        let bytes = whole(&mut bytes).map_err(kind)?;
        read_from(&bytes[..], bytes.len() as u64, path)
    }
}

/// Reads a weights file that is in memory; `path` names it in errors, and says where the other half of an ncnn model is.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], path: &Path) -> Result<Checkpoint, Error> {
    read_from(bytes, bytes.len() as u64, path)
}

/// Reads an ncnn model that is in memory: its text, and its weights; `path` names both in errors.
///
/// # Errors
/// As [`read`].
pub fn read_ncnn(param: &[u8], bin: &[u8], path: &Path) -> Result<Checkpoint, Error> {
    ncnn::read(param, bin, path, path)
}

/// Reads a file of `len` bytes, safetensors piece by piece.
fn read_from(mut file: impl BufRead, len: u64, path: &Path) -> Result<Checkpoint, Error> {
    let kind = |kind| Error::new(path, kind);
    let start = file.fill_buf().map_err(|error| kind(ErrorKind::Read(error)))?;
    if torch::is_archive(start) {
        return whole(&mut file).and_then(|bytes| torch::read_archive(&bytes)).map_err(kind);
    }
    if torch::is_legacy(start) {
        return whole(&mut file).and_then(|bytes| torch::read_legacy(&bytes)).map_err(kind);
    }
    match kind::recognise(start, len, &suffix(path)).map_err(kind)? {
        Form::Safetensors => safetensors::read(file, len).map_err(kind),
        Form::Onnx => whole(&mut file).and_then(|bytes| onnx::read(&bytes)).map_err(kind),
        Form::Param => {
            let param = whole(&mut file).map_err(kind)?;
            ncnn::read_beside(&param, path)
        }
        Form::Bin => ncnn::read_text_beside(path),
    }
}

/// What follows the last point in a file's name.
fn suffix(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().into_owned()
}

/// All that is left of a file.
fn whole(file: &mut impl Read) -> Result<Vec<u8>, ErrorKind> {
    let mut bytes = vec![];
    file.read_to_end(&mut bytes).map_err(ErrorKind::Read)?;
    Ok(bytes)
}

/// Whether a file begins as safetensors do; an empty one is in nobody's way.
#[cfg(feature = "cli")]
pub(crate) fn is_safetensors_file(path: &Path) -> bool {
    let mut start = vec![];
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    read.is_ok() && (start.is_empty() || kind::is_safetensors(&start))
}

/// Writes `checkpoint` as safetensors. The file appears whole or not at all, and equal checkpoints give equal bytes.
///
/// # Errors
/// When the file cannot be written, when an array's shape and values disagree, or when a value does not fit into
/// half precision.
pub fn write(path: &Path, checkpoint: &Checkpoint, precision: Dtype) -> Result<(), Error> {
    safetensors::write(path, checkpoint, precision).map_err(|kind| Error::new(path, kind))
}
