//! A constant of an ONNX file.

use super::wire::{Value, fields, ints};
use crate::weights::budget::Budget;
use crate::weights::element::Element;
use crate::weights::{Data, ErrorKind};

/// Element types by `TensorProto.DataType`: those that widen to floats, and the names of others.
const FLOATS: [(i64, Element); 4] =
    [(1, Element::F32), (10, Element::F16), (11, Element::F64), (16, Element::Bf16)];
const OTHERS: [&str; 17] = [
    "undefined",
    "float",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "double",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
];

/// `TensorProto.DataLocation.EXTERNAL`
const EXTERNAL: i64 = 1;

/// A constant, whose elements are not read yet.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its shape.
    pub shape: Vec<usize>,
    data_type: i64,
    external: bool,
    /// The whole message.
    message: &'a [u8],
}

impl<'a> Tensor<'a> {
    /// Of a `TensorProto`.
    ///
    /// # Errors
    /// When it is damaged, or its shape is none.
    pub fn parse(message: &'a [u8]) -> Result<Self, ErrorKind> {
        let (mut dims, mut name, mut data_type, mut external) = (vec![], "", 0, false);
        for field in fields(message) {
            match field? {
                (1, value) => dims.extend(ints(value)?),
                (2, value) => data_type = value.int(),
                (8, value) => name = value.text()?,
                (14, value) => external = value.int() == EXTERNAL,
                _ => (),
            }
        }
        let sides: Option<Vec<usize>> = dims.iter().map(|side| usize::try_from(*side).ok()).collect();
        let shape = sides.filter(|sides| sides.len() <= 8).ok_or_else(|| ErrorKind::TensorBounds {
            tensor: name.to_owned(),
            what: "its shape is none".to_owned(),
        })?;
        Ok(Tensor { name, shape, data_type, external, message })
    }

    /// Whether its elements widen to floats.
    pub fn is_float(&self) -> bool {
        FLOATS.iter().any(|(number, _)| *number == self.data_type)
    }

    /// Its elements in row-major order.
    ///
    /// # Errors
    /// Elements that are no floats or lie in another file, and a number of them that the shape does not have.
    pub fn floats(&self, budget: &mut Budget) -> Result<Vec<f32>, ErrorKind> {
        let tensor = self.name.to_owned();
        if self.external {
            return Err(ErrorKind::External { tensor });
        }
        let Some((_, element)) = FLOATS.iter().find(|(number, _)| *number == self.data_type) else {
            let known = usize::try_from(self.data_type).ok().and_then(|number| OTHERS.get(number));
            let dtype = known.map_or_else(|| format!("number {}", self.data_type), |name| name.to_string());
            return Err(ErrorKind::UnsupportedDtype { tensor, dtype });
        };
        let count = self.shape.iter().try_fold(1usize, |count, side| count.checked_mul(*side));
        // A message of this length cannot hold more; each byte of packed integers may be an element.
        let have = self.message.len();
        let count = count.filter(|count| *count <= have);
        // The walk is paid for, too: many nodes may name one tensor.
        let memory =
            count.map_or(usize::MAX, |count| have.saturating_add(count.saturating_mul(4 + element.size())));
        budget
            .take(memory, &format!("the shape {:?} of tensor `{}`", self.shape, self.name.escape_debug()))?;
        let count = count.unwrap_or(0);
        let mut values = vec![];
        for field in fields(self.message) {
            let room = count.saturating_sub(values.len());
            match field? {
                // raw_data, and float_data or double_data packed.
                (4 | 9 | 10, Value::Bytes(bytes)) if bytes.len() <= room * element.size() => {
                    self.widen(*element, bytes, &mut values)?;
                }
                // One alone.
                (4, Value::Four(one)) if room > 0 => values.push(f32::from_le_bytes(one)),
                (10, Value::Eight(one)) if room > 0 => values.push(f64::from_le_bytes(one) as f32),
                // int32_data: the bits of 16-bit floats, each in up to ten bytes.
                (5, value) if value.bytes().len() <= 10 * room => {
                    let halves = ints(value)?.into_iter().flat_map(|bits| (bits as u16).to_le_bytes());
                    self.widen(*element, &halves.collect::<Vec<u8>>(), &mut values)?;
                }
                (4 | 5 | 9 | 10, _) => {
                    let what = format!("there is more data than its shape {:?} has", self.shape);
                    return Err(ErrorKind::TensorBounds { tensor, what });
                }
                _ => (),
            }
        }
        match count == values.len() {
            true => Ok(values),
            false => {
                let what = format!("shape {:?} and {} values do not agree", self.shape, values.len());
                Err(ErrorKind::TensorBounds { tensor, what })
            }
        }
    }

    fn widen(&self, element: Element, bytes: &[u8], values: &mut Vec<f32>) -> Result<(), ErrorKind> {
        if !bytes.len().is_multiple_of(element.size()) {
            let what = format!("{} bytes are no whole number of elements", bytes.len());
            return Err(ErrorKind::TensorBounds { tensor: self.name.to_owned(), what });
        }
        if let Data::F32(more) = element.widen(bytes, self.name)? {
            values.extend(more);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of these fields, each a tag byte and what follows it.
    fn message(fields: &[&[u8]]) -> Vec<u8> {
        fields.concat()
    }

    fn floats(bytes: &[u8]) -> Result<Vec<f32>, String> {
        let read = Tensor::parse(bytes).and_then(|tensor| tensor.floats(&mut Budget::for_file(bytes.len())));
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn every_way_to_store_floats_is_read() {
        let (shape, name): (&[u8], &[u8]) = (&[0x08, 2], &[0x42, 1, b'w']);
        let one = 1.0f32.to_le_bytes();
        let raw = [&[0x4a, 8][..], &one, &one].concat();
        let half = [0x4a, 4, 0, 0x3c, 0, 0x3c];
        let packed = [&[0x22, 8][..], &one, &one].concat();
        let single = [&[0x25][..], &one, &[0x25], &one].concat();
        let bits = [0x2a, 4, 0x80, 0x78, 0x80, 0x78];
        for (kind, data) in [(1, &raw[..]), (10, &half), (1, &packed), (1, &single), (10, &bits)] {
            let bytes = message(&[shape, &[0x10, kind], name, data]);
            assert_eq!(floats(&bytes).unwrap(), [1.0, 1.0], "{data:?}");
        }
    }

    #[test]
    fn what_is_wrong_names_the_tensor() {
        let name: &[u8] = &[0x42, 1, b'w'];
        let cases: [(Vec<u8>, &str); 7] = [
            (
                message(&[&[0x08, 1, 0x10, 1], name, &[0x4a, 8, 0, 0, 0, 0, 0, 0, 0, 0]]),
                "more data than its shape [1]",
            ),
            (message(&[&[0x08, 2, 0x10, 1], name, &[0x4a, 4, 0, 0, 0, 0]]), "`w`: shape [2] and 1 values"),
            (message(&[&[0x08, 1, 0x10, 1], name, &[0x4a, 3, 0, 0, 0]]), "3 bytes are no whole number"),
            (message(&[&[0x08, 1, 0x10, 3], name, &[0x4a, 1, 0]]), "`w` has elements of type int8"),
            (message(&[&[0x08, 1, 0x10, 77], name]), "of type number 77"),
            (message(&[&[0x08, 1, 0x10, 1], name, &[0x70, 1]]), "`w` is not in this file"),
            (message(&[&[0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x10, 1], name]), "out of all proportion"),
        ];
        for (bytes, want) in cases {
            let told = floats(&bytes).unwrap_err();
            assert!(told.contains(want), "{want}: {told}");
        }
    }
}
