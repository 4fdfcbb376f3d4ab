//! Files that people take for weights: what they are, told by their first bytes, and what to do about each that is not read.

use super::ncnn::MAGIC as NCNN;
use super::{ErrorKind, FileRole};

/// What becomes of everything that was exported from a checkpoint.
const EXPORTED: &str = "give the checkpoint (.pt) that it was exported from, or its ONNX or ncnn files";
const UNPACK: &str = "unpack it and give the weights inside";

/// Formats by the bytes at a place: place, bytes, what it is, what to do.
const MAGIC: [(usize, &[u8], &str, &str); 17] = [
    (0, b"ftrt", "a TensorRT engine", EXPORTED),
    (0, b"ptrt", "a TensorRT engine", EXPORTED),
    (4, b"TFL3", "a TensorFlow Lite model", EXPORTED),
    (4, b"ORTM", "an ONNX Runtime model", EXPORTED),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras saves models", EXPORTED),
    (0, b"RKNN", "a model for Rockchip's NPUs", EXPORTED),
    (0, b"GGUF", "a GGUF model", "give a YOLOv5 checkpoint"),
    (
        0,
        b"\xdd\x85\x76\0",
        "a binary ncnn .param",
        "give the text .param that ncnn2mem or ncnnoptimize made it from",
    ),
    (0, b"\x93NUMPY", "a NumPy array", "save a dict of tensors by name with torch.save or safetensors"),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a rar archive", UNPACK),
    (0, b"BZh", "a bzip2 archive", UNPACK),
    (0, b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (0, b"%PDF-", "a PDF document", "give a YOLOv5 checkpoint"),
];

/// Files of another job in this program, by their first bytes.
const MISPLACED: [(&[u8], &str, FileRole); 5] = [
    (b"\x89PNG\r\n\x1a\n", "a PNG image", FileRole::Image),
    (b"\xff\xd8\xff", "a JPEG image", FileRole::Image),
    (b"GIF8", "a GIF image", FileRole::Image),
    (b"\x7fELF", "a program or library", FileRole::Library),
    (b"MZ\x90\0", "a program or library for Windows", FileRole::Library),
];

/// Formats without a mark of their own, by the suffix.
const SUFFIXES: [(&[&str], &str); 9] = [
    (&["engine", "trt", "plan"], "a TensorRT engine"),
    (&["pb"], "a TensorFlow graph"),
    (&["mlmodel"], "a Core ML model"),
    (&["tflite"], "a TensorFlow Lite model"),
    (&["weights"], "Darknet's weights"),
    (&["caffemodel"], "a Caffe model"),
    (&["pdmodel", "pdparams", "pdiparams"], "a PaddlePaddle model"),
    (&["mnn"], "an MNN model"),
    (&["rknn", "om", "hef", "kmodel", "nb"], "a model for an accelerator"),
];

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As safetensors; so is what nobody recognises.
    Safetensors,
    /// As an ONNX model.
    Onnx,
    /// As the text of an ncnn model, with the weights beside it.
    Param,
    /// As the weights of an ncnn model, with the text beside it.
    Bin,
}

/// The form of a file that has `len` bytes, begins with `start` and has this suffix.
///
/// # Errors
/// For a file of a known other kind.
pub fn recognise(start: &[u8], len: u64, suffix: &str) -> Result<Form, ErrorKind> {
    let suffix = suffix.to_ascii_lowercase();
    if len > 0 && !is_safetensors(start) {
        if start.starts_with(NCNN_F16) {
            return Ok(Form::Bin);
        }
        if is_param(start) {
            return Ok(Form::Param);
        }
        if is_onnx(start) && suffix != "mlmodel" {
            return Ok(Form::Onnx);
        }
    }
    match (other(start, len, &suffix), &*suffix) {
        (Some(error), _) => Err(error),
        (None, "onnx") if !is_safetensors(start) => Ok(Form::Onnx),
        (None, "bin") if !is_safetensors(start) => Ok(Form::Bin),
        _ => Ok(Form::Safetensors),
    }
}

