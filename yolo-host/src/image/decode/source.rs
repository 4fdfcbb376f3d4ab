//! The decoders behind one face: what a file holds, told from its content.

use std::io::Cursor;
use std::path::Path;

use image::error::DecodingError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::jpeg2000::Jpeg2000;
use super::tiff::{Refused, Tiff};
use super::{MAX_BYTES, foreign, gather};
use crate::image::Error;
use crate::image::sources::plain_extension;

/// A decoder that has read the head and found pixels that memory can hold.
pub(in crate::image) enum Source<'a> {
    Tiff(Box<Tiff>),
    Jpeg2000(Box<Jpeg2000<'a>>),
    /// All other formats.
    Common(Box<dyn ImageDecoder + 'a>, Orientation),
}

impl<'a> Source<'a> {
    pub fn open(bytes: &'a [u8], path: &Path) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Err(Error::Empty { path: path.to_path_buf() });
        }
        let source = Self::decoder(bytes, path)?;
        let (width, height) = source.dimensions();
        if width == 0 || height == 0 {
            return Err(Error::NoPixels { path: path.to_path_buf(), width, height });
        }
        let pixels = u64::from(width) * u64::from(height);
        let bytes = source.total_bytes().max(3 * pixels);
        if bytes > MAX_BYTES {
            return Err(Error::TooLarge { path: path.to_path_buf(), width, height, bytes });
        }
        Ok(source)
    }

    fn decoder(bytes: &'a [u8], path: &Path) -> Result<Self, Error> {
        if Jpeg2000::is(bytes) {
            return Jpeg2000::open(bytes)
                .map(|image| Source::Jpeg2000(Box::new(image)))
                .map_err(refused(path));
        }
        let format = image::guess_format(bytes).ok().filter(ImageFormat::reading_enabled);
        let Some(format) = format else {
            return Err(Error::NotAnImage { path: path.to_path_buf(), found: foreign::name(bytes) });
        };
        if format == ImageFormat::Tiff {
            return Tiff::open(bytes).map(|tiff| Source::Tiff(Box::new(tiff))).map_err(refused(path));
        }
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(2 * MAX_BYTES); // the image, and as much again for the decoder's own use
        reader.limits(limits);
        let decoder = reader.into_decoder().map_err(undecodable(path));
        decoder.map(|mut decoder| {
            // A broken note on orientation must not cost the image.
            let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
            Source::Common(Box::new(decoder), orientation)
        })
    }

    /// Width and height, before it is turned.
    pub fn dimensions(&self) -> (u32, u32) {
        match self {
            Source::Tiff(tiff) => tiff.dimensions,
            Source::Jpeg2000(image) => image.dimensions(),
            Source::Common(decoder, _) => decoder.dimensions(),
        }
    }

    fn total_bytes(&self) -> u64 {
        match self {
            Source::Tiff(tiff) => tiff.total_bytes(),
            Source::Jpeg2000(image) => image.total_bytes(),
            Source::Common(decoder, _) => decoder.total_bytes(),
        }
    }

    /// How it is to be turned.
    pub fn orientation(&self) -> Orientation {
        match self {
            Source::Tiff(tiff) => {
                Orientation::from_exif(tiff.orientation).unwrap_or(Orientation::NoTransforms)
            }
            Source::Jpeg2000(_) => Orientation::NoTransforms,
            Source::Common(_, orientation) => *orientation,
        }
    }

    /// The pixels, not yet turned.
    pub fn image(self, path: &Path) -> Result<DynamicImage, Error> {
        let (width, height) = self.dimensions();
        let rgb = match self {
            Source::Common(decoder, _) => {
                return DynamicImage::from_decoder(decoder).map_err(undecodable(path));
            }
            Source::Tiff(tiff) => tiff.rgb(),
            Source::Jpeg2000(image) => image.rgb(),
        };
        let image = RgbImage::from_raw(width, height, rgb.map_err(refused(path))?);
        let image = image.ok_or_else(|| Refused::Kind("less pixels than its head says".into()));
        image.map(DynamicImage::ImageRgb8).map_err(refused(path))
    }
}

fn undecodable(path: &Path) -> impl Fn(ImageError) -> Error + '_ {
    |cause| Error::Decode { path: path.to_path_buf(), cause }
}

fn refused(path: &Path) -> impl Fn(Refused) -> Error + '_ {
    |refused| match refused {
        Refused::Kind(kind) => Error::UnreadKind { path: path.to_path_buf(), kind },
        Refused::Decoder(format, cause) => {
            let cause = DecodingError::new(format, cause);
            Error::Decode { path: path.to_path_buf(), cause: ImageError::Decoding(cause) }
        }
    }
}

/// The format in which a file of that name is written.
pub(in crate::image) fn format_of(path: &Path) -> Option<ImageFormat> {
    match &*plain_extension(path) {
        // An `mpo` of one image is a JPEG.
        "jpe" | "jfif" | "mpo" => Some(ImageFormat::Jpeg),
        "dib" => Some(ImageFormat::Bmp),
        // 256 colours are not enough for an image.
        "gif" => None,
        extension => ImageFormat::from_extension(extension),
    }
}

/// The samples of a decoded image as RGB bytes; nothing for floating-point samples.
pub(in crate::image) fn rgb(image: DynamicImage) -> Option<Vec<u8>> {
    let upper = |sample: u16| (sample >> 8) as u8;
    Some(match image {
        DynamicImage::ImageRgb8(image) => image.into_raw(),
        DynamicImage::ImageRgba8(image) => gather(image.as_raw(), 4, |sample| sample),
        DynamicImage::ImageLuma8(image) => gather(image.as_raw(), 1, |sample| sample),
        DynamicImage::ImageLumaA8(image) => gather(image.as_raw(), 2, |sample| sample),
        DynamicImage::ImageRgb16(image) => gather(image.as_raw(), 3, upper),
        DynamicImage::ImageRgba16(image) => gather(image.as_raw(), 4, upper),
        DynamicImage::ImageLuma16(image) => gather(image.as_raw(), 1, upper),
        DynamicImage::ImageLumaA16(image) => gather(image.as_raw(), 2, upper),
        _ => return None,
    })
}
