//! The zip archive of `torch.save`: `NAME/data.pkl`, one file `NAME/data/KEY` a storage, and a few small notes.
//! Nothing in it is compressed, so that its files can be looked at where they lie.

use std::collections::HashMap;
use std::io::{self, Cursor};

use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::weights::ErrorKind;
use crate::weights::budget::Budget;
use crate::weights::kind;
use crate::weights::pickle::Storage;

const PICKLE: &str = "data.pkl";

/// The signature of the record that ends one, which is no longer than this with its comment.
const END: &[u8] = b"PK\x05\x06";
const END_LEN: usize = 22 + 0xffff;

/// The error for an archive whose table of contents cannot be read: most often a download that broke off.
fn damaged(bytes: &[u8], error: ZipError) -> ErrorKind {
    let tail = &bytes[bytes.len().saturating_sub(END_LEN)..];
    match tail.windows(END.len()).any(|window| window == END) {
        true => ErrorKind::Archive(error),
        false => {
            let have = bytes.len();
            let what = format!("it was cut short: its end is missing, only {have} bytes are there");
            ErrorKind::Archive(ZipError::InvalidArchive(what.into()))
        }
    }
}

/// An opened archive.
pub struct Archive<'a> {
    bytes: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The folder that everything lies in, with its slash.
    prefix: String,
    /// Storages already found.
    storages: HashMap<&'a str, &'a [u8]>,
}

