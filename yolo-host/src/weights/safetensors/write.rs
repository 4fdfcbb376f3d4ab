//! Writes safetensors: equal checkpoints give equal bytes, and every tensor is aligned.

use std::cmp::Reverse;
use std::io::{self, Write};
use std::path::Path;

use half::f16;

use super::{Entry, METADATA};
use crate::atomic;
use crate::weights::element::Element;
use crate::weights::{Array, Checkpoint, Data, Dtype, ErrorKind, Meta};

/// Everything is aligned to this many bytes, the size of the largest element.
const ALIGNMENT: usize = 8;

/// A tensor and the type it is stored as.
type Planned<'a> = (&'a str, &'a Array, Element);

/// Writes the file at `path`, all of it or nothing.
pub fn write(path: &Path, checkpoint: &Checkpoint, precision: Dtype) -> Result<(), ErrorKind> {
    let tensors = plan(checkpoint, precision)?;
    atomic::replace(path, |file| {
        let header = header(&checkpoint.meta, &tensors)?;
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        tensors.iter().try_for_each(|tensor| values(file, tensor))
    })
    .map_err(ErrorKind::Write)
}

/// Checks the tensors and puts them in order: larger elements first, which keeps all of them aligned, then by name.
fn plan(checkpoint: &Checkpoint, precision: Dtype) -> Result<Vec<Planned<'_>>, ErrorKind> {
    let mut tensors = Vec::with_capacity(checkpoint.arrays.len());
    for (name, array) in &checkpoint.arrays {
        check_shape(name, array)?;
        let element = match &array.data {
            Data::I64(_) => Element::I64,
            Data::F32(values) if precision == Dtype::F16 && !name.ends_with(".anchors") => {
                check_half(name, values)?;
                Element::F16
            }
            Data::F32(_) => Element::F32,
        };
        tensors.push((name.as_str(), array, element));
    }
    // A stable sort: names stay in order among elements of one size.
    tensors.sort_by_key(|(.., element)| Reverse(element.size()));
    Ok(tensors)
}

fn check_shape(name: &str, array: &Array) -> Result<(), ErrorKind> {
    let count = array.shape.iter().try_fold(1usize, |count, &n| count.checked_mul(n));
    if count == Some(array.data.len()) && name != METADATA {
        return Ok(());
    }
    let what =
        format!("shape {:?} and {} values under this name cannot be stored", array.shape, array.data.len());
    Err(ErrorKind::TensorBounds { tensor: name.to_owned(), what })
}

/// A finite value must not become infinite: the model would still load, and answer nonsense.
fn check_half(name: &str, values: &[f32]) -> Result<(), ErrorKind> {
    match values.iter().find(|v| v.is_finite() && f16::from_f32(**v).is_infinite()) {
        None => Ok(()),
        Some(value) => Err(ErrorKind::OutOfRange {
            tensor: name.to_owned(),
            value: value.to_string(),
            dtype: "float16; write float32 instead",
        }),
    }
}

/// The header's text, padded with spaces so that the values after it are aligned.
fn header(meta: &Meta, tensors: &[Planned]) -> io::Result<String> {
    let mut members = Vec::with_capacity(tensors.len() + 1);
    let metadata = meta.to_map();
    if !metadata.is_empty() {
        members.push(format!("\"{METADATA}\":{}", serde_json::to_string(&metadata)?));
    }
    let mut at = 0;
    for (name, array, element) in tensors {
        let end = at + array.data.len() * element.size();
        let entry =
            Entry { dtype: element.name().to_owned(), shape: array.shape.clone(), data_offsets: (at, end) };
        members.push(format!("{}:{}", serde_json::to_string(name)?, serde_json::to_string(&entry)?));
        at = end;
    }
    let mut text = format!("{{{}}}", members.join(","));
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(ALIGNMENT) - text.len()));
    Ok(text)
}

