//! One file of every kind, from its bytes to the checkpoint.

use std::path::Path;

use super::pickler::{P::*, *};
use crate::weights::{Array, Checkpoint, Data, Dtype, Error, ErrorKind, read, read_bytes, write};

fn read_file(bytes: &[u8]) -> Result<Checkpoint, Error> {
    read_bytes(bytes, Path::new("w.pt"))
}

/// Reads a zip archive of `root` and the storage of [`SIX`].
fn read_root(root: P) -> Result<Checkpoint, Error> {
    read_file(&archive(&root, &[("0", floats(&SIX_VALUES))]))
}

fn names(checkpoint: &Checkpoint) -> Vec<&str> {
    checkpoint.arrays.keys().map(String::as_str).collect()
}

/// A module named as a layer, with one weight.
fn layer() -> P {
    module("Detect", vec![], [vec![("weight", Parameter(SIX)), ("bias", None)], vec![], vec![]])
}

#[test]
fn a_state_dict_in_every_form() {
    let six = Array { shape: vec![2, 3], data: Data::F32(SIX_VALUES.to_vec()) };
    let turned = View { offset: 1, shape: &[2, 2], strides: &[1, 3], ..SIX };
    let turned_array = Array { shape: vec![2, 2], data: Data::F32(vec![1.0, 2.5, 1.5, 3.0]) };
    let state = || dict([("a.weight", Tensor(SIX)), ("a.turned", Parameter(turned))]);
    let want = Checkpoint {
        arrays: [("a.weight".to_owned(), six), ("a.turned".to_owned(), turned_array)].into(),
        ..Checkpoint::default()
    };
    for root in [state(), dict([("state_dict", state())]), dict([("model", state()), ("epoch", Int(3))])] {
        assert_eq!(read_root(root.clone()).unwrap(), want);
        assert_eq!(read_file(&legacy(&root, &[("0", floats(&SIX_VALUES))], 4)).unwrap(), want);
    }
}