impl<'a> Archive<'a> {
    /// Reads the table of contents.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ErrorKind> {
        // PyTorch puts zip64's records between table and end without saying so at the end. A guess of where the archive
        // begins can then be wrong by their size; it begins where its magic number stands.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip =
            ZipArchive::with_config(config, Cursor::new(bytes)).map_err(|error| damaged(bytes, error))?;
        let mut pickles = zip
            .file_names()
            .filter_map(|name| Some(name.ok()?.strip_suffix(PICKLE)?.to_owned()))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('/'));
        let not_weights = |what: &str| Err(ErrorKind::NotWeights(what.to_owned()));
        let prefix = match (pickles.next(), pickles.next()) {
            (Some(prefix), None) => prefix,
            (None, _) => {
                let names: Vec<_> = zip.file_names().filter_map(Result::ok).collect();
                return Err(kind::archive(&names.iter().map(|name| &**name).collect::<Vec<_>>()));
            }
            _ => return not_weights("a zip archive with several data.pkl"),
        };
        drop(pickles);
        let script = format!("{prefix}constants.pkl");
        if zip.index_for_name(&script).is_some() {
            return Err(kind::script());
        }
        Ok(Archive { bytes, zip, prefix, storages: HashMap::new() })
    }

    /// The pickle, once the notes beside it are known to agree with us.
    pub fn pickle(&mut self, budget: &mut Budget) -> Result<&'a [u8], ErrorKind> {
        // Files from before PyTorch 2.1 do not say; all machines that wrote them were little-endian.
        if self.file("byteorder", budget)?.is_some_and(|order| order != b"little") {
            return Err(ErrorKind::BigEndian);
        }
        let missing = || ErrorKind::NotWeights(format!("the archive's {PICKLE} is missing"));
        self.file(PICKLE, budget)?.ok_or_else(missing)
    }

    /// The bytes of `storage`.
    pub fn storage(&mut self, storage: Storage<'a>, budget: &mut Budget) -> Result<&'a [u8], ErrorKind> {
        if let Some(bytes) = self.storages.get(storage.key) {
            return Ok(bytes);
        }
        let name = format!("data/{}", storage.key);
        let bytes = self.file(&name, budget)?.ok_or_else(|| ErrorKind::Truncated {
            what: format!("the storage {} in the archive", name.escape_debug()),
            need: (storage.len as u64).saturating_mul(storage.element.size() as u64),
            have: 0,
        })?;
        self.storages.insert(storage.key, bytes);
        Ok(bytes)
    }

    /// The bytes of the file `name`, with their checksum verified.
    fn file(&mut self, name: &str, budget: &mut Budget) -> Result<Option<&'a [u8]>, ErrorKind> {
        let Some(index) = self.zip.index_for_name(&format!("{}{name}", self.prefix)) else {
            return Ok(None);
        };
        let mut file = self.zip.by_index(index).map_err(ErrorKind::Archive)?;
        if file.compression() != CompressionMethod::Stored {
            let error = ZipError::UnsupportedArchive("its files are compressed");
            return Err(ErrorKind::Archive(error));
        }
        // Files of an archive can overlap, so that a small one seems to hold much; reading them has its price too.
        let len = usize::try_from(file.size()).unwrap_or(usize::MAX);
        budget.take(len, "the content of the archive")?;
        io::copy(&mut file, &mut io::sink()).map_err(|e| ErrorKind::Archive(e.into()))?;
        let start = file.data_start().and_then(|start| usize::try_from(start).ok()).unwrap_or(usize::MAX);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let bytes = rest.get(..len).ok_or_else(|| ErrorKind::Truncated {
            what: format!("{} in the archive", name.escape_debug()),
            need: len as u64,
            have: rest.len() as u64,
        })?;
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::weights::element::Element;

    /// Names and contents.
    type Files<'a> = &'a [(&'a str, &'a [u8])];

    fn zip(files: Files) -> Vec<u8> {
        stored(false, files)
    }

    fn stored(large: bool, files: Files) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
        for (name, content) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default().large_file(large)).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// `zip` as PyTorch writes it: with zip64's two records before the end, which does not mention them.
    fn with_records(zip: &[u8]) -> Vec<u8> {
        let (before, end) = zip.split_at(zip.len() - 22);
        let wide = |range: std::ops::Range<usize>| {
            let mut number = [0; 8];
            number[..range.len()].copy_from_slice(&end[range]);
            number
        };
        let (count, table) = (wide(10..12), [wide(12..16), wide(16..20)].concat());
        let versions = [44, 0, 0, 0, 0, 0, 0, 0, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let record = [b"PK\x06\x06", &versions[..], &count, &count, &table].concat();
        let place = (before.len() as u64).to_le_bytes();
        [before, &record, b"PK\x06\x07\0\0\0\0", &place, &[1, 0, 0, 0], end].concat()
    }

    /// Reads a checkpoint whose folder is called `name`, in every form that a zip archive of it can have.
    fn opens(name: &str) {
        for large in [false, true] {
            let plain = stored(
                large,
                &[(&format!("{name}/data.pkl"), b"N."), (&format!("{name}/data/7"), b"\x01\x02")],
            );
            for bytes in [with_records(&plain), plain] {
                let mut budget = Budget::for_file(bytes.len());
                let mut archive = Archive::open(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(archive.pickle(&mut budget).unwrap(), b"N.", "{name}");
                let storage = Storage { key: "7", element: Element::F16, len: 1 };
                assert_eq!(archive.storage(storage, &mut budget).unwrap(), b"\x01\x02", "{name}");
            }
        }
    }

    /// With 21 characters an entry of the table is as long as zip64's records.
    #[test]
    fn a_folder_s_name_may_have_any_length() {
        (1..=200).for_each(|length| opens(&"x".repeat(length)));
    }

    proptest::proptest! {
        #[test]
        fn a_folder_may_have_any_name(name in "[ -.0-~äß血]{1,200}") {
            opens(&name);
        }
    }

    fn pickle(bytes: &[u8]) -> Result<&[u8], ErrorKind> {
        Archive::open(bytes)?.pickle(&mut Budget::for_file(bytes.len()))
    }

    #[test]
    fn finds_its_files_under_any_prefix() {
        for prefix in ["", "archive/", "a/b/"] {
            let [data, seven] = ["data.pkl", "data/7"].map(|name| format!("{prefix}{name}"));
            let bytes = zip(&[(&data, b"N."), (&seven, b"\x01\x02")]);
            assert!(crate::weights::torch::is_archive(&bytes));
            let (mut archive, mut budget) = (Archive::open(&bytes).unwrap(), Budget::for_file(bytes.len()));
            assert_eq!(archive.pickle(&mut budget).unwrap(), b"N.");
            let storage = Storage { key: "7", element: Element::F16, len: 1 };
            assert_eq!(archive.storage(storage, &mut budget).unwrap(), b"\x01\x02");
            let missing =
                archive.storage(Storage { key: "8", ..storage }, &mut budget).unwrap_err().to_string();
            assert!(
                missing.contains("the storage data/8 in the archive: 2 bytes announced, only 0"),
                "{missing}"
            );
        }
    }

    #[test]
    fn other_archives_are_told_apart() {
        let cases: [(Files, &str); 5] = [
            (&[("a.txt", b"")], "without the data.pkl"),
            (&[("xdata.pkl", b"")], "without the data.pkl"),
            (&[("a/data.pkl", b""), ("b/data.pkl", b"")], "several data.pkl"),
            (&[("a/data.pkl", b""), ("a/constants.pkl", b"")], "TorchScript"),
            (&[("a/data.pkl", b""), ("a/byteorder", b"big")], "big-endian"),
        ];
        for (files, want) in cases {
            let error = pickle(&zip(files)).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn damage_is_noticed() {
        let bytes = zip(&[("a/data.pkl", b"(NNt.")]);
        let mut flipped = bytes.clone();
        let at = flipped.windows(5).position(|w| w == b"(NNt.").unwrap();
        flipped[at] ^= 1;
        assert!(matches!(pickle(&flipped), Err(ErrorKind::Archive(_))));
        assert!(matches!(pickle(&bytes[..bytes.len() - 1]), Err(ErrorKind::Archive(_))));
    }

    #[test]
    fn compressed_files_are_refused() {
        let mut bytes = zip(&[("a/data.pkl", b"(NNt.")]);
        // The method stands eight bytes into the file's header, and ten into its entry in the table of contents.
        let table = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        (bytes[8], bytes[table + 10]) = (8, 8);
        assert!(matches!(pickle(&bytes), Err(ErrorKind::Archive(_))));
    }
}
