//! Small ONNX files, made by hand: what their layers become, what is refused, and bytes changed at random.

use super::{about, file, modules, read};
use crate::weights::exported::{IMAGE, Sizes, UnitKind};
use crate::weights::{Checkpoint, ErrorKind};
use proptest::prelude::*;

/// A field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut len = bytes.len();
    while len > 127 {
        field.push(len as u8 | 128);
        len >>= 7;
    }
    field.push(len as u8);
    [&field, bytes].concat()
}

/// A float constant.
fn tensor(name: &str, shape: &[u8], values: &[f32]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|side| [0x08, *side]).collect();
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    field(5, &[dims, vec![0x10, 1], field(8, name.as_bytes()), field(9, &raw)].concat())
}

/// A node, inputs and outputs in one text: `a,b>c`. Attributes are integers.
fn node(op: &str, wires: &str, ints: &[(&str, u8)]) -> Vec<u8> {
    let (inputs, outputs) = wires.split_once('>').unwrap();
    let names =
        |number, names: &str| names.split(',').flat_map(|name| field(number, name.as_bytes())).collect();
    let attributes = ints
        .iter()
        .flat_map(|(name, value)| field(5, &[field(1, name.as_bytes()), vec![0x18, *value]].concat()));
    let parts: [Vec<u8>; 4] =
        [names(1, inputs), names(2, outputs), field(4, op.as_bytes()), attributes.collect()];
    field(1, &parts.concat())
}

fn whole(parts: &[Vec<u8>]) -> Vec<u8> {
    let graph = [parts.concat(), field(11, &field(1, b"images"))].concat();
    [&[0x08, 8][..], &field(7, &graph)].concat()
}