fn values(out: &mut impl Write, (_, array, element): &Planned) -> io::Result<()> {
    match (&array.data, element) {
        (Data::I64(values), _) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
        (Data::F32(values), Element::F16) => {
            values.iter().try_for_each(|v| out.write_all(&f16::from_f32(*v).to_le_bytes()))
        }
        (Data::F32(values), _) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{read, safetensors};

    fn checkpoint() -> Checkpoint {
        let arrays = [
            ("a.weight", Array { shape: vec![1, 3], data: Data::F32(vec![0.1, -2.5, f32::INFINITY]) }),
            ("b.num_batches_tracked", Array { shape: vec![], data: Data::I64(vec![i64::MAX]) }),
            ("c.anchors", Array { shape: vec![2], data: Data::F32(vec![0.1, 1e6]) }),
            ("d", Array { shape: vec![0], data: Data::F32(vec![]) }),
        ];
        let meta = Meta { imgsz: Some(320), extra: [("b".into(), "2".into())].into(), ..Meta::default() };
        Checkpoint {
            arrays: arrays.map(|(name, array)| (name.to_owned(), array)).into(),
            meta,
            ..Checkpoint::default()
        }
    }

    fn written(checkpoint: &Checkpoint, precision: Dtype) -> Result<Vec<u8>, ErrorKind> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        write(&path, checkpoint, precision)?;
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left behind");
        Ok(std::fs::read(path).unwrap())
    }

    #[test]
    fn f32_round_trip_is_exact() {
        let bytes = written(&checkpoint(), Dtype::F32).unwrap();
        assert_eq!(safetensors::read(&bytes[..], bytes.len() as u64).unwrap(), checkpoint());
        assert_eq!(bytes, written(&checkpoint(), Dtype::F32).unwrap());
    }

    #[test]
    fn f16_rounds_all_but_anchors_and_integers() {
        let mut want = checkpoint();
        want.arrays.get_mut("a.weight").unwrap().data = Data::F32(vec![0.099_975_586, -2.5, f32::INFINITY]);
        let half = written(&checkpoint(), Dtype::F16).unwrap();
        assert_eq!(safetensors::read(&half[..], half.len() as u64).unwrap(), want);
    }

    #[test]
    fn bytes_are_as_documented() {
        let mut checkpoint = checkpoint();
        checkpoint.arrays.retain(|name, _| name.starts_with(['b', 'c']));
        let header = concat!(
            r#"{"__metadata__":{"b":"2","imgsz":"320"},"#,
            r#""b.num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"#,
            r#""c.anchors":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
        );
        let bytes = written(&checkpoint, Dtype::F16).unwrap();
        let length = bytes[..8].try_into().map(u64::from_le_bytes).unwrap() as usize;
        assert_eq!(length % ALIGNMENT, 0);
        assert_eq!(std::str::from_utf8(&bytes[8..8 + length]).unwrap().trim_end(), header);
        assert_eq!(bytes[8 + length..][..8], i64::MAX.to_le_bytes());
    }

    #[test]
    fn what_cannot_be_stored_is_named() {
        let with = |name: &str, shape: &[usize], value: f32| Checkpoint {
            arrays: [(name.to_owned(), Array { shape: shape.to_vec(), data: Data::F32(vec![value]) })].into(),
            ..Checkpoint::default()
        };
        let cases = [
            (with("w", &[], 65_520.0), "tensor `w` holds 65520, which does not fit into float16"),
            (with("w", &[2], 0.0), "tensor `w`: shape [2] and 1 values"),
            (with("w", &[usize::MAX, 2], 0.0), "tensor `w`: shape"),
            (with("__metadata__", &[], 0.0), "tensor `__metadata__`"),
        ];
        for (checkpoint, want) in cases {
            let got = written(&checkpoint, Dtype::F16).unwrap_err().to_string();
            assert!(got.contains(want), "{got}");
        }
    }

    #[test]
    fn an_old_file_is_replaced_and_a_missing_folder_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, "old").unwrap();
        crate::weights::write(&path, &checkpoint(), Dtype::F32).unwrap();
        assert_eq!(read(&path).unwrap(), checkpoint());

        let nowhere = folder.path().join("missing").join("w.safetensors");
        let error = crate::weights::write(&nowhere, &checkpoint(), Dtype::F32).unwrap_err().to_string();
        assert!(error.contains("missing") && error.contains("cannot write"), "{error}");
    }
}
