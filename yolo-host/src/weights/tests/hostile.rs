//! Bytes nobody promised anything about: reading must end with an answer, never with a panic.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::pickler::{P, P::*, *};
use crate::weights::{Array, Checkpoint, Data, Dtype, ErrorKind, Meta, read_bytes, write};

/// A checkpoint that touches most of the reader.
fn model() -> P {
    let conv =
        module("Conv", vec![], [vec![("weight", Parameter(SIX))], vec![("mean", Tensor(SIX))], vec![]]);
    let yaml = dict([("nc", Int(2)), ("backbone", List(vec![List(vec![Int(-1), Int(1), Str("Conv")])]))]);
    let attributes = vec![("yaml", yaml), ("names", List(vec![Str("cat"), Str("dog")]))];
    dict([("ema", None), ("model", module("Model", attributes, [vec![], vec![], vec![("0", conv)]]))])
}

fn safetensors() -> Vec<u8> {
    let arrays = [
        ("a", Array { shape: vec![2, 2], data: Data::F32(vec![1.0, 2.0, 3.0, 4.0]) }),
        ("b", Array { shape: vec![], data: Data::I64(vec![-1]) }),
    ];
    let meta = Meta { imgsz: Some(64), ..Meta::default() };
    let arrays = arrays.map(|(name, array)| (name.to_owned(), array)).into();
    let checkpoint = Checkpoint { arrays, meta, ..Checkpoint::default() };
    let file = tempfile::NamedTempFile::new().unwrap();
    write(file.path(), &checkpoint, Dtype::F32).unwrap();
    std::fs::read(file.path()).unwrap()
}

/// A good file of every format.
static FILES: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let six = || vec![("0", floats(&SIX_VALUES))];
    [safetensors(), archive(&model(), &six()), legacy(&model(), &six(), 4)]
});

fn parse(bytes: &[u8]) -> Result<Checkpoint, ErrorKind> {
    read_bytes(bytes, Path::new("w")).map_err(|error| error.kind)
}

/// As [`archive`] of a pickle: the checksum is right, whatever the pickle says.
fn archive_of(pickle: &[u8]) -> Vec<u8> {
    archive(&Raw(pickle.to_vec().leak()), &[("0", floats(&SIX_VALUES))])
}

#[test]
fn the_good_files_are_good() {
    for file in &*FILES {
        assert!(parse(file).is_ok());
    }
}

#[test]
fn every_cut_is_an_error() {
    for file in &*FILES {
        for len in 0..file.len() {
            assert!(parse(&file[..len]).is_err(), "{len} of {} bytes", file.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: Option::None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
        let _ = parse(&archive_of(&bytes));
    }

    #[test]
    fn any_header(header in ".{0,200}", data in proptest::collection::vec(any::<u8>(), 0..40)) {
        let header = format!("{{{header}");
        let _ = parse(&[&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat());
    }

    /// Instructions in any order, with operands that mean something more often than random bytes do.
    #[test]
    fn any_instructions(ops in proptest::collection::vec(instruction(), 0..60)) {
        let _ = parse(&archive_of(&ops.concat()));
    }

    #[test]
    fn mutated_files(
        which in 0..3usize,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        extension in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = FILES[which].clone();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.extend(extension);
        let _ = parse(&bytes);
    }

    /// The archive's checksum stops most mutations early; these get past it.
    #[test]
    fn mutated_pickles(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = pickle(&model());
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = parse(&archive_of(&bytes));
    }
}

fn instruction() -> impl Strategy<Value = Vec<u8>> {
    let whole: [&[u8]; 8] = [
        b"cmodels.yolo\nModel\n",
        b"ccollections\nOrderedDict\n",
        b"cbuiltins\nset\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"X\x08\0\0\0_modules",
        b"X\x07\0\0\0storage",
        b"K\x02",
        b"N",
    ];
    let bare = b"()]}\x8ftlde\x91asu\x90012\x94\x93R\x81\x92obQ\x85\x86\x87.".to_vec();
    prop_oneof![
        prop::sample::select(whole.map(<[u8]>::to_vec).to_vec()),
        prop::sample::select(bare).prop_map(|op| vec![op]),
        (prop::sample::select(b"hq".to_vec()), 0..6u8).prop_map(|(op, index)| vec![op, index]),
    ]
}
