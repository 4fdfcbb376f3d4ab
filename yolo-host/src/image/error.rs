//! What can go wrong with an image or a source of images, each message naming the file and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::text;

/// An image that could not be found, read or written.
///
/// Every message stands alone: the cause is part of the text, not of [`std::error::Error::source`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A source names nothing on this machine.
    #[error(
        "source '{named}' does not exist: name an image, a folder of images, a glob such as 'photos/*.jpg', or a list \
         in a file .txt"
    )]
    NoSuchSource {
        /// The source as it was given.
        named: String,
    },

    /// A source that is not read.
    #[error("'{named}' is {what}, which is not supported: {instead}")]
    SourceKind {
        /// The source as it was given.
        named: String,
        /// What it is.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },

    /// A line of a list of sources.
    #[error("'{}', line {line}: {cause}", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        cause: Box<Error>,
    },

    /// A source exists, but holds no file with an accepted extension.
    #[error(
        "no images in '{named}'{}: expected files ending in {}",
        if there.is_empty() { String::new() } else { format!(" (there: {there})") },
        super::EXTENSIONS.join(", ")
    )]
    NoImages {
        /// The source as it was given.
        named: String,
        /// What other files there are, by suffix.
        there: String,
    },

    /// A source is not a well-formed glob.
    #[error("'{named}' is not a valid glob: {cause}")]
    Glob {
        /// The source as it was given.
        named: String,
        /// Where the pattern goes wrong.
        cause: glob::PatternError,
    },

    /// The file or folder cannot be read.
    #[error("cannot read '{}': {cause}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// The file is no text.
    #[error(transparent)]
    Text(text::Error),

    /// The file has no bytes.
    #[error("'{}' is empty (0 bytes): replace the file or leave it out", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },

    /// The bytes are no format that is read, whatever the extension says.
    #[error(
        "'{}' is not an image that can be read: its content is {}",
        path.display(), found.unwrap_or("none of BMP, GIF, JPEG, JPEG 2000, PNG, TIFF, WebP")
    )]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// What it holds instead, if that can be told.
        found: Option<&'static str>,
    },

    /// The image is of a kind that its format allows and we do not read.
    #[error("'{}' has {kind}: convert it to an 8-bit PNG or JPEG", path.display())]
    UnreadKind {
        /// The file.
        path: PathBuf,
        /// What it has.
        kind: String,
    },

    /// The image is damaged, cut short, or of a kind that its format allows and we do not read.
    #[error("cannot decode '{}': {}; re-save it as an 8-bit JPEG or PNG", path.display(), on_one_line(cause))]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        cause: image::ImageError,
    },

    /// Width or height is zero.
    #[error("'{}' is {width}x{height} pixels: there is nothing to see in it, leave it out", path.display())]
    NoPixels {
        /// The file.
        path: PathBuf,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },

    /// Decoding would take more memory than [`super::MAX_BYTES`].
    #[error(
        "'{}' is {width}x{height} pixels, {} MiB once decoded; the limit is {} MiB: \
         scale it down or cut it into tiles",
        path.display(), bytes >> 20, super::MAX_BYTES >> 20
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that its pixels would take.
        bytes: u64,
    },

    /// The extension of a file to be written names no format.
    #[error(
        "cannot tell the format of '{}': its name must end in bmp, jpeg, jpg, png, tif, tiff or webp",
        path.display()
    )]
    UnknownExtension {
        /// The file.
        path: PathBuf,
    },

    /// The image does not fit the format, as a side above 65,535 pixels in a JPEG.
    #[error("cannot encode '{}': {cause}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        cause: image::ImageError,
    },

    /// The file cannot be written.
    #[error("cannot write '{}': {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
}

impl From<text::Error> for Error {
    fn from(error: text::Error) -> Self {
        match error {
            text::Error::Read { path, cause } => Error::Read { path, cause },
            error @ (text::Error::TooLong { .. } | text::Error::Encoding { .. }) => Error::Text(error),
        }
    }
}

/// What a decoder said, which may end in a line break.
fn on_one_line(cause: &image::ImageError) -> String {
    let said = cause.to_string();
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}
