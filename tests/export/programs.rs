//! The programs of `examples/deploy`, each built as its first lines say and run on photographs with files that `yolo export` wrote,
//! beside `yolo detect`. Where a runtime is not installed its programs are not run, and the suite says so.
//!
//! Python is `YOLO_PYTHON`, or the oracle's; runtimes for C++ are folders with `include` and `lib`: `YOLO_ONNXRUNTIME` and
//! `YOLO_NCNN`, or `onnxruntime` and `ncnn` in `~/.cache/yolo-runtimes`.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use yolo_tests::runtimes::{self, Runtime};
use yolo_tests::{report, root, yolo};

const WEIGHTS: [&str; 2] = ["yolov5s", "bccd-ghost"];

/// Sizes of exported files, and photographs that `yolo detect --imgsz 640` brings to them.
const SIZES: [([usize; 2], &[&str]); 2] = [
    ([640, 640], &["tests/data/photos/astronaut.png"]),
    (
        [448, 640],
        &["tests/data/photos/chelsea.png", "tests/data/photos/coffee.png", "data/images/giraffes.jpg"],
    ),
];

/// JPEG decoders differ, and a grey level of difference moves a confidence by this much.
const CONFIDENCE: f64 = 0.02;

/// How a program is started, without its arguments.
type Start = Vec<PathBuf>;

/// What a program's name tells: `…_onnx.py`, `…_ncnn.cpp`.
fn kind(program: &Path) -> Option<(Runtime, &str)> {
    let runtime = match program.file_stem()?.to_str()?.rsplit('_').next()? {
        "onnx" => Runtime::OnnxRuntime,
        "ncnn" => Runtime::Ncnn,
        _ => return None,
    };
    let language = program.extension()?.to_str()?;
    ["py", "cpp"].contains(&language).then_some((runtime, language))
}

/// The Python, if it has these modules.
fn python(modules: &str) -> Option<PathBuf> {
    let python = runtimes::python();
    let imported = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if imported.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("SKIPPED: no Python with {modules} (YOLO_PYTHON)");
    None
}

/// A program ready to run; nothing where its runtime is not here.
fn prepare(program: &Path, folder: &Path) -> Option<Start> {
    let (runtime, language) = kind(program)?;
    if language == "py" {
        let python = python(&format!("cv2, numpy, {}", runtime.name()))?;
        return Some(vec![python, program.to_path_buf()]);
    }
    let (variable, own, header) = if runtime == Runtime::Ncnn {
        ("NCNN", "YOLO_NCNN", "include/ncnn/net.h")
    } else {
        ("ORT", "YOLO_ONNXRUNTIME", "include/onnxruntime_cxx_api.h")
    };
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cached = home.join(".cache/yolo-runtimes").join(runtime.name());
    let installed = std::env::var_os(own).map_or(cached, PathBuf::from);
    let opencv = PathBuf::from("/usr/include/opencv4/opencv2/imgproc.hpp");
    let missing = [installed.join(header), opencv].into_iter().find(|header| !header.exists());
    if let Some(header) = missing {
        eprintln!("SKIPPED: {}: there is no {} ({own})", program.display(), header.display());
        return None;
    }
    // The command that a reader copies.
    let text = fs::read_to_string(program).unwrap();
    let command = text.split_once("    g++ ").and_then(|(_, rest)| rest.split_once("\n    ./"));
    let command = format!("g++ {}", command.expect("a first line has the command").0);
    fs::copy(program, folder.join(program.file_name()?)).unwrap();
    let mut shell = Command::new("sh");
    let built =
        shell.args(["-euc", &command]).current_dir(folder).env(variable, &installed).output().unwrap();
    assert!(built.status.success(), "{command}: {}", String::from_utf8_lossy(&built.stderr));
    Some(vec![folder.join(program.file_stem()?)])
}

/// Class, confidence, and left, top, right, bottom in pixels.
#[derive(Debug)]
struct Object {
    name: String,
    confidence: f64,
    sides: Vec<f64>,
}

/// The same to a reader: `yolo detect` rounds boxes to whole pixels.
fn equal(one: &Object, other: &Object) -> bool {
    one.name == other.name
        && (one.confidence - other.confidence).abs() <= CONFIDENCE
        && one.sides.iter().zip(&other.sides).all(|(a, b)| (a - b).abs() <= 1.0)
}

