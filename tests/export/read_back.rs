//! Exported networks read back: our own ONNX files, and where the oracle is, those that PyTorch and pnnx made of weights that are
//! there, too. The raw maps are those of the weights.

use std::error::Error;
use std::path::{Path, PathBuf};
use yolo_bundle as _;
use yolo_host::exec::engine::Engine;
use yolo_host::export::ncnn;
use yolo_host::export::onnx::{Options, Outputs, write};
use yolo_host::model::{Loaded, Model, ModelFiles, Spec, State, load};
use yolo_host::weights::{self, Checkpoint};
use yolo_tests::{floats, light_models, portable_state, registry, report, root, uniform};

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

/// The largest difference of maps, as a share of the largest value.
fn off(want: &[Vec<f32>], got: &[Vec<f32>]) -> f32 {
    let far = |(want, got): (&Vec<f32>, &Vec<f32>)| {
        let largest = want.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let off = want.iter().zip(got).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        if off.is_nan() || want.len() != got.len() { f32::INFINITY } else { off / largest }
    };
    if want.len() == got.len() { want.iter().zip(got).map(far).fold(0.0, f32::max) } else { f32::INFINITY }
}

/// What is wrong with maps, if anything is.
fn differ(name: &str, want: &[Vec<f32>], got: &[Vec<f32>]) -> Option<String> {
    let off = off(want, got);
    (off > MOST).then(|| format!("{name}: {off:.1e}"))
}

fn read(weights: &Path, cfg: &Path) -> Result<(Loaded, Vec<String>), String> {
    let mut registry = registry();
    let loaded = load(ModelFiles { weights: Some(weights), cfg: Some(cfg) }, &mut registry);
    let loaded = loaded.map_err(|error| {
        format!("{error}: {}", error.source().map_or(String::new(), |source| source.to_string()))
    })?;
    Ok((loaded, registry.take_notes()))
}

/// Gives all tensors other names of the same length.
fn unname(bytes: &mut [u8]) {
    let (name, other) = (b"model.", b"onnx::");
    for start in 0..bytes.len() - name.len() {
        if bytes[start..].starts_with(name) {
            bytes[start..][..name.len()].copy_from_slice(other);
        }
    }
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
        for (outputs, named) in [(Outputs::Raw, true), (Outputs::Decoded, true), (Outputs::Decoded, false)] {
            let options = Options { outputs, ..options.clone() };
            let mut bytes = write(&model, state.clone(), &options).unwrap();
            // The transformer's projection has no layer of its own: it can only be found by its name.
            if !named && !name.contains("transformer") {
                unname(&mut bytes);
            }
            std::fs::write(&file, bytes).unwrap();
            match read(&file, Path::new(&model.spec.file)) {
                Ok((loaded, _)) => failures.extend(differ(&name, &want, &maps(&loaded.model, loaded.state))),
                Err(error) => failures.push(format!("{name}: {error}")),
            }
        }
    }
    report(failures);
}

/// By names, where `.param` has those of our modules; with weights of 16 bits those are what comes back.
#[test]
fn our_own_ncnn_files_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.ncnn.param");
    let mut failures = vec![];
    for (name, model) in light_models() {
        let side = 2 * model.detect.max_stride();
        let state = portable_state(&model);
        let want = maps(&model, state.clone());
        // The transformer's projection is data of its own there, cut into parts.
        let whole = !name.contains("transformer");
        for (raw, half, most) in [(true, false, MOST), (false, false, MOST), (false, true, 2e-2)] {
            let options = ncnn::Options { size: [side, side], raw, half, names: None };
            ncnn::save(&file, &model, state.clone(), &options).unwrap();
            match read(&file, Path::new(&model.spec.file)) {
                Ok((loaded, _)) => {
                    let off = off(&want, &maps(&loaded.model, loaded.state));
                    failures.extend((off > most).then(|| format!("{name}: {off:.1e}")));
                }
                Err(error) if whole => failures.push(format!("{name}: {error}")),
                Err(_) => {}
            }
        }
    }
    report(failures);
}

