//! Exported ONNX files: the same bytes twice, and in ONNX Runtime the numbers of the network in double precision. Where there is no
//! Python with onnx and onnxruntime (`YOLO_PYTHON`, or the oracle's environment), nothing is run, and the suite says so.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use yolo_bundle as _;
use yolo_host::eval::{Head, NmsOptions, decode, non_max_suppression};
use yolo_host::exec::Network;
use yolo_host::exec::engine::Engine;
use yolo_host::exec::train_cpu::Executor;
use yolo_host::export::onnx::{OPSETS, Options, Outputs, write};
use yolo_host::image::{Image, letterbox, to_planes};
use yolo_host::model::{Loaded, Model, ModelFiles, Spec, load};
use yolo_tests::{light_models, portable_state, registry, report, root, uniform};

/// Python with ONNX Runtime, if there is one.
fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let oracle = home.join(".cache/yolo-oracle/venv/bin/python");
    let python = std::env::var_os("YOLO_PYTHON").map_or(oracle, PathBuf::from);
    let works = Command::new(&python).args(["-c", "import onnx, onnxruntime"]).output();
    if works.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("SKIPPED: no Python with onnx and onnxruntime (YOLO_PYTHON)");
    None
}

/// Files to be run, and what came out of them.
struct Runtime {
    folder: tempfile::TempDir,
    jobs: Vec<Value>,
}

