//! The instructions of pickle protocols 0 to 5: decodes one after the other.
//!
//! Instructions that differ only in how they spell their operand become one. See `Lib/pickletools.py` of CPython.

use super::heap::Value;
use crate::weights::ErrorKind;

/// An instruction with its operand; `'a` is the pickle's bytes.
#[derive(Debug, PartialEq)]
pub enum Op<'a> {
    /// Pushes a value.
    Push(Value),
    /// Pushes a text.
    Str(&'a str),
    /// Pushes an empty container.
    EmptyTuple,
    EmptyList,
    EmptyDict,
    EmptySet,
    /// Pushes a mark, up to which others take values.
    Mark,
    /// Takes that many values, or those up to the mark, and pushes a container.
    Tuple(Option<usize>),
    List,
    Dict,
    FrozenSet,
    /// Takes values (one, or those up to the mark) and puts them into the container below.
    Append,
    Appends,
    SetItem,
    SetItems,
    AddItems,
    Pop,
    PopMark,
    Dup,
    /// Looks the top value up in the memo, or keeps it there.
    Get(u32),
    Put(u32),
    Memoize,
    /// Pushes what a name means.
    Global(&'a str, &'a str),
    StackGlobal,
    /// Calls: with arguments, with keyword arguments too, or with those up to the mark.
    Call,
    CallKeywords,
    CallMark(&'a str, &'a str),
    CallMarkStack,
    /// Sets an object's state.
    Build,
    /// Resolves an identifier of the file format around the pickle.
    Persistent,
    /// Protocol and frames: nothing to do.
    Nothing,
    Stop,
}

/// A position in the pickle.
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Bytes read.
    pub at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Reader { bytes, at }
    }

    /// Decodes the next instruction.
    pub fn op(&mut self) -> Result<Op<'a>, ErrorKind> {
        let start = self.at;
        let [code] = self.array()?;
        Ok(match code {
            b'N' => Op::Push(Value::None),
            0x88 => Op::Push(Value::Bool(true)),
            0x89 => Op::Push(Value::Bool(false)),
            b'J' => Op::Push(Value::Int(i32::from_le_bytes(self.array()?).into())),
            b'K' => Op::Push(Value::Int(u8::from_le_bytes(self.array()?).into())),
            b'M' => Op::Push(Value::Int(u16::from_le_bytes(self.array()?).into())),
            b'I' => Op::Push(integer_line(self.line()?)),
            b'L' => Op::Push(integer_line(self.line()?.trim_end_matches('L'))),
            0x8a => Op::Push(long(self.run8()?)),
            0x8b => Op::Push(long(self.run32()?)),
            b'G' => Op::Push(Value::Float(f64::from_be_bytes(self.array()?))),
            b'F' => Op::Push(self.line()?.parse().map_or(Value::Opaque, Value::Float)),
            b'X' => Op::Str(text(start, self.run32()?)?),
            0x8c => Op::Str(text(start, self.run8()?)?),
            0x8d => Op::Str(text(start, self.run64()?)?),
            b'C' | b'U' => self.run8().map(|_| Op::Push(Value::Opaque))?,
            b'B' | b'T' => self.run32().map(|_| Op::Push(Value::Opaque))?,
            0x8e | 0x96 => self.run64().map(|_| Op::Push(Value::Opaque))?,
            b')' => Op::EmptyTuple,
            b']' => Op::EmptyList,
            b'}' => Op::EmptyDict,
            0x8f => Op::EmptySet,
            b'(' => Op::Mark,
            b't' => Op::Tuple(None),
            0x85 => Op::Tuple(Some(1)),
            0x86 => Op::Tuple(Some(2)),
            0x87 => Op::Tuple(Some(3)),
            b'l' => Op::List,
            b'd' => Op::Dict,
            0x91 => Op::FrozenSet,
            b'a' => Op::Append,
            b'e' => Op::Appends,
            b's' => Op::SetItem,
            b'u' => Op::SetItems,
            0x90 => Op::AddItems,
            b'0' => Op::Pop,
            b'1' => Op::PopMark,
            b'2' => Op::Dup,
            b'h' => Op::Get(u8::from_le_bytes(self.array()?).into()),
            b'j' => Op::Get(u32::from_le_bytes(self.array()?)),
            b'g' => Op::Get(self.index_line(start)?),
            b'q' => Op::Put(u8::from_le_bytes(self.array()?).into()),
            b'r' => Op::Put(u32::from_le_bytes(self.array()?)),
            b'p' => Op::Put(self.index_line(start)?),
            0x94 => Op::Memoize,
            b'c' => Op::Global(self.line()?, self.line()?),
            0x93 => Op::StackGlobal,
            b'R' | 0x81 => Op::Call,
            0x92 => Op::CallKeywords,
            b'i' => Op::CallMark(self.line()?, self.line()?),
            b'o' => Op::CallMarkStack,
            b'b' => Op::Build,
            b'Q' => Op::Persistent,
            0x80 => self.protocol(start)?,
            // A frame only tells a reader how much to buffer.
            0x95 => self.take(8).map(|_| Op::Nothing)?,
            b'.' => Op::Stop,
            // Protocol 0 texts (S, V, P), extension codes and out-of-band buffers: torch.save writes none of them.
            _ => return Err(fault(start, format!("unknown instruction {code:#04x}"))),
        })
    }

    fn protocol(&mut self, start: usize) -> Result<Op<'a>, ErrorKind> {
        match self.array()? {
            [0..=5] => Ok(Op::Nothing),
            [version] => Err(fault(start, format!("protocol {version} is newer than 5"))),
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], ErrorKind> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..len).ok_or_else(|| ErrorKind::Truncated {
            what: format!("the pickle's instruction at byte {}", self.at),
            need: len as u64,
            have: rest.len() as u64,
        })?;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ErrorKind> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// The bytes whose number stands before them, in one byte.
    fn run8(&mut self) -> Result<&'a [u8], ErrorKind> {
        let len = u8::from_le_bytes(self.array()?);
        self.take(len.into())
    }

    /// As [`Reader::run8`], with the number in four bytes. It is signed in `LONG4` and `BINSTRING`; a negative one
    /// becomes so large here that it is refused all the same.
    fn run32(&mut self) -> Result<&'a [u8], ErrorKind> {
        let len = u32::from_le_bytes(self.array()?);
        self.take(len as usize)
    }

    /// As [`Reader::run8`], with the number in eight bytes.
    fn run64(&mut self) -> Result<&'a [u8], ErrorKind> {
        let len = u64::from_le_bytes(self.array()?);
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    /// The text up to the end of the line, which is consumed too.
    fn line(&mut self) -> Result<&'a str, ErrorKind> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let len = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        let line = self.take(len)?;
        self.take(1)?;
        text(start, line)
    }

    fn index_line(&mut self, start: usize) -> Result<u32, ErrorKind> {
        self.line()?.parse().map_err(|_| fault(start, "a memo index that is no number"))
    }
}

