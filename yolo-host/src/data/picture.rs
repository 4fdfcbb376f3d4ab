//! An 8-bit RGB picture: read as OpenCV's `imread` reads it, and written.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb};

use super::Error;

/// The most bytes that a picture may take once decoded, 1 GiB; OpenCV refuses a few times as much.
pub const MAX_BYTES: u64 = 1 << 30;

/// An 8-bit RGB picture, rows from top to bottom, 3 bytes a pixel, `rgb.len() == 3 * width * height`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Red, green and blue of each pixel.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Reads a picture file; see [`Picture::decode`].
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read, and those of [`Picture::decode`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
        Self::decode(&bytes, path)
    }

    /// Decodes the content of a file as `cv2.imread(path)` does, in RGB order; `path` is for messages.
    ///
    /// The format (BMP, JPEG, PNG, TIFF, WebP) is told from the content. The orientation that a camera noted
    /// is applied (OpenCV 4.11 overlooks it in WebP), grey and palette become RGB, an alpha channel is
    /// dropped, and of 16 bits the upper 8 stay (OpenCV rounds them in coloured TIFF). A JPEG that is cut
    /// short keeps the part that is there, as in OpenCV. PNG and BMP come out equal to OpenCV's to the bit,
    /// JPEG within 4 units, as decoders round differently; that can move a box by a pixel or two.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::NotAPicture`], [`Error::Decode`] for damaged content, [`Error::NoPixels`],
    /// [`Error::FloatPixels`], and [`Error::TooLarge`], which is found before memory is taken.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let mut decoder = open(bytes, path)?;
        // A broken note on orientation must not cost the picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let undecodable = |cause| Error::Decode { path: path.to_path_buf(), cause };
        let mut image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
        image.apply_orientation(orientation);
        let (width, height) = (image.width() as usize, image.height() as usize);
        let rgb = rgb(image).ok_or_else(|| Error::FloatPixels { path: path.to_path_buf() })?;
        Ok(Self { width, height, rgb })
    }

    /// Height and width that [`Picture::decode`] would give, from the file's head alone.
    ///
    /// # Errors
    /// Those of [`Picture::decode`], as far as the head shows them.
    pub(super) fn size(bytes: &[u8], path: &Path) -> Result<(usize, usize), Error> {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        let mut decoder = open(bytes, path)?;
        let (width, height) = decoder.dimensions();
        let size = (height as usize, width as usize);
        let turned =
            matches!(decoder.orientation(), Ok(Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH));
        Ok(if turned { (size.1, size.0) } else { size })
    }

    /// Writes the picture in the format that the extension names: JPEG in quality 95 without chroma
    /// subsampling, as upstream's `save_one_box`, or BMP, PNG, TIFF, WebP, all without loss.
    ///
    /// The file is written under another name beside `path` and renamed, so that no half of a picture is ever
    /// found there.
    ///
    /// # Errors
    /// [`Error::UnknownExtension`], [`Error::Encode`] when the picture does not fit the format, and
    /// [`Error::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let format = format_of(path)
            .filter(ImageFormat::writing_enabled)
            .ok_or_else(|| Error::UnknownExtension { path: path.to_path_buf() })?;
        let bytes = self.encode(format).map_err(|cause| Error::Encode { path: path.to_path_buf(), cause })?;

        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.part", std::process::id()));
        fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path)).map_err(|cause| {
            let _ = fs::remove_file(&beside); // the first failure is the one to report
            Error::Write { path: path.to_path_buf(), cause }
        })
    }

    fn encode(&self, format: ImageFormat) -> image::ImageResult<Vec<u8>> {
        let mut bytes = Cursor::new(Vec::new());
        let wrong_size = || {
            let kind = image::error::ParameterErrorKind::DimensionMismatch;
            image::ImageError::Parameter(image::error::ParameterError::from_kind(kind))
        };
        let width = u32::try_from(self.width).map_err(|_| wrong_size())?;
        let height = u32::try_from(self.height).map_err(|_| wrong_size())?;
        let image =
            ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, self.rgb.as_slice()).ok_or_else(wrong_size)?;
        if format == ImageFormat::Jpeg {
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 95))?;
        } else {
            image.write_to(&mut bytes, format)?;
        }
        Ok(bytes.into_inner())
    }

    /// The pixels in order, `[red, green, blue]` each.
    pub fn pixels(&self) -> &[[u8; 3]] {
        self.rgb.as_chunks().0
    }
}

/// A decoder that has read the head and found pixels that memory can hold.
fn open<'a>(bytes: &'a [u8], path: &Path) -> Result<Box<dyn ImageDecoder + 'a>, Error> {
    let path = || path.to_path_buf();
    if bytes.is_empty() {
        return Err(Error::Empty { path: path() });
    }
    let format = image::guess_format(bytes).map_err(|_| Error::NotAPicture { path: path() })?;
    if !format.reading_enabled() {
        return Err(Error::NotAPicture { path: path() });
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(2 * MAX_BYTES); // the picture, and as much again for the decoder's own use
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|cause| Error::Decode { path: path(), cause })?;

    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Error::NoPixels { path: path(), width, height });
    }
    let pixels = u64::from(width) * u64::from(height);
    let size = decoder.total_bytes().max(3 * pixels);
    if size > MAX_BYTES {
        return Err(Error::TooLarge { path: path(), width, height, bytes: size });
    }
    Ok(Box::new(decoder))
}

/// The format that the extension names; an `mpo` of one picture is a JPEG.
fn format_of(path: &Path) -> Option<ImageFormat> {
    let extension = path.extension()?;
    match extension.eq_ignore_ascii_case("mpo") {
        true => Some(ImageFormat::Jpeg),
        false => ImageFormat::from_extension(extension),
    }
}

/// The samples of a decoded picture as RGB bytes; nothing for floating-point samples.
fn rgb(image: DynamicImage) -> Option<Vec<u8>> {
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

/// The first three of every `channels` samples as bytes; of grey ones the first, three times.
fn gather<T: Copy>(samples: &[T], channels: usize, byte: impl Fn(T) -> u8) -> Vec<u8> {
    let (green, blue) = if channels < 3 { (0, 0) } else { (1, 2) };
    samples
        .chunks_exact(channels)
        .flat_map(|pixel| [byte(pixel[0]), byte(pixel[green]), byte(pixel[blue])])
        .collect()
}

#[cfg(test)]
mod tests;
