//! Writes files: whole, old or new, at every moment; through links; straight into what is no plain file.
//!
//! A file is written beside its place under a name of ours, `.NAME.XXXXXX.yolo-tmp`, locked for as long as it is written, and
//! renamed when it is done. What a killed process left of that is not locked, and goes with the next write into the folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::NamedTempFile;

/// Ends the name of a file that is being written.
const ENDING: &str = ".yolo-tmp";

/// Random characters in such a name.
const RANDOM: usize = 6;

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// Where a disk knows no locks, a file that nobody has written to for so long is left over.
const LEFT: Duration = Duration::from_secs(3600);

/// What is written to.
pub type Out<'a> = BufWriter<&'a File>;

/// Replaces a file, so that the new one outlasts a power cut. A link is followed, and an existing file's permissions are kept;
/// a device or a pipe is written to as it stands.
pub fn replace(path: &Path, write: impl FnOnce(&mut Out) -> io::Result<()>) -> io::Result<()> {
    put(path, true, write)
}

/// The same for what can be made again: nobody waits for the disk, and a power cut may cost the file.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    put(path, false, |out| out.write_all(content))
}

/// Removes what killed processes left in a folder; once in each process. What another process is writing stays, and so does
/// every file that is not ours.
pub fn sweep(folder: &Path) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let first = SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_path_buf());
    if first && let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.flatten().filter(|entry| is_ours(&entry.file_name())) {
            remove_stale(&entry.path());
        }
    }
}

fn put(path: &Path, durable: bool, write: impl FnOnce(&mut Out) -> io::Result<()>) -> io::Result<()> {
    let Some(path) = end_of_links(path)? else { return fill(&straight(path)?, write) };
    let old = match fs::metadata(&path) {
        // Replacing needs no right to write into a file, but who forbids writing does not want it replaced.
        Ok(old) => OpenOptions::new().write(true).open(&path).map(|_| Some(old))?,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let folder = folder(&path);
    sweep(folder);
    let file = match temporary(folder, &path, old.as_ref()) {
        // A file that may be written to in a folder that may not.
        Err(error) if old.is_some() && is_closed(&error) => return fill(&straight(&path)?, write),
        made => made?,
    };
    fill(file.as_file(), write)?;
    if durable {
        file.as_file().sync_all()?;
    }
    match file.persist(&path) {
        // A single file that is mounted into a container cannot be renamed to.
        Err(failed) if failed.error.kind() == ErrorKind::ResourceBusy => {
            fs::copy(failed.file.path(), &path)?;
        }
        renamed => _ = renamed?,
    }
    if durable { sync_folder(folder) } else { Ok(()) }
}

fn fill(file: &File, write: impl FnOnce(&mut Out) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    out.flush()
}

fn straight(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).truncate(true).open(path)
}

/// The file to replace, past all links; nothing where a device, a pipe or the like is to be written to.
fn end_of_links(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(meta) if !meta.is_file() => return Ok(None),
        _ => (),
    }
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { return Ok(Some(path)) };
        // What a process has open, such as /dev/stdout: renaming would leave it with the old file.
        if fs::canonicalize(folder(&path)).is_ok_and(|folder| folder.starts_with("/proc")) {
            return Ok(None);
        }
        path = folder(&path).join(target);
    }
    Err(io::Error::other("too many links lead to one another"))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// A locked file beside `path`, with the permissions of the file that it is to replace, or those of any new file.
fn temporary(folder: &Path, path: &Path, old: Option<&Metadata>) -> io::Result<NamedTempFile> {
    // A name may have 255 bytes, in some places 143.
    let mut room = 100;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let short = name.chars().take_while(|c| {
        room -= c.len_utf8() as i32;
        room >= 0
    });
    let prefix = format!(".{}.", short.collect::<String>());
    loop {
        let mut builder = tempfile::Builder::new();
        let file =
            permitted(builder.prefix(&prefix).suffix(ENDING).rand_bytes(RANDOM), old).tempfile_in(folder)?;
        // Some network drives know no locks.
        let _ = file.as_file().lock();
        // Before the lock another process may have taken it for left over.
        if file.path().exists() {
            like(file.as_file(), old);
            return Ok(file);
        }
    }
}

/// A temporary file is readable by its owner alone unless told otherwise.
#[cfg(unix)]
fn permitted<'a, 'b, 'c>(
    builder: &'c mut tempfile::Builder<'a, 'b>,
    old: Option<&Metadata>,
) -> &'c mut tempfile::Builder<'a, 'b> {
    use std::os::unix::fs::PermissionsExt;
    let mode = old.map_or(0o666, |old| old.permissions().mode() & 0o777);
    builder.permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permitted<'a, 'b, 'c>(
    builder: &'c mut tempfile::Builder<'a, 'b>,
    _: Option<&Metadata>,
) -> &'c mut tempfile::Builder<'a, 'b> {
    builder
}