/// Of another number of classes than the model file, which is the file's then.
#[test]
fn the_classes_are_those_of_the_file() {
    let weights = root().join("weights/bccd-ghost.safetensors");
    let Loaded { model, state, meta } = load(ModelFiles::weights(&weights), &mut registry()).unwrap();
    let want = maps(&model, state.clone());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.ncnn.param");
    let options = ncnn::Options { names: meta.names.clone(), ..ncnn::Options::default() };
    ncnn::save(&file, &model, state, &options).unwrap();
    let (back, notes) = read(&file, Path::new("yolov5s-ghost")).unwrap();
    assert_eq!((back.model.spec.nc, back.meta.names), (3, meta.names));
    assert!(notes.iter().any(|note| note.contains("finds 3 classes, where yolov5s-ghost.yaml")), "{notes:?}");
    report(differ("ghost", &want, &maps(&back.model, back.state)).into_iter().collect());
}

/// Class names as Python's literals, whatever is in them.
#[test]
fn odd_class_names_come_back() {
    let spec = Spec::read(&root().join("models/yolov5n.yaml")).unwrap().with_classes(4).unwrap();
    let model = Model::build(spec, &registry()).unwrap();
    let names = ["it's", "a\\b\n\r\t", "\u{1}\u{7f}", "猫 \"x\""].map(String::from).to_vec();
    let options = Options { size: [64, 64], names: Some(names.clone()), ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.onnx");
    let bytes = write(&model, portable_state(&model), &options).unwrap();
    let python = br"{0: 'it\'s', 1: 'a\\b\n\x0d\x09', 2: '\x01\x7f'";
    assert!(bytes.windows(python.len()).any(|window| window == python));
    std::fs::write(&file, bytes).unwrap();
    let back = load(ModelFiles::weights(&file), &mut registry()).unwrap();
    assert_eq!(back.meta.names, Some(names));
}

/// An ONNX file of ours says what it is: no model's file is needed, and trained anchors come back.
#[test]
fn our_own_onnx_files_carry_their_model() {
    let weights = root().join("weights/bccd-ghost.safetensors");
    let Loaded { model, state, meta } = load(ModelFiles::weights(&weights), &mut registry()).unwrap();
    let (want, anchors) = (maps(&model, state.clone()), state.floats(model.detect.anchors).to_vec());
    let options = Options { size: [320, 256], names: meta.names.clone(), ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.onnx");
    std::fs::write(&file, write(&model, state, &options).unwrap()).unwrap();
    let back = load(ModelFiles::weights(&file), &mut registry()).unwrap();
    assert_eq!((back.meta.names, back.meta.imgsz), (meta.names, Some(320)));
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * a.abs();
    assert!(anchors.iter().zip(back.state.floats(back.model.detect.anchors)).all(near));
    report(differ("ghost", &want, &maps(&back.model, back.state)).into_iter().collect());
}

/// Class names lie beside ncnn's files, and the size of the images is in them where boxes are decoded.
#[test]
fn our_own_ncnn_files_carry_names_and_size() {
    let weights = root().join("weights/bccd-ghost.safetensors");
    let Loaded { model, state, meta } = load(ModelFiles::weights(&weights), &mut registry()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [file, names, cfg] = ["w.ncnn.param", "w.ncnn.names", "w.yaml"].map(|name| folder.path().join(name));
    std::fs::write(&cfg, &model.spec.text).unwrap();
    for (raw, imgsz) in [(true, None), (false, Some(320))] {
        let options = ncnn::Options { size: [256, 320], raw, half: false, names: meta.names.clone() };
        ncnn::save(&file, &model, state.clone(), &options).unwrap();
        let back = read(&file, &cfg).unwrap().0.meta;
        assert_eq!((&back.names, back.imgsz), (&meta.names, imgsz));
    }
    let noted = |part: &str| {
        let (loaded, notes) = read(&file, &cfg).unwrap();
        assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
        loaded.meta.names
    };
    for (text, have) in
        [("a\n", "1 class name"), ("a\r\nb\r\nc\r\nd\r\n", "4 class names"), ("", "0 class names")]
    {
        std::fs::write(&names, text).unwrap();
        noted(&format!("w.ncnn.param: has {have}, but the model finds 3 classes: they are not used"));
    }
    std::fs::write(&names, b"a\nb\xe9\nc\n").unwrap();
    assert_eq!(noted("w.ncnn.param: its class names are left out: "), None);
    assert_eq!(noted("w.ncnn.names', line 2: not UTF-8 (byte 0xE9); save the file as UTF-8"), None);
    std::fs::remove_file(&names).unwrap();
    let (loaded, notes) = read(&file, &cfg).unwrap();
    assert!(loaded.meta.names.is_none() && notes.len() == 1, "{notes:?}");
    std::fs::create_dir(&names).unwrap();
    assert_eq!(noted("its class names are left out: cannot read '"), None);
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
                        let how = if file.ends_with(".onnx") { "names" } else { "sizes and connections" };
                        assert!(notes.iter().any(|note| note.contains(how)), "{file}: {notes:?}");
                        failures.extend(differ(&file, &want, &maps(&loaded.model, loaded.state)));
                    }
                    Err(error) => failures.push(format!("{file}: {error}")),
                }
            }
        }
    }
    report(failures);
}

