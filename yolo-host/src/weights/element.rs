//! Element types as the file formats name them, and the widening of their bytes to [`Data`].

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::{Data, ErrorKind};

/// The type of one stored value. All are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

use Element::*;

/// Type, size in bytes, name in safetensors, name of PyTorch's storage class.
const TABLE: [(Element, usize, &str, &str); 13] = [
    (F64, 8, "F64", "DoubleStorage"),
    (F32, 4, "F32", "FloatStorage"),
    (F16, 2, "F16", "HalfStorage"),
    (Bf16, 2, "BF16", "BFloat16Storage"),
    (I64, 8, "I64", "LongStorage"),
    (I32, 4, "I32", "IntStorage"),
    (I16, 2, "I16", "ShortStorage"),
    (I8, 1, "I8", "CharStorage"),
    (U64, 8, "U64", ""),
    (U32, 4, "U32", ""),
    (U16, 2, "U16", ""),
    (U8, 1, "U8", "ByteStorage"),
    (Bool, 1, "BOOL", "BoolStorage"),
];

impl Element {
    /// The type that safetensors calls `name`.
    pub fn from_safetensors(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.2 == name).map(|row| row.0)
    }

    /// The type of the values in PyTorch's storage class `name`, such as `HalfStorage`.
    pub fn from_storage(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| !row.3.is_empty() && row.3 == name).map(|row| row.0)
    }

    /// Bytes of one value.
    pub const fn size(self) -> usize {
        TABLE[self as usize].1
    }

    /// The name in safetensors.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// Bytes that one value takes in [`Data`].
    pub const fn widened_size(self) -> usize {
        match self {
            F64 | F32 | F16 | Bf16 => size_of::<f32>(),
            _ => size_of::<i64>(),
        }
    }

    /// The values in `bytes`, a whole number of them, widened.
    ///
    /// # Errors
    /// When a `u64` exceeds `i64`; `tensor` names it.
    pub fn widen(self, bytes: &[u8], tensor: &str) -> Result<Data, ErrorKind> {
        let mut data = self.room(bytes.len() / self.size());
        self.append(bytes, tensor, &mut data).map(|()| data)
    }

    /// Data with room for so many values.
    pub fn room(self, count: usize) -> Data {
        match self {
            F64 | F32 | F16 | Bf16 => Data::F32(Vec::with_capacity(count)),
            _ => Data::I64(Vec::with_capacity(count)),
        }
    }

    /// As [`Self::widen`], behind what is in `data`, which this type's [`Self::room`] has made.
    pub fn append(self, bytes: &[u8], tensor: &str, data: &mut Data) -> Result<(), ErrorKind> {
        match data {
            Data::F32(values) => self.floats(bytes, values),
            Data::I64(values) => self.integers(bytes, tensor, values)?,
        }
        Ok(())
    }

    fn floats(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            F64 => values.extend(chunks(bytes, |b| f64::from_le_bytes(b) as f32)),
            // Many at once: processors have instructions for that.
            F16 => {
                let mut halves = [f16::ZERO; 1024];
                for bytes in bytes.chunks(size_of_val(&halves)) {
                    let (start, count) = (values.len(), bytes.len() / 2);
                    halves
                        .iter_mut()
                        .zip(chunks(bytes, f16::from_le_bytes))
                        .for_each(|(to, half)| *to = half);
                    values.resize(start + count, 0.0);
                    halves[..count].convert_to_f32_slice(&mut values[start..]);
                }
            }
            Bf16 => values.extend(chunks(bytes, |b| bf16::from_le_bytes(b).to_f32())),
            _ => values.extend(chunks(bytes, f32::from_le_bytes)),
        }
    }

    fn integers(self, bytes: &[u8], tensor: &str, values: &mut Vec<i64>) -> Result<(), ErrorKind> {
        match self {
            I32 => values.extend(chunks(bytes, |b| i64::from(i32::from_le_bytes(b)))),
            I16 => values.extend(chunks(bytes, |b| i64::from(i16::from_le_bytes(b)))),
            I8 => values.extend(chunks(bytes, |b| i64::from(i8::from_le_bytes(b)))),
            U64 => {
                for value in chunks(bytes, u64::from_le_bytes) {
                    values.push(i64::try_from(value).map_err(|_| out_of_range(tensor, value))?);
                }
            }
            U32 => values.extend(chunks(bytes, |b| i64::from(u32::from_le_bytes(b)))),
            U16 => values.extend(chunks(bytes, |b| i64::from(u16::from_le_bytes(b)))),
            U8 => values.extend(bytes.iter().map(|b| i64::from(*b))),
            Bool => values.extend(bytes.iter().map(|b| i64::from(*b != 0))),
            _ => values.extend(chunks(bytes, i64::from_le_bytes)),
        }
        Ok(())
    }
}

fn chunks<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> impl Iterator<Item = T> {
    bytes.as_chunks().0.iter().map(move |chunk| read(*chunk))
}

fn out_of_range(tensor: &str, value: u64) -> ErrorKind {
    ErrorKind::OutOfRange { tensor: tensor.to_owned(), value: value.to_string(), dtype: "int64" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_enum() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
        }
    }

    #[test]
    fn every_type_widens() {
        let cases: [(Element, &[u8], Data); 14] = [
            (F64, &(-1.5f64).to_le_bytes(), Data::F32(vec![-1.5])),
            (F32, &3.25f32.to_le_bytes(), Data::F32(vec![3.25])),
            (F16, &[0x00, 0x3c, 0x00, 0x7c], Data::F32(vec![1.0, f32::INFINITY])),
            (Bf16, &[0x80, 0xbf], Data::F32(vec![-1.0])),
            (I64, &i64::MIN.to_le_bytes(), Data::I64(vec![i64::MIN])),
            (I32, &[0xff; 4], Data::I64(vec![-1])),
            (I16, &[0xff; 2], Data::I64(vec![-1])),
            (I8, &[0x80], Data::I64(vec![-128])),
            (U64, &7u64.to_le_bytes(), Data::I64(vec![7])),
            (U32, &[0xff; 4], Data::I64(vec![u32::MAX.into()])),
            (U16, &[0xff; 2], Data::I64(vec![65535])),
            (U8, &[0xff], Data::I64(vec![255])),
            (Bool, &[0, 1, 2], Data::I64(vec![0, 1, 1])),
            (F32, &[], Data::F32(vec![])),
        ];
        for (element, bytes, want) in cases {
            assert_eq!(element.widen(bytes, "t").unwrap(), want, "{element:?}");
            assert_eq!(Element::from_safetensors(element.name()), Some(element));
        }
    }

    #[test]
    fn a_large_u64_is_refused() {
        let error = U64.widen(&u64::MAX.to_le_bytes(), "seed").unwrap_err();
        assert_eq!(
            error.to_string(),
            "tensor `seed` holds 18446744073709551615, which does not fit into int64"
        );
    }

    #[test]
    fn unknown_names_are_unknown() {
        assert_eq!(Element::from_safetensors("F8_E4M3"), None);
        assert_eq!(Element::from_storage(""), None);
        assert_eq!(Element::from_storage("HalfStorage"), Some(F16));
    }
}