#[test]
fn what_is_read_can_be_written_and_read_again() {
    let checkpoint = read_root(dict([("a", Tensor(SIX))])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The content counts, not the extension.
    let path = folder.path().join("w.pt");
    write(&path, &checkpoint, Dtype::F32).unwrap();
    assert_eq!(read(&path).unwrap(), checkpoint);
}

#[test]
fn a_module_is_walked_as_state_dict_does() {
    let buffers =
        vec![("anchors", Tensor(SIX)), ("anchor_grid", Tensor(SIX)), ("none", None), ("cache", Tensor(SIX))];
    let transient = ("_non_persistent_buffers_set", Set(vec![Str("cache")]));
    let detect = module("Detect", vec![transient], [vec![], buffers, vec![("m", layer())]]);
    let inner = module("Model", vec![], [vec![], vec![], vec![("0", layer()), ("1", None), ("24", detect)]]);
    let yaml = dict([("nc", Int(2)), ("ch", Int(3))]);
    let attributes = vec![("yaml", yaml), ("names", List(vec![Str("cat"), Str("dog")]))];
    let model = module("Model", attributes, [vec![], vec![], vec![("model", inner)]]);
    let parallel = module("DataParallel", vec![], [vec![], vec![], vec![("module", model.clone())]]);
    let want = ["model.0.weight", "model.24.anchors", "model.24.m.weight"];
    for root in [model.clone(), dict([("model", model.clone()), ("ema", None)]), dict([("model", parallel)])]
    {
        let checkpoint = read_root(root).unwrap();
        assert_eq!(names(&checkpoint), want);
        assert_eq!(checkpoint.meta.model.as_deref(), Some("nc: 2\n"));
        assert_eq!(checkpoint.meta.names, Some(vec!["cat".to_owned(), "dog".to_owned()]));
    }
}

#[test]
fn the_average_wins_over_the_model() {
    let ema = module("Model", vec![], [vec![], vec![], vec![("ema", layer())]]);
    let checkpoint = read_root(dict([("model", layer()), ("ema", ema)])).unwrap();
    assert_eq!(names(&checkpoint), ["ema.weight"]);
}

#[test]
fn class_names_come_as_list_or_dict() {
    let text = |names: &[&str]| Some(names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
    let cases = [
        (List(vec![Str("a"), Int(7)]), text(&["a", "7"])),
        (Dict(vec![(Int(1), Str("b")), (Int(0), Str("a"))]), text(&["a", "b"])),
        (Dict(vec![(Int(2), Str("b")), (Int(0), Str("a"))]), Option::None),
        (Str("a"), Option::None),
        (List(vec![Float(0.5)]), Option::None),
    ];
    for (names, want) in cases {
        let root = module("Model", vec![("names", names)], [vec![("w", Tensor(SIX))], vec![], vec![]]);
        assert_eq!(read_root(root).unwrap().meta.names, want);
    }
}

#[test]
fn a_wrapped_state_dict_loses_its_prefix() {
    let checkpoint = read_root(dict([("module.a", Tensor(SIX)), ("module.b", Tensor(SIX))])).unwrap();
    assert_eq!(names(&checkpoint), ["a", "b"]);
    let checkpoint = read_root(dict([("module.a", Tensor(SIX)), ("b", Tensor(SIX))])).unwrap();
    assert_eq!(names(&checkpoint), ["b", "module.a"]);
}

#[test]
fn what_is_no_model_is_said() {
    let short = View { len: 7, ..SIX };
    let outside = View { offset: 1, ..SIX };
    let missing = View { key: "1", ..SIX };
    let cases = [
        (Int(1), "without the tensors of a model"),
        (dict([]), "without the tensors of a model"),
        (dict([("a", Tensor(SIX)), ("b", Int(1))]), "its entry `b` is no tensor"),
        (Dict(vec![(Int(1), Tensor(SIX))]), "keys are no names"),
        (dict([("a", Tensor(SIX)), ("a", Tensor(SIX))]), "tensor `a` is there twice"),
        (dict([("a", Tensor(short))]), "the storage of `a`: 28 bytes announced, only 24"),
        (dict([("a", Tensor(outside))]), "tensor `a`: shape [2, 3] with strides [3, 1] at element 1 leaves"),
        (dict([("a", Tensor(missing))]), "the storage data/1 in the archive"),
        (dict([("a", Raw(b"cos\nsystem\n(X\x02\0\0\0lstR"))]), "would call `os.system`"),
    ];
    for (root, want) in cases {
        let error = read_root(root).unwrap_err().to_string();
        assert!(error.starts_with("w.pt: ") && error.contains(want), "{error}");
    }
}

#[test]
fn cycles_and_diamonds_end() {
    // m = Model(); m._modules = {"m": m}
    let cycle = Raw(b"cmodels.yolo\nModel\n)\x81q\x00}(X\x08\0\0\0_modules}X\x01\0\0\0mh\0sub");
    assert!(matches!(read_root(cycle).unwrap_err().kind, ErrorKind::TooLarge(_)));

    // Each of fifty modules holds the one before twice: a few bytes, and 2^50 paths.
    let mut pickle = b"cmodels.yolo\nModel\n)\x81}b\x94".to_vec();
    for level in 0..50u8 {
        pickle.extend(b"0cmodels.yolo\nModel\n)\x81}X\x08\0\0\0_modules}(");
        pickle.extend([&b"X\x01\0\0\0ah"[..], &[level], b"X\x01\0\0\0bh", &[level], b"usb\x94"].concat());
    }
    assert!(matches!(read_root(Raw(pickle.leak())).unwrap_err().kind, ErrorKind::TooLarge(_)));
}

#[test]
fn legacy_damage_is_noticed() {
    let root = dict([("a", Tensor(SIX))]);
    let whole = legacy(&root, &[("0", floats(&SIX_VALUES))], 4);
    let cut = read_file(&whole[..whole.len() - 1]).unwrap_err().to_string();
    assert!(cut.contains("storage 0 with its length: 32 bytes announced, only 31"), "{cut}");
    let mut lying = whole.clone();
    let count = whole.len() - 32;
    lying[count..][..8].copy_from_slice(&i64::MAX.to_le_bytes());
    assert!(matches!(read_file(&lying).unwrap_err().kind, ErrorKind::Truncated { need: u64::MAX, .. }));
    let unlisted = read_file(&legacy(&root, &[], 4)).unwrap_err().to_string();
    assert!(unlisted.contains("storage 0, which the file does not list: 24 bytes"), "{unlisted}");
    let unused = read_file(&legacy(&root, &[("1", vec![])], 4)).unwrap_err().to_string();
    assert!(unused.contains("a key in the list of storages that no tensor uses"), "{unused}");
}
