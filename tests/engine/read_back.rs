//! Exported networks read back: our own ONNX files, and where the oracle is, those that PyTorch and pnnx made of weights that are
//! there, too. The raw maps are those of the weights.

use std::error::Error;
use std::path::{Path, PathBuf};
use yolo_bundle as _;
use yolo_host::exec::engine::Engine;
use yolo_host::export::onnx::{Options, Outputs, write};
use yolo_host::model::{Loaded, Model, ModelFiles, Spec, State, load};
use yolo_host::weights::{self, Checkpoint};
use yolo_tests::{light_models, portable_state, registry, report, root, uniform};

/// The share of the largest value by which raw maps may differ.
const MOST: f32 = 1e-4;

/// All raw maps of a model with values, for one random image.
fn maps(model: &Model, state: State) -> Vec<Vec<f32>> {
    let side = 2 * model.detect.max_stride();
    let shape = [1, model.spec.channels, side, side];
    let images: Vec<f32> =
        uniform("read back", shape.iter().product()).into_iter().map(|x| x as f32).collect();
    let mut engine = Engine::new(&model.graph, state, &model.detect.outputs);
    engine.run(&images, shape).unwrap();
    let places = 0..model.detect.outputs.len();
    places.map(|place| engine.output(place).unwrap().data.to_vec()).collect()
}

/// What is wrong with maps, if anything is.
fn differ(name: &str, want: &[Vec<f32>], got: &[Vec<f32>]) -> Option<String> {
    let far = |(want, got): (&Vec<f32>, &Vec<f32>)| {
        let largest = want.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let off = want.iter().zip(got).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        if off.is_nan() || want.len() != got.len() { f32::INFINITY } else { off / largest }
    };
    let off = want.iter().zip(got).map(far).fold(0.0, f32::max);
    eprintln!("{name}: {off:.1e}");
    (want.len() != got.len() || off > MOST).then(|| format!("{name}: {off:.1e}"))
}

fn read(weights: &Path, cfg: &Path) -> Result<(Loaded, Vec<String>), String> {
    let mut registry = registry();
    let loaded = load(ModelFiles { weights: Some(weights), cfg: Some(cfg) }, &mut registry);
    let loaded = loaded.map_err(|error| {
        format!("{error}: {}", error.source().map_or(String::new(), |source| source.to_string()))
    })?;
    Ok((loaded, registry.take_notes()))
}

/// By names, and without them.
#[test]
fn our_own_onnx_files_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.onnx");
    let mut failures = vec![];
    for (name, model) in light_models() {
        let side = 2 * model.detect.max_stride();
        let state = portable_state(&model);
        let want = maps(&model, state.clone());
        let options = Options { size: [side, side], outputs: Outputs::Raw, ..Options::default() };
        for outputs in [Outputs::Raw, Outputs::Decoded] {
            let options = Options { outputs, ..options.clone() };
            std::fs::write(&file, write(&model, state.clone(), &options).unwrap()).unwrap();
            match read(&file, Path::new(&model.spec.file)) {
                Ok((loaded, _)) => failures.extend(differ(&name, &want, &maps(&loaded.model, loaded.state))),
                Err(error) => failures.push(format!("{name}: {error}")),
            }
        }
    }
    report(failures);
}

/// The oracle's files, if there are any.
fn oracle(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let folder = std::env::var_os("ORACLE_HOME").map_or(home.join(".cache/yolo-oracle"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: the oracle's {name} is not here");
    None
}

/// Networks that `torch.onnx` and pnnx wrote, beside the weights that they were made of, with batch norm.
#[test]
fn exports_of_pytorch_and_pnnx_have_the_weights_values() {
    let folder = tempfile::tempdir().unwrap();
    let mut failures = vec![];
    for (name, model) in [
        ("yolov5n", "yolov5n"),
        ("yolov5s", "yolov5s"),
        ("shufflenetv2", "yolov5-shufflenetv2"),
        ("mobilenetv3-small", "yolov5-mobilenetv3-small"),
        ("ghost", "yolov5s-ghost"),
    ] {
        let Some(weights) = oracle(&format!("weights/{name}.safetensors")) else { continue };
        let read_weights: Checkpoint = weights::read(&weights).unwrap();
        let nc = read_weights.meta.extra["nc"].parse().unwrap();
        let spec =
            Spec::read(&root().join(format!("models/{model}.yaml"))).unwrap().with_classes(nc).unwrap();
        let cfg = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&cfg, &spec.text).unwrap();
        let model = Model::build(spec, &registry()).unwrap();
        let state = State::from_arrays(&model.graph, read_weights.arrays).unwrap();
        let want = maps(&model, state);
        let stem = name.replace('-', "_");
        for kind in ["raw", "dec"] {
            for file in [format!("onnx/{name}.{kind}.onnx"), format!("ncnn/{stem}.{kind}.ncnn.param")] {
                let Some(path) = oracle(&file) else { continue };
                match read(&path, &cfg) {
                    Ok((loaded, notes)) => {
                        eprintln!("{notes:?}");
                        failures.extend(differ(&file, &want, &maps(&loaded.model, loaded.state)));
                    }
                    Err(error) => failures.push(format!("{file}: {error}")),
                }
            }
        }
    }
    report(failures);
}