/// What `yolo detect` finds.
fn expected(weights: &Path, photograph: &Path) -> Vec<Object> {
    let mut command = yolo();
    command.args(["detect", "--imgsz", "640", "--nosave", "--json", "--weights"]).arg(weights);
    let line = said(command.arg("--source").arg(photograph));
    let found: Value = serde_json::from_str(&line).unwrap();
    let object = |value: &Value| Object {
        name: value["name"].as_str().unwrap().into(),
        confidence: value["confidence"].as_f64().unwrap(),
        sides: value["box"].as_array().unwrap().iter().map(|side| side.as_f64().unwrap()).collect(),
    };
    found["detections"].as_array().unwrap().iter().map(object).collect()
}

/// A line that a program printed; a name may have spaces.
fn parse(line: &str) -> Object {
    let mut words = line.rsplitn(6, ' ');
    let mut numbers: Vec<f64> = words.by_ref().take(5).map(|word| word.parse().expect(line)).collect();
    numbers.reverse();
    let name = words.next().expect(line).into();
    Object { name, confidence: numbers[0], sides: numbers[1..].to_vec() }
}

/// Every object that surely is above the threshold is among the others.
fn missing<'a>(objects: &'a [Object], others: &'a [Object]) -> impl Iterator<Item = &'a Object> {
    let sure = |object: &&Object| object.confidence > 0.25 + CONFIDENCE;
    objects.iter().filter(sure).filter(|object| !others.iter().any(|other| equal(object, other)))
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Weights as a file of a runtime, for images of this size.
fn export(weights: &Path, runtime: Runtime, [height, width]: [usize; 2], folder: &Path) -> PathBuf {
    let name = weights.file_stem().unwrap().display();
    let (format, ending) = if runtime == Runtime::Ncnn { ("ncnn", "ncnn.param") } else { ("onnx", "onnx") };
    let file = folder.join(format!("{name}-{height}.{ending}"));
    if !file.exists() {
        let mut command = yolo();
        command.args(["export", "--format", format, "--imgsz", &height.to_string(), &width.to_string()]);
        said(command.arg("--weights").arg(weights).arg("--output").arg(&file));
    }
    file
}

#[test]
fn programs_find_what_the_command_finds() {
    let folder = tempfile::tempdir().unwrap();
    let programs = fs::read_dir(root().join("examples/deploy")).expect("examples/deploy");
    let mut programs: Vec<PathBuf> = programs.map(|entry| entry.unwrap().path()).collect();
    programs.sort();
    assert!(programs.len() >= 4, "only {programs:?}");

    let mut failures = vec![];
    for program in &programs {
        let Some((runtime, _)) = kind(program) else {
            failures.push(format!("no test knows how to run {}", program.display()));
            continue;
        };
        let Some(start) = prepare(program, folder.path()) else { continue };
        let jobs = WEIGHTS.iter().flat_map(|name| SIZES.map(|(size, photographs)| (name, size, photographs)));
        for (name, size, photographs) in jobs {
            let weights = root().join("weights").join(name).with_extension("safetensors");
            let file = export(&weights, runtime, size, folder.path());
            for photograph in photographs.iter().map(|photograph| root().join(photograph)) {
                let mut command = Command::new(&start[0]);
                command.args(&start[1..]).arg(&file).arg(&photograph);
                let found: Vec<Object> = said(&mut command).lines().map(parse).collect();
                let expected = expected(&weights, &photograph);
                assert!(!expected.is_empty(), "{}: nothing is found", photograph.display());
                let lacks = missing(&expected, &found).map(|object| format!("lacks {object:?}"));
                let adds = missing(&found, &expected).map(|object| format!("adds {object:?}"));
                failures.extend(lacks.chain(adds).map(|what| format!("{command:?} {what}")));
            }
        }
    }
    report(failures);
}

/// What is no photograph, and what is no such file, is told in a line.
#[test]
fn programs_tell_what_they_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let weights = root().join("weights/bccd-yolov5n.safetensors");
    let photograph = root().join("data/images/cows.jpg");
    for (runtime, stem, raw, told) in [
        (Runtime::OnnxRuntime, "detect_onnx", "raw.onnx", "export without --raw and without --nms"),
        (
            Runtime::Ncnn,
            "detect_ncnn",
            "raw.ncnn.param",
            "its Input line has no size: export without --raw, or write 0=WIDTH 1=HEIGHT there",
        ),
    ] {
        let raw = folder.path().join(raw);
        let format = if runtime == Runtime::Ncnn { "ncnn" } else { "onnx" };
        let mut command = yolo();
        command.args(["export", "--format", format, "--raw", "--imgsz", "64", "--weights"]).arg(&weights);
        said(command.arg("--output").arg(&raw));
        let sound = export(&weights, runtime, [64, 64], folder.path());
        for language in ["py", "cpp"] {
            let program = root().join("examples/deploy").join(stem).with_extension(language);
            let Some(start) = prepare(&program, folder.path()) else { continue };
            for (file, photograph, message) in
                [(&sound, &weights, "no image"), (&raw, &photograph, told), (&photograph, &photograph, "")]
            {
                let mut command = Command::new(&start[0]);
                let output = command.args(&start[1..]).arg(file).arg(photograph).output().unwrap();
                let errors = String::from_utf8_lossy(&output.stderr);
                assert!(!output.status.success() && output.stdout.is_empty(), "{command:?}");
                assert!(errors.contains(message), "{command:?}: {errors}");
            }
        }
    }
}

