//! A look into a library's file before any of its code runs.

use super::LibraryError;
use object::read::{ReadCache, ReadRef};
use object::{Architecture, BinaryFormat, File, Object, ObjectKind, ObjectSegment, ObjectSymbol, SymbolKind};
use std::path::Path;
use yolo_plugin::abi::ENTRY;

/// Fails unless the file is a whole dynamic library for this machine that exports the entry of plugins.
pub fn inspect(path: &Path) -> Result<(), LibraryError> {
    let failed = |source| LibraryError::Read { source };
    // Opening a pipe would wait for whoever writes to it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("it is not a file")));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    look(&ReadCache::new(file), length)
}

/// The same for the bytes of a library's file.
pub fn check(bytes: &[u8]) -> Result<(), LibraryError> {
    look(bytes, bytes.len() as u64)
}

fn look<'a>(bytes: impl ReadRef<'a>, length: u64) -> Result<(), LibraryError> {
    let file = File::parse(bytes).map_err(|error| LibraryError::Format { why: error.to_string() })?;
    let (format, machine) = (file.format(), file.architecture());
    let here = architecture();
    if format != BinaryFormat::native_object() || here.is_some_and(|here| here != machine) {
        let found = format!("{format:?} for {machine:?}");
        let needed = format!("{:?} for {}", BinaryFormat::native_object(), std::env::consts::ARCH);
        return Err(LibraryError::Machine { found, needed });
    }
    if file.kind() != ObjectKind::Dynamic {
        return Err(LibraryError::Format { why: format!("it is of the kind {:?}", file.kind()) });
    }
    // The loader maps what the headers promise; what is not there would end the process when it is read.
    let ends = file.segments().map(|segment| {
        let (start, size) = segment.file_range();
        start.checked_add(size)
    });
    if ends.into_iter().any(|end| end.is_none_or(|end| end > length)) {
        return Err(LibraryError::Format { why: "it is cut short".into() });
    }
    let symbols = file.exports().map_err(|error| LibraryError::Format { why: error.to_string() })?;
    // Mach-O puts an underscore before the names of C.
    let is_entry = |name: &[u8]| name.strip_prefix(b"_").unwrap_or(name) == ENTRY.as_bytes();
    if !symbols.iter().any(|symbol| is_entry(symbol.name())) {
        return Err(LibraryError::NoEntry);
    }
    // Where the format tells; to call it would end the process.
    let is_data = |kind| matches!(kind, SymbolKind::Data | SymbolKind::Tls);
    let mut symbols = file.dynamic_symbols();
    if symbols.any(|symbol| is_data(symbol.kind()) && symbol.name_bytes().is_ok_and(is_entry)) {
        return Err(LibraryError::Unsound { why: format!("its {ENTRY} is not a function") });
    }
    Ok(())
}

/// This machine, where it is one that we know by both names.
fn architecture() -> Option<Architecture> {
    Some(match std::env::consts::ARCH {
        "x86" => Architecture::I386,
        "x86_64" => Architecture::X86_64,
        "arm" => Architecture::Arm,
        "aarch64" => Architecture::Aarch64,
        "riscv64" => Architecture::Riscv64,
        "loongarch64" => Architecture::LoongArch64,
        "powerpc64" => Architecture::PowerPc64,
        "s390x" => Architecture::S390x,
        _ => return None,
    })
}
