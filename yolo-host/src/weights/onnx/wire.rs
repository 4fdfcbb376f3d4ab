//! Protocol buffers as they lie in a file: numbered fields, read in place, so that no file takes more memory than it has bytes
//! (<https://protobuf.dev/programming-guides/encoding>).

use crate::weights::ErrorKind;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// An integer.
    Int(u64),
    /// Four bytes: a float.
    Four([u8; 4]),
    /// Eight bytes: a double.
    Eight([u8; 8]),
    /// A text, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// A message's or text's bytes; none for a number.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Value::Bytes(bytes) => bytes,
            Value::Int(_) | Value::Four(_) | Value::Eight(_) => &[],
        }
    }

    /// A text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(self) -> Result<&'a str, ErrorKind> {
        std::str::from_utf8(self.bytes()).map_err(|_| ErrorKind::Onnx("a name in it is no text".to_owned()))
    }

    /// An integer; 0 for something else.
    pub fn int(self) -> i64 {
        match self {
            Value::Int(value) => value as i64,
            Value::Four(_) | Value::Eight(_) | Value::Bytes(_) => 0,
        }
    }

    /// A float; 0 for something else.
    pub fn float(self) -> f32 {
        match self {
            Value::Four(bytes) => f32::from_le_bytes(bytes),
            Value::Int(_) | Value::Eight(_) | Value::Bytes(_) => 0.0,
        }
    }
}

/// The fields of a message, in their order; after an error there are no more.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of the message in `bytes`.
pub fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields { rest: bytes }
}

/// Integers of a repeated field, one alone or packed.
pub fn ints(value: Value) -> Result<Vec<i64>, ErrorKind> {
    let Value::Bytes(bytes) = value else { return Ok(vec![value.int()]) };
    let (mut rest, mut all) = (bytes, vec![]);
    while !rest.is_empty() {
        all.push(varint(&mut rest).ok_or_else(broken)? as i64);
    }
    Ok(all)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), ErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = field(&mut self.rest);
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or_else(broken))
    }
}

fn broken() -> ErrorKind {
    ErrorKind::Onnx("it is cut short, damaged, or no ONNX file".to_owned())
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let key = varint(rest)?;
    let value = match key & 7 {
        0 => Value::Int(varint(rest)?),
        1 => Value::Eight(*take(rest, 8)?.first_chunk()?),
        2 => {
            let len = varint(rest)?;
            Value::Bytes(take(rest, usize::try_from(len).ok()?)?)
        }
        5 => Value::Four(*take(rest, 4)?.first_chunk()?),
        _ => return None,
    };
    Some((key >> 3, value))
}

/// Seven bits a byte, the lowest first; the eighth says that there is more.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in 0..10 {
        let byte = *take(rest, 1)?.first()?;
        value |= u64::from(byte & 127) << (7 * shift);
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (piece, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_field_is_read() {
        let bytes =
            [0x08, 0x96, 0x01, 0x15, 0, 0, 0x80, 0x3f, 0x19, 1, 0, 0, 0, 0, 0, 0, 0, 0x22, 2, b'a', b'b'];
        let read: Vec<_> = fields(&bytes).map(Result::unwrap).collect();
        let want = [(1, Value::Int(150)), (2, Value::Four([0, 0, 0x80, 0x3f]))];
        assert_eq!(read[..2], want);
        assert_eq!(read[2], (3, Value::Eight([1, 0, 0, 0, 0, 0, 0, 0])));
        assert_eq!((read[1].1.float(), read[3].1.text().unwrap()), (1.0, "ab"));
        assert_eq!(ints(Value::Bytes(&[1, 0x96, 1])).unwrap(), [1, 150]);
        assert_eq!(ints(Value::Int(u64::MAX)).unwrap(), [-1]);
    }

    #[test]
    fn what_is_cut_short_ends_with_an_error() {
        for bytes in [&[0x22, 5, 1][..], &[0x08], &[0x08, 0x80], &[0x0b], &[0xff; 20], &[0x15, 1]] {
            let read: Vec<_> = fields(bytes).collect();
            assert!(matches!(&read[..], [Err(_)]), "{read:?}");
        }
        assert!(ints(Value::Bytes(&[0x80])).is_err());
    }
}
