//! Decoded boxes and detections of exported files, beside ours.

use std::path::{Path, PathBuf};
use yolo_bundle as _;
use yolo_host::eval::{Detection, Head, NmsOptions, decode, non_max_suppression};
use yolo_host::exec::Network;
use yolo_host::exec::engine::Engine;
use yolo_host::export::onnx::{OPSETS, Outputs};
use yolo_host::export::{ncnn, onnx};
use yolo_host::image::{Image, letterbox, to_planes};
use yolo_host::model::{Loaded, Model, ModelFiles, Spec, State, load};
use yolo_tests::runtimes::{Output, Runner, Runtime, rten};
use yolo_tests::{models, portable_state, random_images, registry, report, root, shared};

/// The decoded rows of one image, `[x, y, w, h, objectness, classes …]`.
fn decoded(model: &Model, state: &State, planes: &[f32], shape: [usize; 4]) -> Vec<f32> {
    let mut engine = Engine::new(&model.graph, state.clone(), &model.detect.outputs);
    engine.run(planes, shape).unwrap();
    let anchors = state.floats(model.detect.anchors).to_vec();
    let head = Head { strides: &model.detect.strides, anchors: &anchors, nc: model.detect.nc, classes: None };
    decode(&head, &Network::outputs(&engine).unwrap(), 0, 0..usize::MAX, -1.0)
}

/// What is wrong with the only output of a file, if something is: boxes within half a pixel, the rest within a thousandth.
fn off(rows: &[f32], theirs: &Result<Vec<Output>, String>, model: &Model) -> Option<String> {
    let no = model.detect.no();
    let [(shape, theirs)] = theirs.as_ref().map_or(&[][..], Vec::as_slice) else {
        return Some(
            theirs.as_ref().map_or_else(String::clone, |outputs| format!("{} outputs", outputs.len())),
        );
    };
    if *shape != [1, rows.len() / no, no] {
        return Some(format!("shape {shape:?}"));
    }
    let most = |places: std::ops::Range<usize>| {
        let both = rows.chunks(no).zip(theirs.chunks(no));
        let off = both.flat_map(|(ours, theirs)| places.clone().map(|at| (ours[at] - theirs[at]).abs()));
        off.fold(0.0, |most: f32, off| if off.is_nan() { f32::INFINITY } else { most.max(off) })
    };
    let (boxes, rest) = (most(0..4), most(4..no));
    (boxes > 0.5 || rest > 1e-3).then(|| format!("boxes off by {boxes} pixels, the rest by {rest}"))
}

/// All runtimes that are here, and a folder for their files.
struct Runtimes {
    folder: tempfile::TempDir,
    onnx: Option<Runner>,
    ncnn: Option<Runner>,
}

impl Runtimes {
    fn start() -> Self {
        let [onnx, ncnn] = [Runtime::OnnxRuntime, Runtime::Ncnn].map(Runner::start);
        Runtimes { folder: tempfile::tempdir().unwrap(), onnx, ncnn }
    }

    /// The outputs of an ONNX file.
    fn onnx(
        &mut self,
        bytes: &[u8],
        planes: &[f32],
        shape: [usize; 4],
    ) -> Option<Result<Vec<Output>, String>> {
        let file = self.folder.path().join("model.onnx");
        std::fs::write(&file, bytes).unwrap();
        self.onnx.as_mut().map(|runner| ran(runner, &file, planes, shape))
    }

    /// The outputs of ncnn's files, which have no batch.
    fn ncnn(
        &mut self,
        files: &ncnn::Files,
        planes: &[f32],
        shape: [usize; 4],
    ) -> Option<Result<Vec<Output>, String>> {
        let file = self.folder.path().join("model.param");
        std::fs::write(&file, &files.param).unwrap();
        std::fs::write(file.with_extension("bin"), &files.bin).unwrap();
        self.ncnn.as_mut().map(|runner| ran(runner, &file, planes, shape))
    }
}

