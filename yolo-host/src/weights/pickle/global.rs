//! The names a pickle may use, and what each means here. Everything else is refused.

use super::foreign::{self, printable};
use crate::weights::ErrorKind;
use crate::weights::element::Element;

/// The meaning of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Global {
    /// A kind of dict.
    Dict,
    /// A kind of set.
    Set,
    /// A storage class of PyTorch.
    Storage(Element),
    /// The function that makes a tensor from a storage.
    Tensor,
    /// The function that makes a parameter from a tensor.
    Parameter,
    /// A class of modules: which one tells the activation, the rest is told by their state.
    Module,
    /// A class whose objects no model needs.
    Opaque,
    /// `getattr`, by which a module's method in place of another is written: `forward_fuse` of a fused one.
    Attribute,
}

/// Modules whose classes are network modules.
const MODULES: [&str; 8] = [
    "models.yolo",
    "models.common",
    "models.experimental",
    "utils.activations",
    // ModelEMA, which has the averaged model inside.
    "utils.torch_utils",
    "yolov5.utils.activations",
    "torch.nn.parallel.data_parallel",
    "torch.nn.parallel.distributed",
];

/// Packages all of whose modules are such.
const PACKAGES: [&str; 2] = ["yolov5.models.", "torch.nn.modules."];

/// Packages whose classes stand beside a model: what trained it, and its settings.
const BESIDE: [&str; 9] = [
    "lightning.",
    "omegaconf.",
    "pytorch_lightning.",
    "torch.amp.",
    "torch.cuda.amp.",
    "torch.optim.",
    "torch.utils.data.",
    "utils.",
    "yolov5.utils.",
];

/// What training checkpoints hold besides: arguments, scores, dates, paths.
const OPAQUE: [(&str, &[&str]); 18] = [
    ("collections", &["Counter", "deque"]),
    ("decimal", &["Decimal"]),
    ("easydict", &["EasyDict"]),
    ("types", &["SimpleNamespace"]),
    ("uuid", &["UUID"]),
    ("_codecs", &["encode"]),
    ("argparse", &["Namespace"]),
    (
        "builtins",
        &[
            "bool",
            "bytearray",
            "bytes",
            "complex",
            "dict",
            "float",
            "int",
            "list",
            "range",
            "slice",
            "str",
            "tuple",
        ],
    ),
    ("datetime", &["date", "datetime", "timedelta", "timezone"]),
    ("numpy", &["bool_", "dtype", "float16", "float32", "float64", "int32", "int64", "ndarray", "uint8"]),
    ("numpy.core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy._core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy.core.numeric", &["_frombuffer"]),
    ("numpy._core.numeric", &["_frombuffer"]),
    ("pathlib", &["Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"]),
    ("pathlib._local", &["PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"]),
    ("torch", &["Size", "device"]),
    ("torch", &TORCH_DTYPES),
];

const TORCH_DTYPES: [&str; 12] = [
    "bfloat16",
    "bool",
    "complex128",
    "complex64",
    "float16",
    "float32",
    "float64",
    "int16",
    "int32",
    "int64",
    "int8",
    "uint8",
];

impl Global {
    /// The meaning of `name` in Python's `module`.
    ///
    /// # Errors
    /// [`ErrorKind::ForbiddenClass`] for a name that is not on the list.
    pub fn find(module: &str, name: &str) -> Result<Self, ErrorKind> {
        // Python 2's name of the same module; protocols up to 2 still write it.
        let module = if module == "__builtin__" { "builtins" } else { module };
        match (module, name) {
            ("collections", "OrderedDict" | "defaultdict") => return Ok(Global::Dict),
            ("builtins", "set" | "frozenset") => return Ok(Global::Set),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => return Ok(Global::Tensor),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                return Ok(Global::Parameter);
            }
            _ => {}
        }
        if (module, name) == ("builtins", "getattr") {
            return Ok(Global::Attribute);
        }
        if let ("torch" | "torch.cuda", Some(element)) = (module, Element::from_storage(name)) {
            return Ok(Global::Storage(element));
        }
        if OPAQUE.iter().any(|(of, names)| *of == module && names.contains(&name)) {
            return Ok(Global::Opaque);
        }
        if let Some(other) = foreign::recognise(module, name) {
            return Err(other);
        }
        if is_class(module, name, &MODULES, &PACKAGES) {
            return Ok(Global::Module);
        }
        if is_class(module, name, &[], &BESIDE) {
            return Ok(Global::Opaque);
        }
        Err(ErrorKind::ForbiddenClass { class: printable(module, name) })
    }
}

/// Whether a class stands in one of these modules or packages. A dotted name is refused: Python would follow it from the
/// class to whatever it imports.
fn is_class(module: &str, name: &str, modules: &[&str], packages: &[&str]) -> bool {
    let known = modules.contains(&module) || packages.iter().any(|package| module.starts_with(package));
    known && !name.starts_with("__") && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `getattr` where it is not a module's method.
pub fn no_method() -> ErrorKind {
    ErrorKind::ForbiddenClass { class: printable("builtins", "getattr") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_have_their_meaning() {
        let cases = [
            ("collections", "OrderedDict", Global::Dict),
            ("__builtin__", "set", Global::Set),
            ("builtins", "set", Global::Set),
            ("torch", "HalfStorage", Global::Storage(Element::F16)),
            ("torch.cuda", "FloatStorage", Global::Storage(Element::F32)),
            ("torch", "float16", Global::Opaque),
            ("torch._utils", "_rebuild_tensor_v2", Global::Tensor),
            ("torch._utils", "_rebuild_parameter", Global::Parameter),
            ("models.common", "conv_bn_hswish", Global::Module),
            ("yolov5.models.yolo", "Model", Global::Module),
            ("torch.nn.modules.conv", "Conv2d", Global::Module),
            ("torch.nn.parallel.distributed", "DistributedDataParallel", Global::Module),
            ("numpy.core.multiarray", "scalar", Global::Opaque),
            ("pathlib", "PosixPath", Global::Opaque),
            ("types", "SimpleNamespace", Global::Opaque),
            ("torch.cuda.amp.grad_scaler", "GradScaler", Global::Opaque),
            ("torch.optim.sgd", "SGD", Global::Opaque),
            ("__builtin__", "getattr", Global::Attribute),
        ];
        for (module, name, want) in cases {
            assert_eq!(Global::find(module, name).unwrap(), want, "{module}.{name}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let cases = [
            ("os", "system"),
            ("posix", "system"),
            ("builtins", "eval"),
            ("builtins", "setattr"),
            ("torch.optim", "SGD"),
            ("torch.optim.sgd", "os.system"),
            ("types", "CodeType"),
            ("torch", "load"),
            ("torch.storage", "_load_from_bytes"),
            ("torch.hub", "load"),
            ("torch.nn", "os"),
            ("models", "common"),
            ("models.yolo", "os.system"),
            ("models.yolo", "__builtins__"),
            ("", ""),
        ];
        for (module, name) in cases {
            let error = Global::find(module, name).unwrap_err();
            let class = format!("{module}.{name}");
            assert!(matches!(&error, ErrorKind::ForbiddenClass { class: c } if *c == class), "{error}");
        }
    }

    #[test]
    fn a_hostile_name_cannot_garble_the_terminal() {
        let error = Global::find("os\x1b[2J", &"x".repeat(1 << 20)).unwrap_err().to_string();
        assert!(error.contains("os\\u{1b}[2J.xxx") && error.len() < 500, "{error}");
    }
}