/// What a file of a known other kind is.
fn other(start: &[u8], len: u64, suffix: &str) -> Option<ErrorKind> {
    if len == 0 {
        return foreign("an empty file", "fetch or copy it again; the first time nothing arrived");
    }
    if is_safetensors(start) {
        return None;
    }
    if let Some((_, _, what, advice)) =
        MAGIC.iter().find(|(at, magic, ..)| start.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
    {
        return foreign(what, advice);
    }
    if let Some((_, what, role)) = MISPLACED.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Some(ErrorKind::Misplaced { what, role: *role });
    }
    if is_darknet(start) {
        return foreign("Darknet's weights, without names and shapes", "give a YOLOv5 checkpoint");
    }
    // Some exporters put a description before a TensorRT engine: its length in four bytes, then JSON.
    if start.get(4..6) == Some(b"{\"") {
        return foreign("a TensorRT engine with a description", EXPORTED);
    }
    if let [0x80, 2..=5, ..] = start {
        return foreign(
            "a Python pickle that torch.save did not write",
            "load it in Python and save its state_dict() with torch.save",
        );
    }
    if let Some(known) = text(start) {
        return Some(known);
    }
    let (_, what) = SUFFIXES.iter().find(|(suffixes, _)| suffixes.contains(&suffix))?;
    foreign(what, EXPORTED)
}

/// The error for a folder in a file's place.
pub fn folder() -> ErrorKind {
    let advice = "name the file in it, such as weights/best.pt of a training's folder; an exported model's folder \
                  (SavedModel, OpenVINO) cannot be used, but the .pt that it was made from can";
    ErrorKind::Foreign { what: "a folder".to_owned(), advice: advice.to_owned() }
}

/// The error for a zip archive where none is read.
#[cfg(target_arch = "wasm32")]
pub fn unread_archive() -> ErrorKind {
    let advice = "in a browser, give safetensors, which `yolo convert` writes".to_owned();
    ErrorKind::Foreign { what: "a zip archive, as PyTorch writes checkpoints".to_owned(), advice }
}

/// The error for a zip archive that torch.save did not write, by the names of its files.
#[cfg(not(target_arch = "wasm32"))]
pub fn archive(names: &[&str]) -> ErrorKind {
    let ends = |suffixes: &[&str]| {
        names.iter().find(|name| suffixes.iter().any(|suffix| name.to_ascii_lowercase().ends_with(suffix)))
    };
    let inside = ends(&[".pt", ".pth", ".safetensors"]);
    let known = if !names.is_empty() && names.iter().all(|name| name.ends_with(".npy")) {
        foreign("a NumPy archive (.npz)", "save a dict of tensors by name with torch.save or safetensors")
    } else if ends(&["model.weights.h5"]).is_some() {
        foreign("a Keras model", EXPORTED)
    } else if ends(&["saved_model.pb"]).is_some() {
        foreign("a zipped TensorFlow model", EXPORTED)
    } else if ends(&[".mlmodel"]).is_some() {
        foreign("a zipped Core ML model", EXPORTED)
    } else if let Some(name) = inside {
        let advice = format!("unpack it and give the {} inside", name.escape_debug());
        Some(ErrorKind::Foreign { what: "a zip archive".to_owned(), advice })
    } else {
        None
    };
    known.unwrap_or_else(|| {
        ErrorKind::NotWeights("a zip archive, but without the data.pkl that torch.save puts in".to_owned())
    })
}

/// The error for a TorchScript program.
#[cfg(not(target_arch = "wasm32"))]
pub fn script() -> ErrorKind {
    let what = "a TorchScript program, which is made for running, not for loading weights".to_owned();
    ErrorKind::Foreign { what, advice: EXPORTED.to_owned() }
}

fn foreign(what: &str, advice: &str) -> Option<ErrorKind> {
    Some(ErrorKind::Foreign { what: what.to_owned(), advice: advice.to_owned() })
}

/// The length of a header that a file could have, then the header's brace.
pub fn is_safetensors(start: &[u8]) -> bool {
    let length = start.first_chunk().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    length < 1 << 40 && start.get(8) == Some(&b'{')
}

/// A protobuf message whose first field is a small version and whose second is a text, the exporter's name.
pub fn is_onnx(start: &[u8]) -> bool {
    match start {
        [8, 1..=30, 0x12, len, name @ ..] => {
            let name = name.get(..usize::from(*len)).unwrap_or(name);
            *len < 100 && name.iter().all(|c| c.is_ascii_graphic() || *c == b' ')
        }
        // Without an exporter's name comes the graph.
        [8, 1..=30, 0x3a, ..] => true,
        _ => false,
    }
}