/// A model that is small enough to be written by hand, with C3's branches of equal shape.
const YAML: &str = "nc: 2
depth_multiple: 1.0
width_multiple: 1.0
anchors: [[10, 13, 16, 30]]
backbone: [[-1, 1, Conv, [8, 3, 2]], [-1, 1, C3, [8]]]
head: [[[1], 1, Detect, [nc, anchors]]]
";

/// As pnnx writes it, but for the branch `cv2`, which comes first.
const PARAM: &str = "7767517
18 20
Input        in0    0 1 in0
Convolution  conv_0 1 1 in0 a 0=8 1=3 11=3 12=1 13=2 14=1 2=1 3=2 4=1 5=1 6=216
Swish        silu_0 1 1 a b
Split        split0 1 2 b c d
Convolution  conv_1 1 1 c e 0=4 1=1 5=1 6=32
Swish        silu_1 1 1 e f
Convolution  conv_2 1 1 d g 0=4 1=1 5=1 6=32
Swish        silu_2 1 1 g h
Split        split1 1 2 h i j
Convolution  conv_3 1 1 i k 0=4 1=1 5=1 6=16
Swish        silu_3 1 1 k l
Convolution  conv_4 1 1 l m 0=4 1=3 4=1 5=1 6=144 9=0
Swish        silu_4 1 1 m n
BinaryOp     add_0  2 1 j n o 0=0
Concat       cat_0  2 1 o f p 0=0
Convolution  conv_5 1 1 p q 0=8 1=1 5=1 6=64
Swish        silu_5 1 1 q r
Convolution  conv_6 1 1 r out0 0=14 1=1 5=1 6=112
";

/// The modules in the order of the file.
const MODULES: [&str; 7] = [
    "model.0.conv",
    "model.1.cv2.conv",
    "model.1.cv1.conv",
    "model.1.m.0.cv1.conv",
    "model.1.m.0.cv2.conv",
    "model.1.cv3.conv",
    "model.2.m.0",
];

