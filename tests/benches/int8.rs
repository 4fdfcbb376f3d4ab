//! What int8 costs in mAP: the engine's, and files of `yolo export --int8` in ONNX Runtime, beside f32. On COCO128 (the images of
//! the training) and on BCCD's part `test`, whose weights are in this repository; the datasets are expected in ../shared/data.
//!
//!     cargo bench -p yolo-tests --bench int8 -- [WEIGHTS …]

use yolo_bundle as _;
use yolo_host::data::SplitName;
use yolo_host::exec::Precision;
use yolo_host::exec::engine::Engine;
use yolo_host::export::onnx::{self, Int8, Options, Outputs, Runtime};
use yolo_tests::quality::{Labelled, weights};
use yolo_tests::runtimes::{self, Runner};

/// Photographs that calibrate, as in `yolo`.
const PHOTOGRAPHS: usize = 64;

const ALL: [&str; 6] =
    ["yolov5s", "bccd-yolov5n", "bccd-yolov5s", "bccd-shufflenetv2", "bccd-mobilenetv3-small", "bccd-ghost"];

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let names = if given.is_empty() { ALL.map(String::from).to_vec() } else { given };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("int8.onnx");
    let (Some(mut runner), Some(coco), Some(bccd)) = (
        Runner::start(runtimes::Runtime::OnnxRuntime),
        Labelled::find("coco128", SplitName::Val),
        Labelled::find("bccd", SplitName::Test),
    ) else {
        return;
    };
    println!("| weights | f32 | int8 of the engine | file for ONNX Runtime | for OpenVINO | for TensorRT |");
    println!("|---|--:|--:|--:|--:|--:|");
    for name in names {
        let (model, state, side) = weights(&name);
        let data = if name.starts_with("bccd") { &bccd } else { &coco };
        let (ranges, tensors) = data.ranges(&model, &state, side, PHOTOGRAPHS);
        let mut row = format!("| `{name}` |");
        let mut add = |[map50, map]: [f64; 2]| row += &format!(" {map50:.4} / {map:.4} |");
        for precision in [Precision::F32, Precision::Int8] {
            let wanted = &model.detect.outputs;
            let engine = Engine::with_precision(&model.graph, state.clone(), wanted, precision, &ranges);
            add(data.map(&mut engine.unwrap(), &model, &state, side));
        }
        for runtime in Runtime::ALL {
            let int8 = Some(Int8 { ranges: tensors.clone(), runtime });
            let options = Options { int8, dynamic: true, outputs: Outputs::Raw, ..Options::default() };
            onnx::save(&file, &model, state.clone(), &options).unwrap();
            runner.load(&file, 2).unwrap();
            add(data.map(&mut runner, &model, &state, side));
        }
        println!("{row}");
    }
}
