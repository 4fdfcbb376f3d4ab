//! An 8-bit RGB image: read as OpenCV's `imread` reads it, and written.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{ImageBuffer, ImageFormat, Rgb};

use super::Error;
use super::decode::source::{self, Source};
use crate::atomic;

/// An 8-bit RGB image, rows from top to bottom, 3 bytes a pixel, `rgb.len() == 3 * width * height`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Red, green and blue of each pixel.
    pub rgb: Vec<u8>,
}

impl Image {
    /// Reads an image file; see [`Image::decode`].
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read, and those of [`Image::decode`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
        Self::decode(&bytes, path)
    }

    /// Decodes the content of a file as `cv2.imread(path)` does, in RGB order; `path` is for messages.
    ///
    /// The format (BMP, GIF, JPEG, JPEG 2000, PNG, TIFF, WebP) is told from the content, never from the name. Of several
    /// images in a file the first is read. The orientation that a camera noted is applied (OpenCV 4.11 overlooks it in
    /// TIFF and WebP), grey and palette become RGB, an alpha channel is dropped, and of 16 bits the upper 8 stay (they are
    /// rounded in coloured TIFF). In TIFF, colours are multiplied by an alpha channel that they do not hold yet, and CMYK
    /// and YCbCr are turned into RGB as libtiff does. A JPEG that is cut short keeps the part that is there. All this is
    /// as in OpenCV. PNG, BMP and TIFF come out equal to OpenCV's to the bit, JPEG within 4 units, as decoders round
    /// differently; that can move a box by a pixel or two.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::NotAnImage`], [`Error::Decode`] for damaged content, [`Error::NoPixels`],
    /// [`Error::UnreadKind`] for what the format allows and is not read, and [`Error::TooLarge`], which is found before
    /// memory is taken.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let source = Source::open(bytes, path)?;
        let orientation = source.orientation();
        let mut image = source.image(path)?;
        image.apply_orientation(orientation);
        let (width, height) = (image.width() as usize, image.height() as usize);
        let kind = || "floating-point pixels".to_owned();
        let rgb =
            source::rgb(image).ok_or_else(|| Error::UnreadKind { path: path.to_path_buf(), kind: kind() })?;
        Ok(Self { width, height, rgb })
    }

    /// Height and width that [`Image::decode`] would give, from the file's head alone, and the orientation that it would
    /// apply.
    ///
    /// # Errors
    /// Those of [`Image::decode`], as far as the head shows them.
    pub(crate) fn head(bytes: &[u8], path: &Path) -> Result<((usize, usize), Orientation), Error> {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        let source = Source::open(bytes, path)?;
        let (width, height) = source.dimensions();
        let size = (height as usize, width as usize);
        let orientation = source.orientation();
        let turned = matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH);
        Ok((if turned { (size.1, size.0) } else { size }, orientation))
    }

    /// Writes the image in the format that the extension names: JPEG in quality 95 without chroma
    /// subsampling, as upstream's `save_one_box`, or BMP, PNG, TIFF, WebP, all without loss.
    ///
    /// No half of an image is ever found under `path`; links are followed, and what is no plain file is written to.
    ///
    /// # Errors
    /// [`Error::UnknownExtension`], [`Error::Encode`] when the image does not fit the format, and
    /// [`Error::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let format = source::format_of(path)
            .filter(ImageFormat::writing_enabled)
            .ok_or_else(|| Error::UnknownExtension { path: path.to_path_buf() })?;
        let bytes = self.encode(format).map_err(|cause| Error::Encode { path: path.to_path_buf(), cause })?;
        atomic::write(path, &bytes).map_err(|cause| Error::Write { path: path.to_path_buf(), cause })
    }

    /// Whether [`Image::write`] knows the format that the extension names.
    pub fn is_writable(path: &Path) -> bool {
        source::format_of(path).is_some_and(|format| format.writing_enabled())
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
