//! One reader for text of any origin: labels, lists, YAML, XML and JSON as editors of all systems save them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The most bytes of a text file; the largest real ones are annotations in JSON of a few hundred MiB.
const MAX_BYTES: u64 = 1 << 30;

/// A file that is no text, each message naming the file and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read '{}': {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The file is larger than any text.
    #[error("'{}' has over {} MiB, too many for a text file", path.display(), limit >> 20)]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most bytes that it may have.
        limit: u64,
    },
    /// The bytes are not of the encoding that they should be of.
    #[error("'{}', {fault}", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// Where and why.
        fault: Fault,
    },
}

/// Why bytes are no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}; save the file as UTF-8")]
pub struct Fault {
    /// The line of the first bad byte, from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

impl Fault {
    /// The same as an error of a file.
    pub fn in_file(self, path: &Path) -> Error {
        Error::Encoding { path: path.to_path_buf(), fault: self }
    }
}

/// A file's text: UTF-8, or whatever its byte order mark says, with every line ending in `\n`.
///
/// # Errors
/// [`Error`].
pub fn read(path: &Path) -> Result<String, Error> {
    decode(&bytes(path)?, None).map_err(|fault| fault.in_file(path))
}

/// The bytes of a file that has the size of a text.
///
/// # Errors
/// [`Error::Read`] and [`Error::TooLong`].
pub fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    // The size that the system gives may be wrong: a pipe has none.
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Err(cause) => Err(Error::Read { path: path.to_path_buf(), cause }),
        Ok(_) if bytes.len() as u64 > MAX_BYTES => {
            Err(Error::TooLong { path: path.to_path_buf(), limit: MAX_BYTES })
        }
        Ok(_) => Ok(bytes),
    }
}

/// Bytes as text, every line ending in `\n`. A byte order mark decides on the encoding, then `declared`, the name that
/// an XML declaration gives; without both it is UTF-8, or UTF-16 where every second byte of the first character is nought.
///
/// # Errors
/// [`Fault`]: an unknown encoding, or the first byte that is not of it.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> Result<String, Fault> {
    let first = |why: String| Fault { line: 1, why };
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(first("the text is UTF-32".into()));
    }
    let (encoding, mark) = match (Encoding::for_bom(bytes), utf16(bytes), declared) {
        (Some(found), ..) => found,
        (None, Some(encoding), _) => (encoding, 0),
        (None, None, Some(name)) => {
            let known = Encoding::for_label_no_replacement(name.as_bytes());
            let encoding = known.ok_or_else(|| first(format!("the encoding '{name}' is not known")))?;
            // Who could read the name byte by byte does not read UTF-16.
            (if [UTF_16LE, UTF_16BE].contains(&encoding) { UTF_8 } else { encoding }, 0)
        }
        (None, None, None) => (UTF_8, 0),
    };
    let text = whole(&bytes[mark..], encoding)?;
    if let Some(at) = text.find('\0') {
        return Err(Fault { line: line(&text[..at]), why: "a zero byte, which no text has".into() });
    }
    Ok(plain(text))
}

/// UTF-16 without its mark: the first character of what we read is always one of ASCII.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [first, 0, ..] if *first != 0 => Some(UTF_16LE),
        [0, second, ..] if *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// All of the bytes, or the place of the first that does not belong there.
fn whole(bytes: &[u8], encoding: &'static Encoding) -> Result<String, Fault> {
    let bad = |before: &str, byte: Option<&u8>| Fault {
        line: line(before),
        why: match byte {
            Some(byte) => format!("not {} (byte 0x{byte:02X})", encoding.name()),
            None => format!("not whole {}", encoding.name()),
        },
    };
    if encoding == UTF_8 {
        let told = |fault: std::str::Utf8Error| {
            let (before, after) = bytes.split_at(fault.valid_up_to());
            bad(std::str::from_utf8(before).unwrap_or_default(), after.first())
        };
        return std::str::from_utf8(bytes).map(str::to_owned).map_err(told);
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::new();
    let mut read = 0;
    loop {
        let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len() - read);
        text.reserve(room.unwrap_or(0).max(64));
        let (result, more) = decoder.decode_to_string_without_replacement(&bytes[read..], &mut text, true);
        read += more;
        match result {
            DecoderResult::InputEmpty => return Ok(text),
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, after) => {
                let at = read.checked_sub(usize::from(length) + usize::from(after));
                return Err(bad(&text, at.and_then(|at| bytes.get(at))));
            }
        }
    }
}

