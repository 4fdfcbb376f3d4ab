//! What the suites share: where things are, the golden files, and the weights that both languages can make.

pub mod documents;
pub mod exact;
pub mod metrics;
pub mod operations;
pub mod plugins;
pub mod quality;
pub mod reference;
pub mod runs;
pub mod runtimes;
pub mod shapes;
pub mod training;

use candle_core::Device;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use yolo_host::graph::{Param, Role};
use yolo_host::model::{Model, Spec, State};
use yolo_host::plugin::{PLUGIN_PATH, Registry};
use yolo_host::random::Stream;
use yolo_host::weights::{self, Array, Checkpoint, Data};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_path_buf()
}

/// A file beside the goldens' generator.
pub fn golden(name: &str) -> PathBuf {
    root().join("tests/goldens").join(name)
}

/// Material that is not in the repository: photographs and weights beside it. A test that needs it says so and passes.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = root().parent()?.join("shared").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: ../shared/{name} is not here");
    None
}

/// The first GPU. A test that needs it says so and passes without.
pub fn cuda() -> Option<Device> {
    let device = Device::new_cuda(0);
    if let Err(error) = &device {
        // The first line: a backtrace may follow.
        eprintln!("SKIPPED: no GPU ({})", error.to_string().lines().next().unwrap_or_default());
    }
    device.ok()
}

/// The `yolo` command as it is shipped.
pub fn yolo() -> Command {
    program("yolo-shipped")
}

/// The `yolo` command of a program that links no family.
pub fn bare_yolo() -> Command {
    program("yolo-bare")
}

fn program(name: &str) -> Command {
    let mut command = Command::new(build_folder().join(name).with_extension(std::env::consts::EXE_EXTENSION));
    command.current_dir(root()).env_remove(PLUGIN_PATH);
    command
}

/// `target/PROFILE`, where cargo puts the programs of this package before it runs a suite, `target/PROFILE/deps/SUITE`.
pub fn build_folder() -> PathBuf {
    let suite = std::env::current_exe().expect("a test has a path");
    suite.ancestors().nth(2).expect("target/PROFILE").to_path_buf()
}

/// Every model file of the repository.
pub fn models() -> Vec<PathBuf> {
    let folder = root().join("models");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("models/")
        .map(|entry| entry.expect("models/").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// Every block linked in.
pub fn registry() -> Registry {
    Registry::linked().expect("the registry is sound")
}

/// The model of a golden: its file with what the metadata changes in it.
pub fn golden_model(meta: &weights::Meta, registry: &Registry) -> Model {
    let file = meta.model.as_ref().expect("a golden names its model");
    let mut spec = Spec::read(&root().join(file)).expect(file);
    spec.nc = number(meta, "nc") as usize;
    spec.width_multiple = number(meta, "width_multiple");
    spec.depth_multiple = number(meta, "depth_multiple");
    Model::build(spec, registry).unwrap_or_else(|error| panic!("{file}: {error:?}"))
}

/// A number in a golden's metadata.
pub fn number(meta: &weights::Meta, key: &str) -> f64 {
    meta.extra.get(key).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("metadata `{key}`"))
}

/// Reads a golden in safetensors form.
pub fn read_golden(path: &Path) -> Checkpoint {
    weights::read(path)
        .unwrap_or_else(|error| panic!("{error}; see tests/goldens/README.md to make it again"))
}

/// The values of an array of floats, or of integers as floats.
pub fn floats(array: &Array) -> Vec<f32> {
    match &array.data {
        Data::F32(values) => values.clone(),
        Data::I64(values) => values.iter().map(|value| *value as f32).collect(),
    }
}

/// Uniform numbers in [0, 1) keyed by a name, as `portable.py` makes them.
pub fn uniform(key: &str, count: usize) -> Vec<f64> {
    let mut stream = Stream::keyed(key);
    (0..count).map(|_| stream.uniform()).collect()
}

/// The same as images `[batch, channels, height, width]` in single precision.
pub fn random_images(shape: [usize; 4]) -> Vec<f32> {
    uniform("pictures", shape.iter().product()).into_iter().map(|value| value as f32).collect()
}

/// The weights that `portable.py` gives a model, by name alone.
pub fn portable_state(model: &Model) -> State {
    let defaults = State::new(&model.graph, 0);
    let fill = |(i, param): (usize, &Param)| {
        let id = yolo_host::graph::ParamId(i);
        let array =
            if param.name.ends_with(".anchors") { defaults.get(id).clone() } else { portable_array(param) };
        (param.name.clone(), array)
    };
    let arrays: BTreeMap<String, Array> = model.graph.params.iter().enumerate().map(fill).collect();
    State::from_arrays(&model.graph, arrays).expect("the model's own names")
}

fn portable_array(param: &Param) -> Array {
    let shape = param.shape.clone();
    if param.role == Role::Counter {
        return Array { shape, data: Data::I64(vec![0]) };
    }
    let fan_in: usize = shape.iter().skip(1).product();
    let kind = param.name.rsplit('.').next().unwrap_or_default();
    let value = |u: f64| match kind {
        "running_var" => 0.75 + 0.5 * u,
        "weight" if shape.len() == 1 => 0.75 + 0.5 * u,
        "running_mean" | "bias" | "in_proj_bias" => 0.2 * (u - 0.5),
        _ => (2.0 * u - 1.0) * (5.0 / fan_in as f64).sqrt(),
    };
    let values = uniform(&param.name, param.len()).into_iter().map(|u| value(u) as f32).collect();
    Array { shape, data: Data::F32(values) }
}

/// Models of which every size is computed in a moment.
pub fn light_models() -> Vec<(String, Model)> {
    let registry = registry();
    let built = models().into_iter().map(|file| {
        let name = file.display().to_string();
        let model = Model::build(Spec::read(&file).expect(&name), &registry).expect(&name);
        (name, model)
    });
    built.filter(|(_, model)| model.graph.parameters(None) < 10_000_000).collect()
}

/// Fails with every failing case of a table, not only the first.
pub fn report(failures: Vec<String>) {
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}