/// What 16-bit weights of ncnn begin with.
const NCNN_F16: &[u8] = b"\x47\x6b\x30\x01";

/// The first line of an ncnn model's text.
fn is_param(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    start.strip_prefix(NCNN.as_bytes()).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// Version 0.1 or 0.2 with a small revision, each in four bytes.
fn is_darknet(start: &[u8]) -> bool {
    let number = |i: usize| start.get(4 * i..4 * i + 4).map(|b| [b[0], b[1], b[2], b[3]].map(u32::from));
    matches!(
        (number(0), number(1), number(2)),
        (Some([0, 0, 0, 0]), Some([1..=2, 0, 0, 0]), Some([0..=9, 0, 0, 0]))
    ) && start.len() >= 20
}

/// Text of a known kind.
fn text(start: &[u8]) -> Option<ErrorKind> {
    let start = String::from_utf8_lossy(&start[..start.len().min(8192)]);
    let text = start.trim_start_matches('\u{feff}').trim_start();
    let lower = text.to_ascii_lowercase();
    let line = |key: &str| lower.lines().any(|line| line.starts_with(key));
    if text.starts_with("version https://git-lfs.github.com/spec/") {
        let size = text.lines().find_map(|line| line.strip_prefix("size ")?.trim().parse::<u64>().ok());
        let size = size.map_or(String::new(), |size| format!(" of a file of {:.1} MB", size as f64 / 1e6));
        let what = format!("a Git LFS pointer, a note in the place{size}");
        let advice =
            "run `git lfs install` and `git lfs pull` in its repository, or download the file itself";
        return Some(ErrorKind::Foreign { what, advice: advice.to_owned() });
    }
    if ["<!doctype html", "<html", "<head"].iter().any(|tag| lower.starts_with(tag)) {
        let title = lower.find("<title>").and_then(|at| text.get(at + 7..)?.split('<').next());
        let title = title.map(|title| title.trim().chars().take(60).collect::<String>());
        let title = title.map_or(String::new(), |title| format!(" (`{}`)", title.escape_debug()));
        let what = format!("a web page{title} that was saved in the file's place");
        let advice = "open the link in a browser and download the file itself";
        return Some(ErrorKind::Foreign { what, advice: advice.to_owned() });
    }
    if lower.starts_with("<?xml") || lower.starts_with("<net ") {
        return match lower.contains("<net ") {
            true => foreign("an OpenVINO model", EXPORTED),
            false => foreign("an XML text", "look what it says; a server may have refused the download"),
        };
    }
    if line("[net]") || line("[convolutional]") {
        return foreign("a Darknet model file (.cfg)", "give a YOLOv5 checkpoint");
    }
    if line("backbone:") && line("head:") {
        let what = "a model file (YAML), which has no weights in it";
        return Some(ErrorKind::Misplaced { what, role: FileRole::Model });
    }
    if line("names:") && (line("train:") || line("val:")) {
        return Some(ErrorKind::Misplaced { what: "a dataset's file (YAML)", role: FileRole::Data });
    }
    if text.starts_with("{\"") || text.starts_with("{\n") || text.starts_with("[{") {
        return foreign("a JSON text", "look what it says; a server may have refused the download");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(start: &[u8], suffix: &str) -> String {
        recognise(start, start.len() as u64, suffix).map_or_else(|kind| kind.to_string(), |_| String::new())
    }

    #[test]
    fn kinds_are_told_by_their_bytes_and_say_what_to_do() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let darknet = [[0u32, 2, 5, 0, 0].map(u32::to_le_bytes).concat(), vec![7; 40]].concat();
        let engine = [&300u32.to_le_bytes()[..], b"{\"description\": \"v8\"}"].concat();
        let cases: [(&[u8], &str, &str); 18] = [
            (b"", "an empty file", "again"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 14808437\n",
                "14.8 MB",
                "lfs pull",
            ),
            (b"\n <!DOCTYPE html><html><title>Virus scan</title>", "a web page (`Virus scan`)", "browser"),
            (b"\xef\xbb\xbf<HTML>", "a web page", "browser"),
            (b"ftrt\0\0\0\0", "a TensorRT engine", "checkpoint"),
            (&engine, "a TensorRT engine", "checkpoint"),
            (
                b"<?xml version=\"1.0\"?>\n<net name=\"torch_jit\" version=\"11\">",
                "an OpenVINO model",
                "checkpoint",
            ),
            (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied", "an XML text", "refused"),
            (b"\x1c\0\0\0TFL3", "a TensorFlow Lite", "checkpoint"),
            (b"\x89HDF\r\n\x1a\n\0", "Keras", "checkpoint"),
            (b"\x93NUMPY\x01", "a NumPy array", "torch.save"),
            (&darknet, "Darknet's weights", "YOLOv5"),
            (b"# c\n[net]\nbatch=1\n[convolutional]\n", "a Darknet model file", "YOLOv5"),
            (b"\xdd\x85\x76\0\x01", "a binary ncnn .param", "text"),
            (&tar, "a tar archive", "unpack"),
            (b"\x1f\x8b\x08", "a gzip archive", "unpack"),
            (b"\x80\x04\x95\0", "a Python pickle", "state_dict"),
            (b"{\"error\": 404}", "a JSON text", "refused"),
        ];
        for (start, what, advice) in cases {
            let told = told(start, "pt");
            assert!(told.contains(what) && told.contains(advice), "{what}: {told}");
        }
    }

    #[test]
    fn exports_that_are_read_have_forms() {
        let form = |start: &[u8], suffix: &str| recognise(start, start.len() as u64, suffix).unwrap();
        assert_eq!(form(b"\x08\x06\x12\x07pytorch\x1a\x051.9.0", "pt"), Form::Onnx);
        assert_eq!(form(b"\x3a\x02\x0a\0", "ONNX"), Form::Onnx);
        assert_eq!(form(b"7767517\r\n172 197\n", "txt"), Form::Param);
        assert_eq!(form(b"\x47\x6b\x30\x01\0\0", "x"), Form::Bin);
        assert_eq!(form(&[0; 99], "bin"), Form::Bin);
        assert_eq!(form(&[0x77; 99], "x"), Form::Safetensors);
        let safetensors = [&16u64.to_le_bytes()[..], b"{}              "].concat();
        assert_eq!(form(&safetensors, "bin"), Form::Safetensors);
    }

    #[test]
    fn files_of_another_job_say_which() {
        let cases: [(&[u8], &str, FileRole); 4] = [
            (b"nc: 2\nbackbone:\n  - []\nhead:\n", "a model file (YAML)", FileRole::Model),
            (b"train: a\nval: b\nnames: [x]\n", "a dataset's file", FileRole::Data),
            (b"\x89PNG\r\n\x1a\n", "a PNG image", FileRole::Image),
            (b"\x7fELF\x02", "a program", FileRole::Library),
        ];
        for (start, what, role) in cases {
            let kind = recognise(start, start.len() as u64, "pt");
            let fits = matches!(kind, Err(ErrorKind::Misplaced { role: found, .. }) if found == role);
            assert!(fits && told(start, "pt").contains(what), "{what}: {kind:?}");
        }
    }

    #[test]
    fn the_suffix_tells_what_bytes_do_not() {
        assert!(told(&[0x77; 99], "engine").contains("TensorRT"));
        assert_eq!(told(&[0x77; 99], "pt"), "");
        // Not by the suffix where the bytes are good.
        let good = [&16u64.to_le_bytes()[..], b"{}              "].concat();
        assert_eq!(told(&good, "engine"), "");
    }

    #[test]
    fn archives_are_told_by_their_files() {
        let cases: [(&[&str], &str); 6] = [
            (&["w.npy", "b.npy"], "NumPy archive"),
            (&["config.json", "model.weights.h5"], "Keras"),
            (&["m/saved_model.pb"], "TensorFlow"),
            (&["run/weights/best.pt", "run/args.yaml"], "give the run/weights/best.pt inside"),
            (&["a.txt"], "without the data.pkl"),
            (&[], "without the data.pkl"),
        ];
        for (names, want) in cases {
            let told = archive(names).to_string();
            assert!(told.contains(want), "{told}");
        }
    }
}