fn text(offset: usize, bytes: &[u8]) -> Result<&str, ErrorKind> {
    std::str::from_utf8(bytes).map_err(|e| fault(offset, e.to_string()))
}

/// An integer in two's complement, little-endian, of any length.
fn long(bytes: &[u8]) -> Value {
    let negative = bytes.last().is_some_and(|top| top & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; size_of::<i64>()];
    let Some(low) = wide.get_mut(..bytes.len()) else {
        return Value::Opaque;
    };
    low.copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}

/// Protocols 0 and 1 spell booleans as integers of two digits.
fn integer_line(line: &str) -> Value {
    match line {
        "00" => Value::Bool(false),
        "01" => Value::Bool(true),
        _ => line.parse().map_or(Value::Opaque, Value::Int),
    }
}

/// The error for a pickle that is wrong at `offset`.
pub fn fault(offset: usize, what: impl Into<String>) -> ErrorKind {
    ErrorKind::Pickle { offset, what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Result<Op<'_>, ErrorKind> {
        Reader::new(bytes, 0).op()
    }

    #[test]
    fn numbers_of_every_spelling() {
        let cases: [(&[u8], Value); 15] = [
            (b"J\xff\xff\xff\xff", Value::Int(-1)),
            (b"K\xff", Value::Int(255)),
            (b"M\x00\x01", Value::Int(256)),
            (b"I-7\n", Value::Int(-7)),
            (b"I01\n", Value::Bool(true)),
            (b"L12L\n", Value::Int(12)),
            (b"\x8a\x00", Value::Int(0)),
            (b"\x8a\x02\x00\xff", Value::Int(-256)),
            (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", Value::Int(i64::MAX)),
            (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01", Value::Opaque),
            (b"\x8b\x01\x00\x00\x00\x80", Value::Int(-128)),
            (b"G\x3f\xe0\x00\x00\x00\x00\x00\x00", Value::Float(0.5)),
            (b"F0.25\n", Value::Float(0.25)),
            (b"\x89", Value::Bool(false)),
            (b"C\x02ab", Value::Opaque),
        ];
        for (bytes, want) in cases {
            let mut reader = Reader::new(bytes, 0);
            assert_eq!(reader.op().unwrap(), Op::Push(want), "{bytes:x?}");
            assert_eq!(reader.at, bytes.len(), "{bytes:x?}");
        }
    }

    #[test]
    fn texts_and_names() {
        assert_eq!(one(b"X\x02\x00\x00\x00ab").unwrap(), Op::Str("ab"));
        assert_eq!(one(b"\x8c\x03\xe8\xa1\x80").unwrap(), Op::Str("血"));
        assert_eq!(one(b"\x8d\x01\x00\x00\x00\x00\x00\x00\x00a").unwrap(), Op::Str("a"));
        assert_eq!(one(b"cos\nsystem\n").unwrap(), Op::Global("os", "system"));
        assert_eq!(one(b"\x80\x05").unwrap(), Op::Nothing);
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_an_error() {
        for bytes in
            [&b""[..], b"J\0", b"X\xff\xff\xff\xffa", b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa", b"cos", b"I1"]
        {
            assert!(matches!(one(bytes), Err(ErrorKind::Truncated { .. })), "{bytes:x?}");
        }
        for bytes in [&b"\x80\x06"[..], b"\x8c\x01\xff", b"\x97", b"\xff", b"gx\n"] {
            assert!(matches!(one(bytes), Err(ErrorKind::Pickle { .. })), "{bytes:x?}");
        }
    }
}
