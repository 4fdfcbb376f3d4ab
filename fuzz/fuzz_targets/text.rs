//! Any bytes as a text of any origin, the first of them choosing the encoding that they declare.

#![no_main]

use libfuzzer_sys::fuzz_target;
use yolo_host::text::decode;

const NAMES: [&str; 8] =
    ["utf-8", "UTF-16", "gb2312", "gb18030", "Shift_JIS", "iso-2022-jp", "windows-1252", "replacement"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    match decode(bytes, NAMES.get(usize::from(*first)).copied()) {
        Ok(text) => assert!(!text.contains(['\r', '\0'])),
        Err(fault) => assert!((1..=bytes.len() + 1).contains(&fault.line)),
    }
});
