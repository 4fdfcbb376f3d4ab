//! Models as ONNX files, against the network in double precision: in rten wherever the suite runs, in ONNX Runtime and OpenVINO
//! where they are installed.

use yolo_bundle as _;
use yolo_host::eval::NmsOptions;
use yolo_host::export::onnx::{Options, Outputs, save, write};
use yolo_host::model::{Model, Spec};
use yolo_tests::runtimes::{Output, Runner, Runtime, difference, rten};
use yolo_tests::{exact, models, plugins, portable_state, random_images, registry, report, root};

/// A way to write a model, the shapes of images that it is tried with, and the largest difference as a share of the largest number.
type Case = (&'static str, Options, Vec<[usize; 4]>, f64);

fn cases(model: &Model) -> [Case; 3] {
    let (channels, side) = (model.spec.channels, 2 * model.detect.max_stride());
    let fixed = Options { size: [side, side], outputs: Outputs::Raw, ..Options::default() };
    let dynamic = Options { dynamic: true, ..fixed.clone() };
    let half = Options { half: true, ..fixed.clone() };
    let one = [1, channels, side, side];
    let others = vec![[2, channels, side, 3 * side / 2], [3, channels, 3 * side / 2, side]];
    [("fixed", fixed, vec![one], 1e-4), ("dynamic", dynamic, others, 1e-4), ("half", half, vec![one], 2e-2)]
}

/// What runs files: rten, and the runtimes of Python that are installed.
struct Runtimes {
    folder: tempfile::TempDir,
    runners: Vec<Runner>,
}

impl Runtimes {
    fn start() -> Self {
        let runners = [Runtime::OnnxRuntime, Runtime::OpenVino].into_iter().filter_map(Runner::start);
        Runtimes { folder: tempfile::tempdir().unwrap(), runners: runners.collect() }
    }

    /// What is wrong with a model's files.
    fn check(&mut self, name: &str, model: &Model, cases: &[Case]) -> Vec<String> {
        let (state, heavy) = (portable_state(model), model.graph.parameters(None) >= 10_000_000);
        let mut failures = vec![];
        for (what, options, shapes, most) in cases {
            let bytes = write(model, state.clone(), options).unwrap();
            assert!(bytes == write(model, state.clone(), options).unwrap(), "{name}: other bytes");
            for shape in shapes {
                let images = random_images(*shape);
                let exact = exact::run(&model.graph, &state, &images, *shape, &model.detect.outputs).unwrap();
                for (runtime, theirs) in self.run(&bytes, &images, *shape, !options.half && !heavy) {
                    let failure = match theirs {
                        Ok(theirs) => difference(&exact, &theirs, *most),
                        Err(error) => Some(error),
                    };
                    failures
                        .extend(failure.map(|why| format!("{name}, {what}, {shape:?}, {runtime}: {why}")));
                }
            }
        }
        failures
    }

    /// The outputs of a file in every runtime; rten's convolutions take 32 bits only.
    fn run(
        &mut self,
        bytes: &[u8],
        images: &[f32],
        shape: [usize; 4],
        own: bool,
    ) -> Vec<(&'static str, Result<Vec<Output>, String>)> {
        let file = self.folder.path().join("model.onnx");
        std::fs::write(&file, bytes).unwrap();
        let own = own.then(|| ("rten", rten(bytes.to_vec(), images, shape)));
        let others = self.runners.iter_mut().map(|runner| {
            let mut run = || {
                runner.load(&file, 2)?;
                runner.run(images, shape).map(<[Output]>::to_vec)
            };
            let outputs = run();
            (runner.name(), outputs)
        });
        own.into_iter().chain(others).collect()
    }
}

#[test]
fn every_model_runs_in_other_runtimes() {
    let (registry, mut runtimes) = (registry(), Runtimes::start());
    let mut failures = vec![];
    for path in models() {
        let name = path.file_stem().expect("a model has a name").to_string_lossy();
        let model = Model::build(Spec::read(&path).expect(&name), &registry).expect(&name);
        let mut cases = cases(&model).to_vec();
        if model.graph.parameters(None) >= 10_000_000 {
            // The plain loops take their time, and so does rten, which is no release build here.
            if runtimes.runners.is_empty() {
                continue;
            }
            cases.truncate(1);
            let side = model.detect.max_stride();
            cases[0].1.size = [side; 2];
            cases[0].2 = vec![[1, model.spec.channels, side, side]];
        }
        failures.extend(runtimes.check(&name, &model, &cases));
    }
    report(failures);
}

/// Blocks of libraries: the example in C, and the one in Rust, whose activation is an operation of its own that ONNX has since
/// opset 20.
#[test]
fn blocks_of_libraries_run_in_other_runtimes() {
    let mut libraries = vec![("fasternet", plugins::example_in_rust("fasternet", false), 20)];
    let folder = tempfile::tempdir().unwrap();
    if plugins::is_installed("cc") {
        let source = root().join("plugins/examples/pplcnet/pplcnet.c");
        libraries.push(("pplcnet", plugins::compile("cc", &source, folder.path(), &[]), 13));
    }
    let (mut runtimes, mut failures) = (Runtimes::start(), vec![]);
    for (name, library, needed) in libraries {
        let mut registry = registry();
        registry.load(&library).unwrap();
        let examples = root().join("plugins/examples").join(name);
        let mut file = std::fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().path());
        let file = file.find(|path| path.extension().is_some_and(|end| end == "yaml")).expect("a model");
        let model = Model::build(Spec::read(&file).unwrap(), &registry).unwrap();
        let mut cases = cases(&model)[..2].to_vec();
        cases.iter_mut().for_each(|(_, options, ..)| options.opset = needed);
        failures.extend(runtimes.check(name, &model, &cases));
        if needed > 13 {
            let old = Options { opset: needed - 1, ..cases[0].1.clone() };
            let error = write(&model, portable_state(&model), &old).map(|bytes| bytes.len()).unwrap_err();
            assert!(error.to_string().contains("needs opset 20 or newer, not 19"), "{error}");
        }
    }
    report(failures);
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
