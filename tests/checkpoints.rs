//! PyTorch files of all sorts, written by PyTorch, against what is in them.

use std::collections::BTreeMap;
use yolo_bundle as _;
use yolo_host::detector::load_model;
use yolo_host::weights::{self, Array, Checkpoint};
use yolo_tests::{golden, read_golden, registry, root, shared};

fn read(name: &str) -> Checkpoint {
    weights::read(&golden(&format!("checkpoints/{name}"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn tensors_are_those_of_pytorch() {
    let expected = read_golden(&golden("checkpoints/expected.safetensors"));
    let files: Vec<_> = expected.meta.extra.iter().filter(|(name, _)| name.ends_with(".pt")).collect();
    assert_eq!(files.len(), 6, "files in the golden");
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
    for name in ["checkpoint.pt", "checkpoint_ema.pt"] {
        load_model(&golden(&format!("checkpoints/{name}")), None, &mut registry)
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
    let cfg = golden("checkpoint.yaml");
    load_model(&golden("checkpoints/state_dict.pt"), Some(&cfg), &mut registry).unwrap();
    let error = load_model(&golden("checkpoints/state_dict.pt"), None, &mut registry).unwrap_err();
    assert!(error.to_string().contains("--cfg"), "{error}");
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
