//! What can be wrong with a weights file, worded so that one knows the file, the part of it, and what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// A weights file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

impl Error {
    pub(super) fn new(path: &Path, kind: ErrorKind) -> Self {
        Error { path: path.to_path_buf(), kind }
    }
}

/// The error for what pnnx writes for itself, beside what it writes for ncnn.
pub(super) fn of_pnnx() -> ErrorKind {
    let advice = "give what it wrote for ncnn, NAME.ncnn.param with NAME.ncnn.bin beside it";
    ErrorKind::Foreign { what: "a graph of pnnx's own".to_owned(), advice: advice.to_owned() }
}

/// The kinds of [`Error`]. Names come from the file, so messages show their control characters escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system would not give the file's bytes.
    #[error("cannot read the file: {0}")]
    Read(#[source] io::Error),
    /// The operating system would not take the file's bytes.
    #[error("cannot write the file: {0}")]
    Write(#[source] io::Error),
    /// Another kind of file, or one without a model in it.
    #[error("not a weights file: {0}; give a safetensors file, a YOLOv5 checkpoint or a saved state_dict")]
    NotWeights(String),
    /// A file of a known kind that is no weights file for this program.
    #[error("not weights of YOLOv5: this is {what}; {advice}")]
    Foreign {
        /// What it is.
        what: String,
        /// What to do.
        advice: String,
    },
    /// A file of this program's that holds no weights.
    #[error("not weights of YOLOv5: this is {what}")]
    Misplaced {
        /// What it is.
        what: &'static str,
        /// What it is for.
        role: FileRole,
    },
    /// The file ends before what it announces.
    #[error("truncated: {what}: {need} bytes announced, only {have} there; fetch or copy the file again")]
    Truncated {
        /// The part that is cut short.
        what: String,
        /// Bytes announced.
        need: u64,
        /// Bytes present.
        have: u64,
    },
    /// The zip archive around a PyTorch checkpoint is damaged or of an unknown sort.
    #[cfg(not(target_arch = "wasm32"))]
    #[error("damaged archive: {0}; fetch the file again, or save it anew with torch.save")]
    Archive(#[source] zip::result::ZipError),
    /// The safetensors header breaks the format.
    #[error("bad safetensors header: {0}; write the file anew with the program it comes from")]
    Header(String),
    /// A tensor whose place, shape and number of values do not agree.
    #[error("tensor `{}`: {what}", tensor.escape_debug())]
    TensorBounds {
        /// The tensor's name.
        tensor: String,
        /// What does not agree.
        what: String,
    },
    /// Two tensors of one name: nobody can tell which one is meant.
    #[error(
        "tensor `{}` is there twice; write the file anew with the program it comes from",
        tensor.escape_debug()
    )]
    DuplicateTensor {
        /// The tensor's name.
        tensor: String,
    },
    /// An element type that is not read.
    #[error(
        "tensor `{}` has elements of type {}; convert it to float32 or int64 first",
        tensor.escape_debug(),
        dtype.escape_debug()
    )]
    UnsupportedDtype {
        /// The tensor's name.
        tensor: String,
        /// The type as the file calls it.
        dtype: String,
    },
    /// A value that the narrower type cannot hold.
    #[error("tensor `{}` holds {value}, which does not fit into {dtype}", tensor.escape_debug())]
    OutOfRange {
        /// The tensor's name.
        tensor: String,
        /// The value.
        value: String,
        /// The type it should go into.
        dtype: &'static str,
    },
    /// The pickle names something that is no part of a model. A file made to attack its reader looks like this.
    #[error(
        "refusing to load: the file would call `{class}`, which is no part of a YOLOv5 model; nothing was run. \
         If you trust where it comes from, load it in Python and save its state_dict() with torch.save"
    )]
    ForbiddenClass {
        /// Module and name, such as `os.system`.
        class: String,
    },
    /// Classes of a fork of YOLOv5 or of another project.
    #[error(
        "the file holds a model with classes that are not known here: {}; nothing was run. \
         Save its state_dict() in Python with torch.save, and give its model file with it; a plugin can add blocks",
        classes.join(", ")
    )]
    Unknown {
        /// Modules and names, such as `models.mobilenet.InvertedResidual`.
        classes: Vec<String>,
    },
    /// The pickle breaks the rules of the format, or uses it as no checkpoint does.
    #[error("bad pickle at byte {offset}: {what}; save the checkpoint anew with torch.save")]
    Pickle {
        /// Position of the instruction in the pickle, in bytes.
        offset: usize,
        /// What is wrong.
        what: String,
    },
    /// Written on a machine with the other byte order.
    #[error("the tensors are big-endian; save the checkpoint anew on a little-endian machine")]
    BigEndian,
    /// A line of an ncnn `.param` file that cannot be understood.
    #[error("line {line}: {what}; copy the file again, or export it anew")]
    Param {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// An ncnn `.param` file that ends too early.
    #[error("truncated: {need} layers are announced, only {have} are there; fetch or copy the file again")]
    Layers {
        /// Layers announced.
        need: u64,
        /// Layers present.
        have: u64,
    },
    /// A layer of an ncnn file whose weights, if it has any, are not known.
    #[error(
        "line {line}: `{}` is an ncnn layer of type {}, which is not known here; it may have weights, and where those of \
         the layers behind it begin cannot be told. Give the checkpoint (.pt) that the model was exported from",
        name.escape_debug(),
        kind.escape_debug()
    )]
    UnknownLayer {
        /// From 1.
        line: usize,
        /// The layer.
        name: String,
        /// Its type.
        kind: String,
    },
    /// Weights of 8 bits in a file of a network.
    #[error(
        "{place} has weights of 8 bits, which are not read back: they are rounded; give the file of floats that it was made of"
    )]
    Quantised {
        /// The layer or node.
        place: String,
    },
    /// An ncnn model in two files, one of which is not there.
    #[error("{what} of an ncnn model, and {} is not beside it; put both files into one folder", missing.display())]
    Half {
        /// What is there.
        what: &'static str,
        /// What is not.
        missing: PathBuf,
    },
    /// More weights than an ncnn model has layers for.
    #[error(
        "{bytes} bytes are left over behind the last layer's weights; this file belongs to another .param"
    )]
    LeftOver {
        /// So many.
        bytes: usize,
    },
    /// An ONNX file that cannot be understood.
    #[error("bad ONNX file: {0}; copy it again, or export it anew")]
    Onnx(String),
    /// A tensor of an ONNX file that is stored in another file.
    #[error(
        "tensor `{}` is not in this file but in one beside it; save the model with all tensors in one file (onnx.save)",
        tensor.escape_debug()
    )]
    External {
        /// The tensor.
        tensor: String,
    },
    /// Reading would take far more memory than an honest file of this size needs.
    #[error("{0} is out of all proportion to the file's size; the file is damaged or made to exhaust memory")]
    TooLarge(String),
}

/// What a file is for, where another was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileRole {
    /// An image to look at.
    Image,
    /// A model file.
    Model,
    /// A dataset's description.
    Data,
    /// Hyperparameters of a training.
    Hyper,
    /// A library, perhaps with blocks.
    Library,
}
