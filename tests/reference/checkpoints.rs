//! PyTorch files of all sorts, written by PyTorch, against what is in them.

use std::collections::BTreeMap;
use yolo_bundle as _;
use yolo_host::detector::Detector;
use yolo_host::exec::Device;
use yolo_host::model::{LoadError, Mismatch, Model, ModelFiles, Spec, State, load};
use yolo_host::weights::{self, Array, Checkpoint};
use yolo_tests::reference::image;
use yolo_tests::{floats, golden, read_golden, registry, root, shared};

fn read(name: &str) -> Checkpoint {
    weights::read(&golden(&format!("checkpoints/{name}"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn tensors_are_those_of_pytorch() {
    let expected = read_golden(&golden("checkpoints/expected.safetensors"));
    let files: Vec<_> = expected.meta.extra.iter().filter(|(name, _)| name.ends_with(".pt")).collect();
    assert_eq!(files.len(), 9, "files in the golden");
    for (name, groups) in files {
        let groups: Vec<String> = serde_json::from_str(groups).unwrap();
        let of_group = |(key, array): (&String, &Array)| {
            let (group, tensor) = key.split_once('/')?;
            groups.iter().any(|g| g == group).then(|| (tensor.to_string(), array.clone()))
        };
        let reference: BTreeMap<String, Array> = expected.arrays.iter().filter_map(of_group).collect();
        let ours = read(name);
        let names = |arrays: &BTreeMap<String, Array>| arrays.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours.arrays), names(&reference), "{name}");
        for (tensor, array) in &reference {
            assert_eq!(ours.arrays[tensor].shape, array.shape, "{name}: {tensor}");
            assert!(ours.arrays[tensor] == *array, "{name}: {tensor} has other values");
        }
        if name.starts_with("checkpoint") {
            assert_eq!(ours.meta.names, expected.meta.names, "{name}");
        }
    }
}

/// A pickled model needs nothing beside it; a state_dict needs its YAML.
#[test]
fn checkpoints_load_into_their_models() {
    let mut registry = registry();
    for name in ["checkpoint.pt", "checkpoint_ema.pt", "twenty_one_characters.pt"] {
        load(ModelFiles::weights(&golden(&format!("checkpoints/{name}"))), &mut registry)
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
    let cfg = golden("checkpoint.yaml");
    let bare = golden("checkpoints/state_dict.pt");
    load(ModelFiles { weights: Some(&bare), cfg: Some(&cfg) }, &mut registry).unwrap();
    let error = load(ModelFiles::weights(&bare), &mut registry).unwrap_err();
    assert!(matches!(error, LoadError::NoModel { .. }), "{error:?}");
    assert!(error.to_string().contains("does not say which model it belongs to"), "{error}");
}

/// A wrapper's prefix goes, what stands beside the model is told.
#[test]
fn a_wrapped_state_dict_loads_with_a_note() {
    let mut registry = registry();
    let cfg = golden("checkpoint.yaml");
    let files = ModelFiles { weights: Some(&golden("checkpoints/lightning.pt")), cfg: Some(&cfg) };
    load(files, &mut registry).unwrap();
    let notes = registry.take_notes();
    assert!(
        notes.len() == 1 && notes[0].contains("lightning.pt") && notes[0].contains("`loss.weight`"),
        "{notes:?}"
    );
}

/// Fused by the reference and loaded here, a network gives what it gave there.
#[test]
fn a_fused_checkpoint_detects_as_the_reference() {
    let mut registry = registry();
    let detector = Detector::load(&golden("checkpoints/fused.pt"), None, &mut registry, Device::Cpu).unwrap();
    let notes = registry.take_notes();
    assert!(notes.len() == 1 && notes[0].contains("a fused checkpoint"), "{notes:?}");
    let ours = detector.predict(&image(64, 96), 64, 96, f32::NEG_INFINITY).unwrap();
    let reference =
        floats(&read_golden(&golden("checkpoints/expected.safetensors")).arrays["decoded/decoded"]);
    assert_eq!(ours.len(), reference.len());
    for (i, (a, b)) in ours.iter().zip(&reference).enumerate() {
        let limit = if i % 7 < 4 { 0.1 } else { 1e-4 };
        assert!((a - b).abs() <= limit, "{i}: {a}, reference {b}");
    }
}

/// The arrays of one model into another.
fn mismatch(from: &str, to: &str, change: impl Fn(&mut Spec)) -> Mismatch {
    let [mut to, from] = [to, from].map(|file| Spec::read(&root().join("models").join(file)).unwrap());
    change(&mut to);
    let [to, from] = [to, from].map(|spec| Model::build(spec, &registry()).unwrap());
    let arrays = State::new(&from.graph, 0).to_arrays(&from.graph);
    State::from_arrays(&to.graph, arrays).unwrap_err()
}

#[test]
fn weights_that_do_not_fit_say_why() {
    let nothing = |_: &mut Spec| {};
    let cases = [
        (
            mismatch("yolov5n.yaml", "yolov5n.yaml", |spec| spec.nc = 2),
            "The weights have 80 classes, the model 2: set `nc: 80`",
        ),
        (
            mismatch("yolov5s.yaml", "yolov5n.yaml", nothing),
            "of another size of this model, 2 times as wide:",
        ),
        (
            mismatch("yolov5n.yaml", "yolov5n.yaml", |spec| {
                (spec.width_multiple, spec.depth_multiple) = (0.5, 0.67)
            }),
            "of another size of this model, narrower (by 0.5) and shallower:",
        ),
        (
            mismatch("yolov5n.yaml", "yolov5n.yaml", |spec| spec.depth_multiple = 0.67),
            "of this model, shallower:",
        ),
        (
            mismatch("yolov5n.yaml", "yolov5-bifpn.yaml", |spec| {
                (spec.width_multiple, spec.depth_multiple) = (0.25, 0.33)
            }),
            "fit; from layer",
        ),
    ];
    let failures = cases.iter().filter_map(|(mismatch, says)| {
        let text = mismatch.to_string();
        (!text.contains(says)).then(|| format!("expected `{says}`, got {text}"))
    });
    yolo_tests::report(failures.collect());
}

#[test]
fn weights_of_another_family_are_told_by_their_names() {
    let spec = Spec::read(&golden("checkpoint.yaml")).unwrap();
    let model = Model::build(spec, &registry()).unwrap();
    let rename = |name: &dyn Fn(&str) -> String| {
        let arrays = State::new(&model.graph, 0).to_arrays(&model.graph);
        let arrays = arrays.into_iter().map(|(key, array)| (name(&key), array)).collect();
        State::from_arrays(&model.graph, arrays).unwrap_err().to_string()
    };
    let text = rename(&|key| key.replace("model.", "backbone."));
    assert!(text.contains("those of the file begin with `backbone.`"), "{text}");
    let text = rename(&|key| key.replace("model.0.conv.", "model.0.conv.conv."));
    assert!(text.contains("The weights begin with Focus, as before YOLOv5 v6.0"), "{text}");
}

#[test]
fn nothing_in_a_pickle_is_run() {
    let error = weights::read(&golden("checkpoints/malicious.pt")).unwrap_err().to_string();
    assert!(error.contains("system"), "{error}");
    assert!(!root().join("tests/pwned").exists() && !std::path::Path::new("pwned").exists());
}

/// The committed weights are those of the official checkpoint, rounded to half precision as they were there.
#[test]
fn the_committed_weights_are_the_official_ones() {
    let Some(official) = shared("weights/yolov5s.pt") else {
        return;
    };
    let (official, ours) =
        (weights::read(&official).unwrap(), weights::read(&root().join("weights/yolov5s.safetensors")));
    let ours = ours.unwrap();
    assert_eq!(official.meta.names, ours.meta.names);
    assert_eq!(official.arrays.len(), ours.arrays.len());
    for (name, array) in &official.arrays {
        assert!(ours.arrays[name] == *array, "{name} differs");
    }
}