impl Runtime {
    fn new() -> Self {
        Runtime { folder: tempfile::tempdir().unwrap(), jobs: vec![] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&mut self, bytes: &[u8], images: &[f32], shape: [usize; 4]) {
        let place = self.jobs.len();
        let [file, input, output] = ["onnx", "in", "out"].map(|end| self.path(&format!("{place}.{end}")));
        std::fs::write(&file, bytes).unwrap();
        let raw: Vec<u8> = images.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(&input, raw).unwrap();
        self.jobs.push(json!({"file": file, "images": input, "shape": shape, "output": output}));
    }

    /// The outputs of every job, one after the other, and their shapes.
    fn run(&self, python: &Path) -> Vec<(Vec<f32>, Vec<Vec<usize>>)> {
        let jobs = self.path("jobs.json");
        std::fs::write(&jobs, json!(self.jobs).to_string()).unwrap();
        let script = root().join("tests/engine/onnx_runtime.py");
        let ran = Command::new(python).arg(script).arg(jobs).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let shapes = String::from_utf8(ran.stdout).unwrap();
        let shapes = shapes.lines().map(|line| serde_json::from_str(line).unwrap());
        let output = |place: usize| {
            let raw = std::fs::read(self.path(&format!("{place}.out"))).unwrap();
            raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        (0..self.jobs.len()).map(output).zip(shapes).collect()
    }
}

fn random(shape: [usize; 4]) -> Vec<f32> {
    uniform("pictures", shape.iter().product()).iter().map(|value| *value as f32).collect()
}

/// A map as this program holds it: the channels of a pixel together.
fn channels_last(map: &[f32], shape: &[usize]) -> Vec<f32> {
    let [_, channels, height, width] = *shape else { panic!("{shape:?} is no map") };
    let cells = height * width;
    let pixel =
        |image: &[f32], cell: usize| (0..channels).map(|c| image[c * cells + cell]).collect::<Vec<_>>();
    map.chunks(channels * cells).flat_map(|image| (0..cells).flat_map(|cell| pixel(image, cell))).collect()
}

/// Every light model: of a fixed size, of free ones at two other sizes and batches, and in 16 bits.
#[test]
fn every_model_runs_in_onnx_runtime() {
    let mut runtime = Runtime::new();
    let mut expected = vec![];
    for (name, model) in light_models() {
        let (state, side) = (portable_state(&model), 2 * model.detect.max_stride());
        let channels = model.spec.channels;
        let raw = Options { size: [side, side], outputs: Outputs::Raw, ..Options::default() };
        let dynamic = Options { dynamic: true, ..raw.clone() };
        let half = Options { half: true, ..raw.clone() };
        let mut reference = Executor::<f64>::new(&model.graph, &state, &model.detect.outputs).unwrap();
        for (options, shapes, most) in [
            (raw, vec![[1, channels, side, side]], 1e-4),
            (dynamic, vec![[2, channels, side, 3 * side / 2], [3, channels, 3 * side / 2, side]], 1e-4),
            (half, vec![[1, channels, side, side]], 2e-2),
        ] {
            let bytes = write(&model, state.clone(), &options).unwrap();
            assert!(bytes == write(&model, state.clone(), &options).unwrap(), "{name}: other bytes");
            for shape in shapes {
                let images = random(shape);
                let double: Vec<f64> = images.iter().map(|value| f64::from(*value)).collect();
                reference.infer(&double, shape).unwrap();
                let outputs = model.detect.outputs.iter().map(|id| reference.output(*id).unwrap());
                let outputs: Vec<_> = outputs.map(|map| (map.shape.to_vec(), map.data.to_vec())).collect();
                runtime.add(&bytes, &images, shape);
                expected.push((format!("{name}, {shape:?}, half {}", options.half), outputs, most));
            }
        }
    }
    let Some(python) = python() else { return };
    let mut failures = vec![];
    for ((name, outputs, most), (ours, shapes)) in expected.into_iter().zip(runtime.run(&python)) {
        assert_eq!(outputs.iter().map(|(shape, _)| shape.clone()).collect::<Vec<_>>(), shapes, "{name}");
        let mut rest = ours.as_slice();
        for (place, (_, exact)) in outputs.iter().enumerate() {
            let (map, after) = rest.split_at(exact.len());
            rest = after;
            let map = channels_last(map, &shapes[place]);
            let largest = exact.iter().fold(0.0f64, |most, value| most.max(value.abs()));
            let off = exact.iter().zip(&map).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
            if off.is_nan() || off > most * largest {
                failures.push(format!("{name}, output {place}: {:.1e}", off / largest));
            }
        }
        assert!(rest.is_empty());
    }
    report(failures);
}

/// The trained yolov5s on a photograph: decoded boxes within half a pixel, and the file's own suppression beside ours, in every
/// operator set.
#[test]
fn boxes_in_onnx_runtime_are_ours() {
    let Some(python) = python() else { return };
    let weights = root().join("weights/yolov5s.safetensors");
    let Loaded { model, state, .. } = load(ModelFiles::weights(&weights), &mut registry()).unwrap();
    let image = Image::read(root().join("data/images/cows.jpg")).unwrap();
    let image = letterbox(&image, (320, 320), false, true, 32).image;
    let (planes, shape) = (to_planes(&image), [1, 3, 320, 320]);

    let mut engine = Engine::new(&model.graph, state.clone(), &model.detect.outputs);
    let anchors = state.floats(model.detect.anchors).to_vec();
    let head = Head { strides: &model.detect.strides, anchors: &anchors, nc: model.detect.nc, classes: None };
    engine.run(&planes, shape).unwrap();
    let maps = Network::outputs(&engine).unwrap();
    let rows = decode(&head, &maps, 0, 0..usize::MAX, -1.0);
    let nms = NmsOptions { conf_thres: 0.05, ..NmsOptions::default() };
    let found = non_max_suppression(&rows, model.detect.nc, &nms);
    assert!(found.len() >= 3, "the photograph shows three cows");

    let mut runtime = Runtime::new();
    for opset in OPSETS {
        for dynamic in [false, true] {
            let options = Options { opset, dynamic, size: [320, 320], ..Options::default() };
            runtime.add(&write(&model, state.clone(), &options).unwrap(), &planes, shape);
        }
        let outputs = Outputs::Nms(nms.clone());
        let options = Options { opset, size: [320, 320], outputs, ..Options::default() };
        runtime.add(&write(&model, state.clone(), &options).unwrap(), &planes, shape);
    }
    for (place, (ours, shapes)) in runtime.run(&python).into_iter().enumerate() {
        if place % 3 == 2 {
            assert_eq!(shapes, [[found.len(), 6]], "file {place}");
            for (row, one) in ours.as_chunks::<6>().0.iter().zip(&found) {
                let [left, top, right, bottom, confidence, class] = *row;
                let near = |(a, b): (f32, f32)| (a - b).abs() < 0.5;
                assert!([left, top, right, bottom].into_iter().zip(one.rect).all(near), "{row:?}, {one:?}");
                assert!((confidence - one.confidence).abs() < 1e-3 && class as usize == one.class);
            }
        } else {
            assert_eq!(shapes, [[1, rows.len() / 85, 85]], "file {place}");
            for (ours, exact) in ours.as_chunks::<85>().0.iter().zip(rows.as_chunks::<85>().0) {
                assert!(ours[..4].iter().zip(exact).all(|(a, b)| (a - b).abs() < 0.5));
                assert!(ours[4..].iter().zip(&exact[4..]).all(|(a, b)| (a - b).abs() < 1e-3));
            }
        }
    }
}

fn small() -> Model {
    let spec = Spec::read(&root().join("models/yolov5n.yaml")).unwrap();
    Model::build(spec, &registry()).unwrap()
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let model = small();
    let state = portable_state(&model);
    let told = |options: Options| {
        write(&model, state.clone(), &options).map(|bytes| bytes.len()).unwrap_err().to_string()
    };
    let size = [64, 64];
    let old = told(Options { opset: 12, size, ..Options::default() });
    assert_eq!(old, "opset 12 is not written; those from 13 to 20 are");
    let nms = Outputs::Nms(NmsOptions::default());
    let many = told(Options { batch: 2, size, outputs: nms.clone(), ..Options::default() });
    assert!(many.contains("one image of a fixed size"), "{many}");
    let chosen = Outputs::Nms(NmsOptions { classes: Some(vec![0]), ..NmsOptions::default() });
    let chosen = told(Options { size, outputs: chosen, ..Options::default() });
    assert!(chosen.contains("neither chosen classes"), "{chosen}");
    assert_eq!(told(Options { size: [40, 64], ..Options::default() }), "the input does not fit the network");
}

#[test]
fn a_file_is_whole_and_replaces_no_other_kind() {
    use yolo_host::export::onnx::save;
    let model = small();
    let options = Options { size: [64, 64], ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.onnx");
    let bytes = save(&file, &model, portable_state(&model), &options).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().len(), bytes as u64);
    save(&file, &model, portable_state(&model), &options).expect("an ONNX file is replaced");
    std::fs::write(&file, "mine").unwrap();
    let error = save(&file, &model, portable_state(&model), &options).unwrap_err().to_string();
    assert!(error.ends_with("is there and is no ONNX file: it is not replaced"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