fn ran(runner: &mut Runner, file: &Path, planes: &[f32], shape: [usize; 4]) -> Result<Vec<Output>, String> {
    runner.load(file, 2)?;
    runner.run(planes, shape).map(<[Output]>::to_vec)
}

/// Every model with seeded weights, of a size whose height is not its width; one more with free sizes.
#[test]
fn every_models_boxes_are_ours() {
    let (registry, mut runtimes) = (registry(), Runtimes::start());
    let mut failures = vec![];
    for path in models() {
        let name = path.file_stem().expect("a model has a name").to_string_lossy();
        let model = Model::build(Spec::read(&path).expect(&name), &registry).expect(&name);
        let heavy = model.graph.parameters(None) >= 10_000_000;
        if heavy && runtimes.onnx.is_none() && runtimes.ncnn.is_none() {
            continue;
        }
        let (state, stride) = (portable_state(&model), model.detect.max_stride());
        let size = [stride, 2 * stride];
        let shape = [1, model.spec.channels, size[0], size[1]];
        let planes = random_images(shape);
        let rows = decoded(&model, &state, &planes, shape);
        let mut check = |what: &str, theirs: Option<Result<Vec<Output>, String>>| {
            let why = theirs.and_then(|theirs| off(&rows, &theirs, &model));
            failures.extend(why.map(|why| format!("{name}, {what}: {why}")));
        };
        for dynamic in [false, true].into_iter().take(if heavy { 1 } else { 2 }) {
            let options = onnx::Options { size, dynamic, ..onnx::Options::default() };
            let bytes = onnx::write(&model, state.clone(), &options).unwrap();
            // rten is no release build here.
            let own = (!heavy).then(|| rten(bytes.clone(), &planes, shape));
            check(&format!("rten, dynamic {dynamic}"), own);
            check(&format!("ONNX Runtime, dynamic {dynamic}"), runtimes.onnx(&bytes, &planes, shape));
        }
        let options = ncnn::Options { size, ..ncnn::Options::default() };
        check("ncnn", runtimes.ncnn(&ncnn::write(&model, state, &options).unwrap(), &planes, shape));
    }
    report(failures);
}

/// A trained file's model, its values, and a photograph as it goes in.
fn photograph(weights: &Path, photograph: &Path, [height, width]: [usize; 2]) -> (Model, State, Vec<f32>) {
    let Loaded { model, state, .. } = load(ModelFiles::weights(weights), &mut registry()).unwrap();
    let image = Image::read(photograph).unwrap();
    let image = letterbox(&image, (height, width), false, true, 32).image;
    (model, state, to_planes(&image))
}

/// Suppression in the file is ours, in every operator set; so are boxes.
#[test]
fn every_operator_set_suppresses_as_we_do() {
    let (weights, cows) = (root().join("weights/yolov5s.safetensors"), root().join("data/images/cows.jpg"));
    let (size, shape) = ([320, 320], [1, 3, 320, 320]);
    let (model, state, planes) = photograph(&weights, &cows, size);
    let rows = decoded(&model, &state, &planes, shape);
    let nms = NmsOptions { conf_thres: 0.05, ..NmsOptions::default() };
    let found = non_max_suppression(&rows, model.detect.nc, &nms);
    assert!(found.len() >= 3, "the photograph shows three cows");

    let mut runtimes = Runtimes::start();
    let ways = [(false, Outputs::Decoded), (true, Outputs::Decoded), (false, Outputs::Nms(nms))];
    let mut failures = vec![];
    for (opset, (dynamic, outputs)) in OPSETS.flat_map(|opset| ways.iter().map(move |way| (opset, way))) {
        let suppressed = matches!(outputs, Outputs::Nms(_));
        let outputs = outputs.clone();
        let options = onnx::Options { opset, dynamic: *dynamic, size, outputs, ..onnx::Options::default() };
        let bytes = onnx::write(&model, state.clone(), &options).unwrap();
        // rten follows the newest operator set in what others say otherwise.
        let own = (opset >= 17).then(|| rten(bytes.clone(), &planes, shape));
        for theirs in own.into_iter().chain(runtimes.onnx(&bytes, &planes, shape)) {
            let why = match (suppressed, &theirs) {
                (true, Ok(outputs)) => pairs(&found, &rows_of(&outputs[0])),
                _ => off(&rows, &theirs, &model),
            };
            failures.extend(why.map(|why| format!("opset {opset}, suppressed {suppressed}: {why}")));
        }
    }
    report(failures);
}