/// Convolution, batch norm behind it, SiLU, a concatenation, and linear layers in every form.
fn network() -> Vec<Vec<u8>> {
    vec![
        tensor("m.model.0.conv.weight", &[2, 3, 1, 1], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        tensor("gamma", &[2], &[1.0, 2.0]),
        tensor("beta", &[2], &[3.0, 4.0]),
        tensor("mean", &[2], &[5.0, 6.0]),
        tensor("var", &[2], &[7.0, 8.0]),
        tensor("onnx::MatMul_7", &[4, 1], &[1.0, 2.0, 3.0, 4.0]),
        tensor("m.model.1.fc.bias", &[1], &[5.0]),
        tensor("m.model.2.weight", &[1, 4], &[6.0, 7.0, 8.0, 9.0]),
        node("Conv", "images,m.model.0.conv.weight>a", &[("group", 1)]),
        node("BatchNormalization", "a,gamma,beta,mean,var>b", &[]),
        node("Sigmoid", "b>c", &[]),
        node("Mul", "b,c>d", &[]),
        node("Concat", "d,images>e", &[("axis", 1)]),
        node("MatMul", "e,onnx::MatMul_7>f", &[]),
        node("Add", "m.model.1.fc.bias,f>g", &[]),
        node("Transpose", "m.model.2.weight>t", &[]),
        node("MatMul", "e,t>h", &[]),
        node("Gemm", "e,m.model.2.weight>i", &[("transB", 1)]),
    ]
}

fn told(parts: &[Vec<u8>]) -> String {
    read(&whole(parts)).unwrap_err().to_string()
}

#[test]
fn layers_with_weights_are_units() {
    let Checkpoint { units, arrays, .. } = read(&whole(&network())).unwrap();
    let [conv, add, transposed, gemm] = &units[..] else { panic!("{units:?}") };
    assert_eq!((conv.module.as_deref(), conv.sizes), (Some("model.0.conv"), Sizes::linear(2, 3)));
    let norm = conv.norm.as_ref().unwrap();
    assert_eq!((norm.weight[1], norm.bias[1], norm.mean[1], norm.var[1]), (2.0, 4.0, 6.0, 8.0));
    assert_eq!((norm.eps, &conv.reads), (f64::from(1e-5f32), &vec![vec![IMAGE]]));
    let reads = vec![vec![0], vec![IMAGE]];
    assert_eq!((add.module.as_deref(), &add.reads), (Some("model.1.fc"), &reads));
    assert_eq!((&add.weight[..], add.bias.as_deref()), (&[1.0, 2.0, 3.0, 4.0][..], Some(&[5.0][..])));
    // Two layers of one name have none.
    assert_eq!((&transposed.module, &gemm.module), (&None, &None));
    for linear in [transposed, gemm] {
        assert_eq!((linear.sizes, &linear.reads), (Sizes::linear(1, 4), &reads));
        assert_eq!(linear.weight, [6.0, 7.0, 8.0, 9.0]);
    }
    assert!(arrays.is_empty());
}

/// Where others read the convolution, too, batch norm is a layer of its own.
#[test]
fn a_batch_norm_may_stand_alone() {
    let parts = [network(), vec![node("Relu", "a>r", &[])]].concat();
    let units = read(&whole(&parts)).unwrap().units;
    assert_eq!(units[1].sizes, Sizes::by_channel(UnitKind::Conv, 2));
    assert!(units[0].norm.is_none() && units[1].norm.is_some() && units[1].weight == [1.0, 1.0]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let with = |part: Vec<u8>| told(&[network(), vec![part]].concat());
    let short = tensor("s", &[3, 1], &[1.0]);
    for (told, want) in [
        (
            with([node("DequantizeLinear", "gamma,beta>q", &[]), node("Conv", "images,q>z", &[])].concat()),
            "Conv `z` has weights of 8 bits",
        ),
        (with(node("QLinearConv", "images,gamma>z", &[])), "QLinearConv `z` has weights of 8 bits"),
        (with(node("Conv", "images,gamma>z", &[])), "Conv `z` has a weight of the shape [2]"),
        (with(node("Conv", "images,m.model.0.conv.weight>z", &[("group", 3)])), "groups that do not divide"),
        (with(node("Gemm", "e,m.model.2.weight>z", &[("transB", 1), ("transA", 1)])), "scales or transposes"),
        (with(node("BatchNormalization", "e,gamma,beta,mean>z", &[])), "`z` has too few inputs"),
        (
            with(node("BatchNormalization", "e,gamma,beta,mean,m.model.1.fc.bias>z", &[])),
            "different channels",
        ),
        (with([short, node("MatMul", "e,s>z", &[])].concat()), "tensor `s`: shape [3, 1] and 1 values"),
    ] {
        assert!(told.contains(want), "{want}: {told}");
    }
    assert!(told(&[node("Relu", "images>a", &[])]).contains("none of its layers has weights"));
    assert!(told(&[node("pnnx.Input", ">images", &[])]).contains("a graph of pnnx's own"));
    assert!(read(&[8, 8]).unwrap_err().to_string().contains("it holds 0 networks"));
}

#[test]
fn every_cut_is_an_error() {
    let bytes = whole(&network());
    assert!((0..bytes.len()).all(|len| matches!(read(&bytes[..len]), Err(ErrorKind::Onnx(_)))));
}

#[test]
fn modules_lose_what_wraps_them() {
    let names = ["m.model.0.conv", "m.model.1.conv", "onnx::Conv_7", "m.model.2.a", "m.model.2.a"];
    let names: Vec<Option<String>> = names.iter().map(|name| Some(name.to_string())).chain([None]).collect();
    let of = |name: &str| Some(name.to_owned());
    assert_eq!(modules(&names), [of("model.0.conv"), of("model.1.conv"), None, None, None, None]);
}

#[test]
fn names_that_others_write_are_read() {
    let metadata = [("names", "{0: 'a'}"), ("stride", "32"), ("imgsz", "[640, 640]"), ("model", "nc: 1")];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let (file, mut notes) = (file::File { metadata, ..file::File::default() }, vec![]);
    let meta = about(&file, &mut notes);
    assert_eq!(
        (meta.names.unwrap(), meta.imgsz, meta.model.as_deref()),
        (vec!["a".to_owned()], None, Some("nc: 1"))
    );
    assert!(meta.extra.is_empty() && notes.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut network_bytes = whole(&network());
        for (at, value) in edits {
            let at = at.index(network_bytes.len());
            network_bytes[at] = value;
        }
        let _ = read(&network_bytes);
        let _ = read(&bytes);
        let _ = read(&field(7, &bytes));
    }
}
