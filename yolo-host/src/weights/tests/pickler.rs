//! Makes small checkpoints as `torch.save` lays them out, so that the tests need no files.

use std::io::{Cursor, Write};

use P::*;

/// A Python value to be pickled.
#[derive(Clone)]
pub enum P {
    None,
    Bool(bool),
    Int(i32),
    Float(f64),
    Str(&'static str),
    List(Vec<P>),
    Tuple(Vec<P>),
    Dict(Vec<(P, P)>),
    Set(Vec<P>),
    /// An object of a class (module, name), with its `__dict__`.
    Object(&'static str, &'static str, Box<P>),
    Tensor(View),
    Parameter(View),
    /// Instructions as they are; they must push one value.
    Raw(&'static [u8]),
}

/// A tensor: a view of the storage `key`, which holds `len` elements of `class`.
#[derive(Clone, Copy)]
pub struct View {
    pub class: &'static str,
    pub key: &'static str,
    pub len: i32,
    pub offset: i32,
    pub shape: &'static [i32],
    pub strides: &'static [i32],
}

/// Six floats in the storage "0", as two rows of three.
pub const SIX: View =
    View { class: "FloatStorage", key: "0", len: 6, offset: 0, shape: &[2, 3], strides: &[3, 1] };

/// The values of [`SIX`].
pub const SIX_VALUES: [f32; 6] = [0.5, 1.0, 1.5, -2.0, 2.5, 3.0];

/// A dict with texts as keys.
pub fn dict(pairs: impl IntoIterator<Item = (&'static str, P)>) -> P {
    Dict(pairs.into_iter().map(|(key, value)| (Str(key), value)).collect())
}

/// A module with these attributes, parameters, buffers and submodules.
pub fn module(
    name: &'static str,
    attributes: Vec<(&'static str, P)>,
    sections: [Vec<(&'static str, P)>; 3],
) -> P {
    let mut state = attributes;
    state.extend(["_parameters", "_buffers", "_modules"].into_iter().zip(sections.map(dict)));
    Object("models.yolo", name, Box::new(dict(state)))
}

/// The pickle of `value`, in protocol 2.
pub fn pickle(value: &P) -> Vec<u8> {
    let mut out = b"\x80\x02".to_vec();
    push(&mut out, value);
    out.push(b'.');
    out
}

fn push(out: &mut Vec<u8>, value: &P) {
    match value {
        None => out.push(b'N'),
        Bool(value) => out.push(if *value { 0x88 } else { 0x89 }),
        Int(value) => {
            out.push(b'J');
            out.extend(value.to_le_bytes());
        }
        Float(value) => {
            out.push(b'G');
            out.extend(value.to_be_bytes());
        }
        Str(text) => {
            out.push(b'X');
            out.extend((text.len() as u32).to_le_bytes());
            out.extend(text.bytes());
        }
        List(items) => group(out, b"](", items, b"e"),
        Tuple(items) => group(out, b"(", items, b"t"),
        Set(items) => group(out, b"c__builtin__\nset\n](", items, b"e\x85R"),
        Dict(pairs) => {
            let flat: Vec<P> = pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect();
            group(out, b"}(", &flat, b"u");
        }
        Object(module, name, state) => {
            out.extend(format!("c{module}\n{name}\n)").bytes());
            out.push(0x81);
            push(out, state);
            out.push(b'b');
        }
        Tensor(view) => {
            let numbers = |numbers: &[i32]| Tuple(numbers.iter().map(|n| Int(*n)).collect());
            out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            push(out, &Str("storage"));
            out.extend(format!("ctorch\n{}\n", view.class).bytes());
            [Str(view.key), Str("cpu"), Int(view.len)].iter().for_each(|item| push(out, item));
            out.extend(b"tQ");
            let rest = [Int(view.offset), numbers(view.shape), numbers(view.strides), Bool(false), None];
            group(out, b"", &rest, b"tR");
        }
        Parameter(view) => {
            group(out, b"ctorch._utils\n_rebuild_parameter\n(", &[Tensor(*view), Bool(true), None], b"tR")
        }
        Raw(bytes) => out.extend(*bytes),
    }
}

fn group(out: &mut Vec<u8>, before: &[u8], items: &[P], after: &[u8]) {
    out.extend(before);
    items.iter().for_each(|item| push(out, item));
    out.extend(after);
}

/// The bytes of a storage of floats.
pub fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The zip form, with these storages.
pub fn archive(root: &P, storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
    let mut add = |name: &str, content: &[u8]| {
        zip.start_file(format!("archive/{name}"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    };
    add("data.pkl", &pickle(root));
    for (key, bytes) in storages {
        add(&format!("data/{key}"), bytes);
    }
    zip.finish().unwrap().into_inner()
}

/// The older form, with these storages of elements of `size` bytes.
pub fn legacy(root: &P, storages: &[(&'static str, Vec<u8>)], size: usize) -> Vec<u8> {
    let system = dict([("protocol_version", Int(1001)), ("little_endian", Bool(true))]);
    let keys = List(storages.iter().map(|(key, _)| Str(key)).collect());
    let magic = Raw(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
    let mut out: Vec<u8> = [&magic, &Int(1001), &system, root, &keys].into_iter().flat_map(pickle).collect();
    for (_, bytes) in storages {
        out.extend(((bytes.len() / size) as i64).to_le_bytes());
        out.extend(bytes);
    }
    out
}
