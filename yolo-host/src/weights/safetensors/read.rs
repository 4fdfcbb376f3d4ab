//! Reads safetensors, a tensor at a time, and checks everything the header claims against the bytes that are there.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, Read};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::{Entry, METADATA};
use crate::weights::element::Element;
use crate::weights::{Array, Checkpoint, ErrorKind, Meta};

/// Bytes that are read at once: a whole number of values of any type, few enough to stay in a near cache.
const PIECE: usize = 64 << 10;

/// Decodes a file of `len` bytes piece by piece, so that there is only one copy of its tensors.
pub fn read(mut file: impl BufRead, len: u64) -> Result<Checkpoint, ErrorKind> {
    let header = header(&mut file, len)?;
    let data = len - 8 - header.len() as u64;
    let Header { metadata, mut tensors } =
        serde_json::from_slice(&header).map_err(|e| ErrorKind::Header(e.to_string()))?;
    tensors.sort_by(|a, b| (a.1.data_offsets, &a.0).cmp(&(b.1.data_offsets, &b.0)));
    check_layout(&tensors, data)?;
    let (mut arrays, mut room) = (BTreeMap::new(), vec![0; PIECE]);
    for (name, entry) in tensors {
        let array = decode(&name, entry, &mut file, &mut room)?;
        if arrays.insert(name.clone(), array).is_some() {
            return Err(ErrorKind::DuplicateTensor { tensor: name });
        }
    }
    Ok(Checkpoint { arrays, meta: Meta::from_map(metadata)?, ..Checkpoint::default() })
}

/// The header's text. The tensors' bytes come after it.
fn header(file: &mut impl BufRead, len: u64) -> Result<Vec<u8>, ErrorKind> {
    let Some(have) = len.checked_sub(8) else {
        return Err(ErrorKind::NotWeights(format!("it has {len} bytes in all")));
    };
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(ErrorKind::Read)?;
    // The brace tells a file of ours cut short from one of another kind, where the length is just any eight bytes.
    if file.fill_buf().map_err(ErrorKind::Read)?.first() != Some(&b'{') {
        return Err(ErrorKind::NotWeights("it begins like none of the formats".to_owned()));
    }
    let need = u64::from_le_bytes(length);
    if need > have {
        return Err(ErrorKind::Truncated { what: "the header".to_owned(), need, have });
    }
    let mut header = vec![];
    file.take(need).read_to_end(&mut header).map_err(ErrorKind::Read)?;
    Ok(header)
}

/// The tensors, in the order in which they lie, must follow each other from the first byte to the last: without gaps, where
/// something could hide, and without overlap.
fn check_layout(tensors: &[(String, Entry)], len: u64) -> Result<(), ErrorKind> {
    let mut end = 0;
    for (name, Entry { data_offsets: (from, to), .. }) in tensors {
        if *to as u64 > len {
            let what = format!("the values of `{}`", name.escape_debug());
            return Err(ErrorKind::Truncated { what, need: *to as u64, have: len });
        }
        if *from != end || to < from {
            let what = format!("its bytes are {from}..{to}, but the tensor before it ends at {end}");
            return Err(ErrorKind::TensorBounds { tensor: name.clone(), what });
        }
        end = *to;
    }
    match len - end as u64 {
        0 => Ok(()),
        rest => Err(ErrorKind::Header(format!("{rest} bytes after the last tensor belong to none"))),
    }
}

/// The tensor `name`, whose bytes come next; `room` is for a piece of them.
fn decode(name: &str, entry: Entry, file: &mut impl Read, room: &mut [u8]) -> Result<Array, ErrorKind> {
    let Entry { dtype, shape, data_offsets: (from, to) } = entry;
    let Some(element) = Element::from_safetensors(&dtype) else {
        return Err(ErrorKind::UnsupportedDtype { tensor: name.to_owned(), dtype });
    };
    if shape.iter().try_fold(element.size(), |size, &n| size.checked_mul(n)) != Some(to - from) {
        let what = format!("shape {shape:?} of {dtype} does not take the {} bytes it has", to - from);
        return Err(ErrorKind::TensorBounds { tensor: name.to_owned(), what });
    }
    let (mut data, mut left) = (element.room((to - from) / element.size()), to - from);
    while left > 0 {
        let piece = &mut room[..left.min(PIECE)];
        file.read_exact(piece).map_err(ErrorKind::Read)?;
        element.append(piece, name, &mut data)?;
        left -= piece.len();
    }
    Ok(Array { data, shape })
}

