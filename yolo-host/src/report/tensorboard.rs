//! Event files that TensorBoard shows: scalars with upstream's tags, and images.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::record::Message;
use super::{COLUMNS, EpochRow, Error};

/// An event file that is being written. Each event goes to the file at once, in one piece; TensorBoard passes over a
/// last one that is torn.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Begins a file of its own in the folder of a run, `events.out.tfevents.SECONDS.HOST.PROCESS.COUNT`.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let seconds = now() as u64;
        let host = host();
        let name = |count| format!("events.out.tfevents.{seconds}.{host}.{}.{count}", std::process::id());
        let mut count = 0;
        let (path, file) = loop {
            let path = folder.join(name(count));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => count += 1,
                Err(cause) => return Err(Error::Write { path, cause }),
            }
        };
        let mut events = EventFile { path, file };
        events.write(Message::default().double(1, now()).bytes(3, b"brain.Event:2"))?;
        Ok(events)
    }

    /// As [`EventFile::create`], for a run that goes on at an epoch: TensorBoard forgets what earlier files say of it
    /// and of later ones.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn resume(folder: &Path, epoch: usize) -> Result<Self, Error> {
        let mut events = Self::create(folder)?;
        let start = Message::default().int(1, 1);
        events.write(event(epoch).message(7, start))?;
        Ok(events)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one number.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn scalar(&mut self, tag: &str, value: f64, step: usize) -> Result<(), Error> {
        self.value(step, Message::default().bytes(1, tag.as_bytes()).float(2, value as f32))
    }

    /// Writes all numbers of an epoch, with the names of [`COLUMNS`].
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn epoch(&mut self, row: &EpochRow) -> Result<(), Error> {
        COLUMNS.iter().zip(row.values()).try_for_each(|(tag, value)| self.scalar(tag, value, row.epoch))
    }

    /// Writes an image, the bytes of a PNG or JPEG file of the given size in pixels.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn image(
        &mut self,
        tag: &str,
        encoded: &[u8],
        size: (usize, usize),
        step: usize,
    ) -> Result<(), Error> {
        const RGB: u64 = 3;
        let (width, height) = (size.0 as u64, size.1 as u64);
        let image = Message::default().int(1, height).int(2, width).int(3, RGB).bytes(4, encoded);
        self.value(step, Message::default().bytes(1, tag.as_bytes()).message(4, image))
    }

    fn value(&mut self, step: usize, value: Message) -> Result<(), Error> {
        let summary = Message::default().message(1, value);
        self.write(event(step).message(5, summary))
    }

    fn write(&mut self, event: Message) -> Result<(), Error> {
        self.file.write_all(&event.record()).map_err(Error::write(&self.path))
    }
}

fn event(step: usize) -> Message {
    Message::default().double(1, now()).int(2, step as u64)
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The machine's name where it is easily found, for the file's name only.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    if name.is_empty() { "localhost".to_string() } else { name }
}
