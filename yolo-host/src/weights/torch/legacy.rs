//! The form that `torch.save` wrote before PyTorch 1.6: pickles of a magic number, a protocol version, facts about
//! the system, the object and the storages' keys, then each storage: its length as `i64`, and its bytes.

use std::collections::HashMap;

use crate::weights::ErrorKind;
use crate::weights::budget::Budget;
use crate::weights::pickle::{Heap, Object, Storage, Value, load};

/// The magic number 0x1950a86a20f9469cfc6c as a pickle holds it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Before the magic number come only the pickle's protocol, perhaps a frame, and the number's length.
const LEAD: usize = 16;

/// Whether `bytes` begin like this form.
pub fn is_legacy(bytes: &[u8]) -> bool {
    let begin = &bytes[..bytes.len().min(LEAD + MAGIC.len())];
    begin.windows(MAGIC.len()).any(|window| window == MAGIC)
}

/// A file of this form.
pub struct File<'a> {
    /// The object that was saved.
    pub root: Value,
    storages: HashMap<&'a str, &'a [u8]>,
}

impl<'a> File<'a> {
    /// Reads all pickles and finds the storages.
    pub fn read(bytes: &'a [u8], heap: &mut Heap<'a>, budget: &mut Budget) -> Result<Self, ErrorKind> {
        let at = &mut 0;
        let _magic = load(bytes, at, heap, budget)?;
        let _version = load(bytes, at, heap, budget)?;
        let system = load(bytes, at, heap, budget)?;
        let little = heap.dict(system).and_then(|system| heap.get(system, "little_endian"));
        if little == Some(Value::Bool(false)) {
            return Err(ErrorKind::BigEndian);
        }
        let root = load(bytes, at, heap, budget)?;
        let keys = load(bytes, at, heap, budget)?;

        let mut sizes = HashMap::new();
        for object in heap.objects() {
            if let Object::Storage(storage) = object {
                sizes.insert(storage.key, storage.element.size());
            }
        }
        let mut storages = HashMap::new();
        let mut rest = bytes.get(*at..).unwrap_or_default();
        for key in heap.items(keys).unwrap_or_default() {
            let Some((key, size)) = heap.str(*key).and_then(|key| Some((key, *sizes.get(key)?))) else {
                let what = "a key in the list of storages that no tensor uses".to_owned();
                return Err(ErrorKind::Pickle { offset: *at, what });
            };
            let storage = take(&mut rest, size).ok_or_else(|| ErrorKind::Truncated {
                what: format!("storage {} with its length", key.escape_debug()),
                need: claimed(rest, size),
                have: rest.len() as u64,
            })?;
            storages.insert(key, storage);
        }
        Ok(File { root, storages })
    }

    /// The bytes of `storage`.
    pub fn storage(&self, storage: Storage<'a>) -> Result<&'a [u8], ErrorKind> {
        self.storages.get(storage.key).copied().ok_or_else(|| ErrorKind::Truncated {
            what: format!("storage {}, which the file does not list", storage.key.escape_debug()),
            need: (storage.len as u64).saturating_mul(storage.element.size() as u64),
            have: 0,
        })
    }
}

/// Takes one storage of elements of `size` bytes from the front of `rest`.
fn take<'a>(rest: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (count, after) = rest.split_first_chunk()?;
    let len = usize::try_from(i64::from_le_bytes(*count)).ok()?.checked_mul(size)?;
    let (storage, after) = after.split_at_checked(len)?;
    *rest = after;
    Some(storage)
}

/// The bytes that the storage at the front of `rest` claims to take.
fn claimed(rest: &[u8], size: usize) -> u64 {
    let count = rest.first_chunk().map_or(0, |count| u64::from_le_bytes(*count));
    count.saturating_mul(size as u64).saturating_add(8)
}