/// Rows `[left, top, right, bottom, confidence, class]`.
fn rows_of((_, values): &Output) -> Vec<Detection> {
    let rows = values.as_chunks::<6>().0.iter();
    rows.map(|[left, top, right, bottom, confidence, class]| Detection {
        rect: [*left, *top, *right, *bottom],
        confidence: *confidence,
        class: *class as usize,
    })
    .collect()
}

/// Every trained file gives the same detections in other runtimes: of the same class, an IoU of 0.99 at least.
#[test]
fn trained_files_give_the_same_detections() {
    let mut runtimes = Runtimes::start();
    let cells: Vec<PathBuf> =
        (0..4).filter_map(|i| shared(&format!("data/bccd/JPEGImages/BloodImage_0000{i}.jpg"))).collect();
    let own = |name: &str| root().join(format!("data/images/{name}.jpg"));
    let (mut failures, mut compared) = (vec![], 0);
    for entry in std::fs::read_dir(root().join("weights")).unwrap() {
        let weights = entry.unwrap().path();
        if weights.extension().is_none_or(|extension| extension != "safetensors") {
            continue;
        }
        let name = weights.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let photographs = if name.starts_with("bccd") && !cells.is_empty() {
            cells.clone()
        } else {
            ["cows", "giraffes", "sheep"].map(own).to_vec()
        };
        for (place, file) in photographs.into_iter().enumerate() {
            let (size, shape) = ([320, 320], [1, 3, 320, 320]);
            let (model, state, planes) = photograph(&weights, &file, size);
            let nms = NmsOptions::default();
            let found = non_max_suppression(&decoded(&model, &state, &planes, shape), model.detect.nc, &nms);
            compared += found.len();
            let bytes =
                onnx::write(&model, state.clone(), &onnx::Options { size, ..onnx::Options::default() })
                    .unwrap();
            let files =
                ncnn::write(&model, state, &ncnn::Options { size, ..ncnn::Options::default() }).unwrap();
            let others = [
                ("rten", (place == 0).then(|| rten(bytes.clone(), &planes, shape))),
                ("ONNX Runtime", runtimes.onnx(&bytes, &planes, shape)),
                ("ncnn", runtimes.ncnn(&files, &planes, shape)),
            ];
            for (runtime, theirs) in others {
                let why = match theirs {
                    None => None,
                    Some(Err(error)) => Some(error),
                    Some(Ok(outputs)) => {
                        pairs(&found, &non_max_suppression(&outputs[0].1, model.detect.nc, &nms))
                    }
                };
                let file = file.file_name().expect("a photograph has a name").to_string_lossy();
                failures.extend(why.map(|why| format!("{name}, {file}, {runtime}: {why}")));
            }
        }
    }
    report(failures);
    assert!(compared > 20, "the photographs show something: {compared}");
}

/// What is wrong, if detections are not the same, best first.
fn pairs(ours: &[Detection], theirs: &[Detection]) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("{} detections, not {}", theirs.len(), ours.len()));
    }
    let same = |(a, b): &(&Detection, &Detection)| {
        a.class == b.class && (a.confidence - b.confidence).abs() < 1e-3 && iou(a.rect, b.rect) >= 0.99
    };
    let differing = ours.iter().zip(theirs).find(|both| !same(both));
    differing.map(|(ours, theirs)| format!("{theirs:?}, not {ours:?}"))
}

fn iou(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area = |[left, top, right, bottom]: [f32; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    shared / (area(a) + area(b) - shared)
}