/// Gives a file the owner and permissions of the one that it replaces, as far as this process and the disk can.
#[cfg(unix)]
fn like(file: &File, old: Option<&Metadata>) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let (Some(old), Ok(new)) = (old, file.metadata()) else { return };
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        let _ =
            fchown(file, Some(old.uid()), Some(old.gid())).or_else(|_| fchown(file, None, Some(old.gid())));
    }
    if old.mode() != new.mode() {
        let _ = file.set_permissions(old.permissions());
    }
}

#[cfg(not(unix))]
fn like(_: &File, _: Option<&Metadata>) {}

/// Whether a name is one of [`temporary`]'s.
fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(ENDING));
    let random = inner.and_then(|inner| inner.rsplit_once('.')).map(|(_, random)| random);
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Removes a file unless somebody is writing it.
fn remove_stale(path: &Path) {
    if !fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file()) {
        return;
    }
    let Ok(file) = OpenOptions::new().write(true).open(path) else { return };
    let stale = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => {
            let changed = file.metadata().and_then(|meta| meta.modified());
            changed.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT))
        }
    };
    if stale {
        // Removed while it is locked: a process that is about to lock it finds it gone and makes another.
        let _ = fs::remove_file(path);
    }
}

/// A new name outlasts a power cut only once its folder is on the disk; elsewhere than on Unix folders are not files.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let failed = replace(&path, |file| file.write_all(b"new").and(Err(io::Error::other("disk full"))));
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert!(write(folder.path(), b"new").is_err_and(|error| error.kind() == ErrorKind::IsADirectory));
    }

    #[test]
    fn names_are_ours_and_never_too_long() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["w.safetensors", &"长".repeat(85), &"x".repeat(255), "."] {
            let file = temporary(folder.path(), &folder.path().join(name), None).unwrap();
            assert!(is_ours(file.path().file_name().unwrap()), "{}", file.path().display());
        }
        for name in
            [".tmpAbC123", "w.AbC123.yolo-tmp", ".w.yolo-tmp", ".w.AbC12é.yolo-tmp", ".w.AbC123.yolo-tmp.txt"]
        {
            assert!(!is_ours(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn what_is_being_written_stays_and_what_is_left_over_goes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let names = [".w.Left00.yolo-tmp", ".w.Held00.yolo-tmp", ".tmpAbC123", "w.part"];
        for name in names {
            fs::write(at(name), name).unwrap();
        }
        let held = File::open(at(names[1])).unwrap();
        held.lock().unwrap();
        let mut during = vec![];
        replace(&at("w"), |_| {
            // The file that is being written is held, too.
            fs::read_dir(&folder)?.flatten().for_each(|entry| remove_if_ours(&entry.path(), &mut during));
            Ok(())
        })
        .unwrap();
        assert_eq!(during.len(), 2, "{during:?}");
        let mut left: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [names[2], names[1], "w", names[3]]);
    }

    fn remove_if_ours(path: &Path, seen: &mut Vec<PathBuf>) {
        if is_ours(path.file_name().unwrap()) {
            seen.push(path.to_path_buf());
            remove_stale(path);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_permissions_and_a_new_one_follows_the_umask() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        fs::write(&plain, "").unwrap();
        for put in [|path: &Path| replace(path, |_| Ok(())), |path: &Path| write(path, b"x")] {
            put(&ours).unwrap();
            assert_eq!(mode(&ours), mode(&plain));
            for kept in [0o600, 0o666, 0o777, 0o640] {
                fs::set_permissions(&ours, fs::Permissions::from_mode(kept)).unwrap();
                put(&ours).unwrap();
                assert_eq!(mode(&ours), kept);
            }
            fs::remove_file(&ours).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_their_end() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("far")).unwrap();
        symlink("far/next", at("link")).unwrap();
        symlink(at("file"), at("far/next")).unwrap();
        for content in ["made", "replaced"] {
            write(&at("link"), content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(at("file")).unwrap(), content);
            assert!(at("link").is_symlink() && at("far/next").is_symlink());
        }
        symlink("round", at("round")).unwrap();
        assert!(write(&at("round"), b"").is_err() && at("round").is_symlink());
        // Standard output, whatever it is, is not renamed to.
        if Path::new("/dev/stdout").exists() {
            assert_eq!(end_of_links(Path::new("/dev/stdout")).unwrap(), None);
        }
    }
}