/// The weights of the model, batch norm folded, as 32- or 16-bit floats behind a tag.
fn bin(model: &Model, state: &State, half: bool) -> Vec<u8> {
    let arrays = state.to_arrays(&model.graph);
    let of = |name: String| arrays.get(&name).map(floats);
    let mut bytes = vec![];
    for module in MODULES {
        let mut weight = of(format!("{module}.weight")).unwrap();
        let bias = of(format!("{module}.bias")).unwrap_or_else(|| {
            let bn = module.replace(".conv", ".bn");
            let [gamma, beta, mean, var] = ["weight", "bias", "running_mean", "running_var"]
                .map(|name| of(format!("{bn}.{name}")).unwrap());
            let size = weight.len() / gamma.len();
            let scale = |channel: usize| gamma[channel] / (var[channel] + 1e-3).sqrt();
            weight.iter_mut().enumerate().for_each(|(place, value)| *value *= scale(place / size));
            (0..gamma.len()).map(|channel| beta[channel] - mean[channel] * scale(channel)).collect()
        });
        let tag = if half { 0x0130_6B47u32 } else { 0 };
        bytes.extend(tag.to_le_bytes());
        match half {
            true => {
                bytes.extend(weight.iter().flat_map(|value| f16_bits(*value).to_le_bytes()));
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
            false => bytes.extend(weight.iter().flat_map(|value| value.to_le_bytes())),
        }
        bytes.extend(bias.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

/// A float of usual size as one of 16 bits, cut off.
fn f16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let exponent = ((bits >> 23) & 255) as i32 - 127 + 15;
    let sign = (bits >> 16) as u16 & 0x8000;
    if exponent <= 0 { sign } else { sign | (exponent as u16) << 10 | (bits >> 13) as u16 & 0x3ff }
}

#[test]
fn an_ncnn_model_comes_back_by_what_reads_what() {
    let folder = tempfile::tempdir().unwrap();
    let [param, weights, cfg] = ["m.ncnn.param", "m.ncnn.bin", "m.yaml"].map(|name| folder.path().join(name));
    std::fs::write(&cfg, YAML).unwrap();
    let model = Model::build(Spec::read(&cfg).unwrap(), &registry()).unwrap();
    let state = portable_state(&model);
    let want = maps(&model, state.clone());
    std::fs::write(&param, PARAM).unwrap();
    for (half, most) in [(false, MOST), (true, 1e-2)] {
        std::fs::write(&weights, bin(&model, &state, half)).unwrap();
        for given in [&param, &weights] {
            let (loaded, notes) = read(given, &cfg).unwrap();
            let off = off(&want, &maps(&loaded.model, loaded.state));
            assert!(off < most, "half {half}: {off:.1e}");
            let want = "7 layers with weights were found by their sizes and connections; 6 batch norms";
            assert!(notes[0].contains(want) && notes[0].contains("has no anchors"), "{notes:?}");
        }
    }
    std::fs::write(&weights, bin(&model, &state, false)).unwrap();
    for (from, to, want) in [
        ("cat_0  2 1 o f p", "cat_0  2 1 f o p", "are connected otherwise, first about model.1."),
        (
            "0=4 1=3 4=1 5=1 6=144",
            "0=4 1=1 11=9 4=1 5=1 6=144",
            "the model has model.1.m.0.cv2.conv (4×4×3×3), for which the file",
        ),
        (
            "1=3 11=3 12=1 13=2",
            "1=3 11=3 12=1 13=1",
            "(8×3×3×3, stride 2), for which the file has nothing left; the file has Convolution `conv_0` in line 4 (8×3×3×3, stride 1×2)",
        ),
    ] {
        std::fs::write(&param, PARAM.replace(from, to)).unwrap();
        let told = read(&param, &cfg).map(|_| ()).unwrap_err();
        assert!(told.contains(want), "{want}: {told}");
    }
    std::fs::write(&param, PARAM).unwrap();
    std::fs::write(&cfg, YAML.replace("nc: 2", "nc: 5")).unwrap();
    let (back, notes) = read(&param, &cfg).unwrap();
    assert!(
        back.model.spec.nc == 2 && notes.iter().any(|note| note.contains("finds 2 classes")),
        "{notes:?}"
    );
}

/// Whatever an activation is written as in our own files.
#[test]
fn activations_are_taken_from_our_own_files() {
    let folder = tempfile::tempdir().unwrap();
    let [file, cfg] = ["m.onnx", "m.yaml"].map(|name| folder.path().join(name));
    std::fs::write(&cfg, YAML).unwrap();
    for act in [
        "nn.ReLU()",
        "nn.ReLU6()",
        "nn.LeakyReLU(0.2)",
        "nn.Hardswish()",
        "nn.Mish()",
        "nn.Tanh()",
        "nn.Identity()",
    ] {
        let spec = Spec::parse(&format!("{YAML}activation: {act}\n"), "m.yaml").unwrap();
        let model = Model::build(spec, &registry()).unwrap();
        for (opset, half) in [(13, false), (20, true)] {
            let options = Options { opset, half, size: [64, 64], ..Options::default() };
            std::fs::write(&file, write(&model, portable_state(&model), &options).unwrap()).unwrap();
            let (loaded, notes) = read(&file, &cfg).unwrap();
            assert_eq!(
                loaded.model.spec.activation, model.spec.activation,
                "{act}, opset {opset}: {notes:?}"
            );
        }
    }
}

/// What the file computes counts, not what the model file says.
#[test]
fn activations_are_taken_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let [param, weights, cfg] = ["m.param", "m.bin", "m.yaml"].map(|name| folder.path().join(name));
    std::fs::write(&cfg, YAML).unwrap();
    let model = Model::build(Spec::read(&cfg).unwrap(), &registry()).unwrap();
    std::fs::write(&weights, bin(&model, &portable_state(&model), false)).unwrap();
    let every = |layer: &str| {
        let lines =
            PARAM.lines().map(|line| match line.split_once(' ').filter(|(kind, _)| *kind == "Swish") {
                Some((_, rest)) => layer.replacen(' ', &format!(" {rest} "), 1),
                None => line.to_owned(),
            });
        lines.collect::<Vec<_>>().join("\n")
    };
    let fused = PARAM
        .replace("6=144 9=0", "6=144 9=2 -23310=1,1.000000e-01")
        .replace("Swish        silu_4", "Noop n");
    for (text, want) in [
        (every("HardSwish 0=0.1666667 1=0.5"), "activation: nn.Hardswish()"),
        (every("ReLU 0=1.000000e-01"), "activation: nn.LeakyReLU(0.1)"),
        (fused, "model.1.m.0.cv2: nn.LeakyReLU(0.1)"),
        (PARAM.to_owned(), YAML),
    ] {
        std::fs::write(&param, text).unwrap();
        let (loaded, _) = read(&param, &cfg).unwrap();
        assert!(loaded.model.spec.text.contains(want), "{want}: {}", loaded.model.spec.text);
    }
    for (layer, want) in
        [("ELU 0=1.0", "has an activation that there is not here"), ("HardSwish ", "that there is not here")]
    {
        std::fs::write(&param, every(layer)).unwrap();
        let told = read(&param, &cfg).map(|_| ()).unwrap_err();
        assert!(told.contains(want) && told.contains("behind model.0"), "{want}: {told}");
    }
}

/// A text of the file's metadata: messages that are written one after the other are one.
fn tell(file: &mut Vec<u8>, key: &str, text: &str) {
    let field = |tag: u8, bytes: &[u8]| {
        let len = bytes.len();
        assert!((128..1 << 14).contains(&len) || len < 128);
        let length = if len < 128 { vec![len as u8] } else { vec![len as u8 | 128, (len >> 7) as u8] };
        [&[tag][..], &length, bytes].concat()
    };
    let entry = [field(0x0a, key.as_bytes()), field(0x12, text.as_bytes())].concat();
    file.extend(field(0x72, &entry));
}

/// A file that carries its model needs no model file, and its anchors win over those of the model.
#[test]
fn an_onnx_file_may_say_everything_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.onnx");
    let model = Model::build(Spec::parse(YAML, "m.yaml").unwrap(), &registry()).unwrap();
    let options =
        Options { size: [64, 64], names: Some(vec!["it's".into(), "b".into()]), ..Options::default() };
    let mut bytes = write(&model, portable_state(&model), &options).unwrap();
    tell(&mut bytes, "model", YAML);
    tell(&mut bytes, "anchors", "[[20.5, 13, 16, 30]]");
    std::fs::write(&file, bytes).unwrap();
    let mut registry = registry();
    let loaded = load(ModelFiles::weights(&file), &mut registry).unwrap();
    assert_eq!(loaded.meta.names.unwrap(), ["it's", "b"]);
    assert_eq!((loaded.meta.model.as_deref(), loaded.meta.extra.len()), (Some(YAML), 0));
    let stride = model.detect.strides[0];
    let cells = [20.5, 13.0, 16.0, 30.0].map(|side| side / stride);
    assert_eq!(loaded.state.floats(loaded.model.detect.anchors), cells);
    let notes = registry.take_notes();
    assert!(notes[0].ends_with("its anchors are in the file"), "{notes:?}");
}