/// Without a file of names, ncnn's programs print the classes' numbers.
#[test]
fn classes_without_names_are_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let weights = root().join("weights/yolov5s.safetensors");
    let file = export(&weights, Runtime::Ncnn, [320, 320], folder.path());
    fs::remove_file(file.with_extension("names")).unwrap();
    for name in ["detect_ncnn.py", "detect_ncnn.cpp"] {
        let program = root().join("examples/deploy").join(name);
        let Some(start) = prepare(&program, folder.path()) else { continue };
        let photograph = root().join("data/images/cows.jpg");
        let found = said(Command::new(&start[0]).args(&start[1..]).arg(&file).arg(photograph));
        let cows = found.lines().map(parse).filter(|object| object.name == "19");
        assert!(cows.count() > 0, "{name}: {found}");
    }
}

/// The Python of `docs/export.md` that needs nothing but a file and a photograph.
#[test]
fn the_document_s_python_runs() {
    let text = fs::read_to_string(root().join("docs/export.md")).unwrap();
    let snippet = |mark: &str| {
        let mut snippets = text.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
        snippets.find(|snippet| snippet.contains(mark)).expect(mark).to_string()
    };
    let check = "
import json
import onnxruntime
photo = np.random.default_rng(0).random((1, 3, 640, 640), np.float32)
raw, decoded = (onnxruntime.InferenceSession(file) for file in ('raw.onnx', 'yolov5s.onnx'))
run = lambda session: session.run(None, {'images': photo})
anchors = json.loads(raw.get_modelmeta().custom_metadata_map['anchors'])
assert abs(decode(run(raw), anchors) - run(decoded)[0][0]).max() < 0.01
";
    let jobs = [
        ("cv2, openvino", snippet("openvino.Core()")),
        ("numpy, onnxruntime", snippet("def decode(") + check),
    ];
    let folder = tempfile::tempdir().unwrap();
    let weights = root().join("weights/yolov5s.safetensors");
    for (file, raw) in [("yolov5s.onnx", None), ("raw.onnx", Some("--raw"))] {
        let mut command = yolo();
        command.args(["export", "--imgsz", "640", "--weights"]).arg(&weights).args(raw);
        said(command.arg("--output").arg(folder.path().join(file)));
    }
    fs::copy(root().join("data/images/cows.jpg"), folder.path().join("photo.jpg")).unwrap();
    // A copy: Python leaves a folder beside what is imported.
    let programs = root().join("examples/deploy");
    fs::copy(programs.join("detect_onnx.py"), folder.path().join("detect_onnx.py")).unwrap();
    for (modules, snippet) in jobs {
        let Some(python) = python(modules) else { continue };
        said(Command::new(python).args(["-c", &snippet]).current_dir(folder.path()));
    }
}