/// Lines that all end in `\n`. Marks at their starts, left by files that were joined, go as well.
fn plain(text: String) -> String {
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
    if !text.contains('\u{feff}') {
        return text;
    }
    let text = text.replace("\n\u{feff}", "\n");
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// A number of things: `1 image`, `2 images`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The number of the line that follows this text, whatever its lines end in.
fn line(before: &str) -> usize {
    let both = before.matches("\r\n").count();
    1 + before.matches(['\n', '\r']).count() - both
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, mark: bool, little: bool) -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn marks_and_line_ends_go() {
        let text = "a: 猫\nb: 🐈\n\nc";
        for ends in ["\n", "\r\n", "\r"] {
            let written = text.replace('\n', ends);
            let marked = format!("\u{feff}{written}").into_bytes();
            let mut files = vec![written.clone().into_bytes(), marked];
            for little in [true, false] {
                files.extend([true, false].map(|mark| utf16(&written, mark, little)));
            }
            for bytes in files {
                assert_eq!(decode(&bytes, None).as_deref(), Ok(text), "{bytes:?}");
            }
        }
        assert_eq!(decode("\u{feff}a\r\n\u{feff}b".as_bytes(), None).as_deref(), Ok("a\nb"));
        assert_eq!(decode(b"", None).as_deref(), Ok(""));
    }

    #[test]
    fn a_declared_encoding_is_used_and_an_unknown_one_named() {
        // Bytes that say otherwise win over a name that cannot be true.
        for (bytes, name, want) in [
            (&b"\xc3\xa8\r\n"[..], "GB2312", "猫\n"),
            (&b"\xe8\x8c\x85\r\n"[..], "utf-8", "茅\n"),
            (&b"\xe8\x8c\x85\r\n"[..], "UTF-16", "茅\n"),
            (&b"\xef\xbb\xbf\xe8\x8c\x85\r\n"[..], "latin1", "茅\n"),
        ] {
            assert_eq!(decode(bytes, Some(name)).as_deref(), Ok(want), "{name}");
        }
        assert_eq!(decode(b"caf\xe9", Some("ISO-8859-1")).as_deref(), Ok("café"));
        let told = decode(b"a", Some("klingon")).unwrap_err().to_string();
        assert_eq!(told, "line 1: the encoding 'klingon' is not known; save the file as UTF-8");
    }

    #[test]
    fn what_is_no_text_is_told_by_line() {
        let cases: [(&[u8], Option<&str>, &str); 9] = [
            (b"a\nb\n\xc3\xc8", None, "line 3: not UTF-8 (byte 0xC3)"),
            (b"a\rb\r\n\xe9t\xe9", None, "line 3: not UTF-8 (byte 0xE9)"),
            (b"a\nb\x00", None, "line 2: a zero byte"),
            (b"\xff\xfea\0\n\0\x00\xd8b\0", None, "line 2: not UTF-16LE (byte"),
            (b"\xff\xfea\0\n\0b", None, "line 2: not UTF-16LE (byte"),
            (b"\xfe\xff\0a\0", None, "line 1: not UTF-16BE (byte"),
            (b"a\n\x81", Some("GBK"), "line 2: not GBK (byte 0x81)"),
            (b"\xff\xfe\0\0a\0\0\0", None, "line 1: the text is UTF-32"),
            (b"\0\0", None, "line 1: a zero byte"),
        ];
        for (bytes, declared, want) in cases {
            let got = decode(bytes, declared).unwrap_err().to_string();
            assert!(
                got.starts_with(want) && got.ends_with("; save the file as UTF-8"),
                "{got}\nrather than {want}"
            );
        }
        let told = read(Path::new("nowhere.txt")).unwrap_err().to_string();
        assert!(told.starts_with("cannot read 'nowhere.txt'"), "{told}");
        let told = Fault { line: 5, why: "odd".into() }.in_file(Path::new("a b.txt")).to_string();
        assert_eq!(told, "'a b.txt', line 5: odd; save the file as UTF-8");
    }

    proptest! {
        /// Bytes of any kind come out as text, without marks and carriage returns, or as a fault at a line that is there.
        #[test]
        fn anything_is_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), name in prop::sample::select(vec!["", "gbk", "utf-16", "shift_jis", "iso-2022-jp", "x"])) {
            match decode(&bytes, (!name.is_empty()).then_some(name)) {
                Ok(text) => prop_assert!(!text.contains(['\r', '\0'])),
                Err(fault) => prop_assert!((1..=bytes.len() + 1).contains(&fault.line)),
            }
        }

        /// What one writer wrote is read, whatever it was written as.
        #[test]
        fn every_writing_is_read(text in "[ -~äß猫🐈\n]{0,40}") {
            prop_assert_eq!(decode(text.as_bytes(), None), Ok(text.clone()));
            for little in [true, false] {
                prop_assert_eq!(decode(&utf16(&text.replace('\n', "\r\n"), true, little), None), Ok(text.clone()));
            }
        }
    }
}