/// The JSON header. Tensors stay a list, so that two of one name are seen.
#[derive(Default)]
struct Header {
    metadata: BTreeMap<String, String>,
    tensors: Vec<(String, Entry)>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                let mut metadata = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != METADATA {
                        header.tensors.push((key, map.next_value()?));
                    } else if metadata.replace(map.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field(METADATA));
                    }
                }
                header.metadata = metadata.unwrap_or_default();
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Data;

    /// A file of this header and data.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = (header.len() as u64).to_le_bytes();
        [&length, header.as_bytes(), data].concat()
    }

    fn read_all(bytes: &[u8]) -> Result<Checkpoint, ErrorKind> {
        read(bytes, bytes.len() as u64)
    }

    fn error(header: &str, data: &[u8]) -> String {
        read_all(&file(header, data)).unwrap_err().to_string()
    }

    #[test]
    fn reads_what_others_write() {
        let header = r#"{"b":{"dtype":"I16","shape":[2],"data_offsets":[8,12]},
            "a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},
            "none":{"dtype":"F16","shape":[3,0],"data_offsets":[8,8]},
            "__metadata__":{"format":"pt"}}   "#;
        let checkpoint = read_all(&file(header, &[0, 0, 128, 63, 0, 0, 0, 64, 1, 0, 255, 255])).unwrap();
        let a = Array { shape: vec![1, 2], data: Data::F32(vec![1.0, 2.0]) };
        let b = Array { shape: vec![2], data: Data::I64(vec![1, -1]) };
        let none = Array { shape: vec![3, 0], data: Data::F32(vec![]) };
        assert_eq!(
            checkpoint.arrays,
            [("a", a), ("b", b), ("none", none)].map(|(k, v)| (k.into(), v)).into()
        );
        assert_eq!(checkpoint.meta.extra["format"], "pt");
    }

    #[test]
    fn says_what_is_wrong() {
        let one = |dtype: &str, shape: &str, from: i64, to: u64| {
            format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}}}"#)
        };
        let cases: [(String, &str); 12] = [
            (one("F32", "[2]", 0, 8), "truncated: the values of `w`: 8 bytes announced, only 4"),
            (one("F32", "[1]", 0, u64::MAX), "truncated"),
            (one("F32", "[2]", 0, 4), "tensor `w`: shape [2] of F32 does not take the 4 bytes it has"),
            (one("F32", "[4294967296,4294967296,4]", 0, 4), "tensor `w`: shape"),
            (one("I8", "[2]", 0, 2), "2 bytes after the last tensor belong to none"),
            (one("I8", "[2]", 2, 4), "tensor `w`: its bytes are 2..4, but the tensor before it ends at 0"),
            (one("I8", "[0]", 4, 0), "tensor `w`: its bytes are 4..0"),
            (one("I8", "[1]", -1, 0), "bad safetensors header: invalid value: integer `-1`"),
            (one("F8_E4M3", "[4]", 0, 4), "tensor `w` has elements of type F8_E4M3"),
            (one("F32", "[1.5]", 0, 4), "bad safetensors header"),
            (r#"{"w":1}"#.to_owned(), "bad safetensors header"),
            (r#"{"__metadata__":{"a":"b"},"__metadata__":{}}"#.to_owned(), "duplicate field `__metadata__`"),
        ];
        for (header, want) in cases {
            let got = error(&header, &[0; 4]);
            assert!(got.contains(want), "{header}: {got}");
        }
    }

    #[test]
    fn overlap_and_duplicates_are_refused() {
        let overlap = r#"{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},
            "b":{"dtype":"I8","shape":[2],"data_offsets":[2,4]}}"#;
        assert!(
            error(overlap, &[0; 4])
                .contains("tensor `b`: its bytes are 2..4, but the tensor before it ends at 4")
        );
        let twice = r#"{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},
            "a":{"dtype":"I8","shape":[2],"data_offsets":[2,4]}}"#;
        assert!(error(twice, &[0; 4]).contains("tensor `a` is there twice"));
    }

    #[test]
    fn a_lying_length_allocates_nothing() {
        let mut bytes = file("{}", &[]);
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(read_all(&bytes), Err(ErrorKind::Truncated { need: u64::MAX, have: 2, .. })));
    }

    #[test]
    fn other_files_are_not_weights() {
        for bytes in [&b""[..], b"abc", b"\x89PNG\r\n\x1a\n....IHDR", b"version https://git-lfs.github.com"] {
            assert!(matches!(read_all(bytes), Err(ErrorKind::NotWeights(_))));
        }
    }
}
