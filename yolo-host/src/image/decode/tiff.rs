//! TIFF: raw samples by the `tiff` crate, made RGB as libtiff makes them, by which OpenCV reads these files.
//!
//! The crate refuses palettes and most kinds of colour. Whatever the samples mean, it hands them over when the file says
//! that they are grey; so that is what it is told.

use std::error::Error;
use std::io::Cursor;

use image::ImageFormat;
use image::error::ImageFormatHint;
use tiff::TiffError;
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::MAX_BYTES;

/// What the numbers of a TIFF mean: the values of its tag PhotometricInterpretation.
const WHITE_IS_ZERO: u16 = 0;
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const PALETTE: u16 = 3;
const CMYK: u16 = 5;
const YCBCR: u16 = 6;

const PHOTOMETRIC: u64 = 262;
/// JPEG inside TIFF, whose decoder brings the colours to full size by itself.
const JPEG: u16 = 7;

/// Why a file cannot be read.
pub(in crate::image) enum Refused {
    /// The format, and what its decoder said.
    Decoder(ImageFormatHint, Box<dyn Error + Send + Sync>),
    /// A kind of pixels that is not read, such as "floating-point pixels".
    Kind(String),
}

impl From<TiffError> for Refused {
    fn from(error: TiffError) -> Self {
        Refused::Decoder(ImageFormat::Tiff.into(), error.into())
    }
}

/// A file whose first image is to be read.
pub(in crate::image) struct Tiff {
    decoder: Decoder<Cursor<Vec<u8>>>,
    photometric: u16,
    samples: usize,
    bits: u16,
    pub dimensions: (u32, u32),
    /// 1 to 8 as EXIF counts them.
    pub orientation: u8,
}

impl Tiff {
    /// Reads the head.
    pub fn open(bytes: &[u8]) -> Result<Self, Refused> {
        let mut bytes = bytes.to_vec();
        let photometric = match place(&bytes, PHOTOMETRIC) {
            Some((at, value)) => {
                // In the byte order of the file.
                let grey = if bytes.starts_with(b"MM") { [0, 1] } else { [1, 0] };
                bytes[at..at + 2].copy_from_slice(&grey);
                value
            }
            None => {
                Decoder::new(Cursor::new(&bytes))?;
                return Err(Refused::Kind("no word on what its pixels mean".into()));
            }
        };
        let most = MAX_BYTES as usize;
        let limits = {
            let mut limits = Limits::default();
            (limits.decoding_buffer_size, limits.intermediate_buffer_size) = (most, most);
            limits
        };
        let mut decoder = Decoder::new(Cursor::new(bytes))?.with_limits(limits);
        let dimensions = decoder.dimensions()?;
        let number = |decoder: &mut Decoder<_>, tag, usual| {
            decoder.find_tag_unsigned_vec(tag).map(|values: Option<Vec<u16>>| {
                values.and_then(|values| values.first().copied()).unwrap_or(usual)
            })
        };
        Ok(Tiff {
            photometric,
            samples: usize::from(number(&mut decoder, Tag::SamplesPerPixel, 1)?),
            bits: number(&mut decoder, Tag::BitsPerSample, 1)?,
            // A broken note on orientation must not cost the image.
            orientation: number(&mut decoder, Tag::Orientation, 1).unwrap_or(1) as u8,
            dimensions,
            decoder,
        })
    }

    /// Bytes of all samples once decoded.
    pub fn total_bytes(&self) -> u64 {
        let (width, height) = self.dimensions;
        let bytes = u64::from(self.bits.div_ceil(8)) * self.samples as u64;
        (u64::from(width) * u64::from(height)).saturating_mul(bytes)
    }

    /// The pixels, red, green and blue of each.
    pub fn rgb(mut self) -> Result<Vec<u8>, Refused> {
        let kind = |text: &str| Err(Refused::Kind(text.into()));
        if self.samples > 4 {
            return kind(&format!("{} channels", self.samples));
        }
        let decoder = &mut self.decoder;
        let compression: u16 = decoder.find_tag_unsigned(Tag::Compression)?.unwrap_or(1);
        if matches!(compression, 34676 | 34677) {
            return kind("LogLuv pixels (high dynamic range)");
        }
        if self.photometric == YCBCR && compression != JPEG {
            let chroma: Option<Vec<u16>> = decoder.find_tag_unsigned_vec(Tag::ChromaSubsampling)?;
            if chroma.as_deref() != Some(&[1, 1]) {
                return kind("YCbCr pixels of subsampled colour without JPEG compression");
            }
        }
        let mut data = DecodingResult::U8(Vec::new());
        let layout = decoder.read_image_to_buffer(&mut data)?;
        let plane = (layout.planes > 1).then(|| layout.plane_stride.map_or(0, usize::from));
        if data.as_buffer(0).as_bytes().len() < layout.complete_len {
            return Err(TiffError::LimitsExceeded.into());
        }
        let grey = matches!(self.photometric, WHITE_IS_ZERO | BLACK_IS_ZERO);
        let samples = match data {
            DecodingResult::U8(data) if self.bits == 8 => together(data, plane, self.samples),
            DecodingResult::U8(data) if self.bits < 8 && self.samples == 1 => {
                unpacked(&data, self.dimensions.0 as usize, self.bits, grey)
            }
            DecodingResult::U16(data) if self.bits == 16 => {
                let data = together(data, plane.map(|bytes| bytes / 2), self.samples);
                // libtiff takes the upper byte of grey samples, and rounds those of colours.
                let byte = |value: u16| match grey {
                    true => (value >> 8) as u8,
                    false => ((u32::from(value) + 128) / 257) as u8,
                };
                data.into_iter().map(byte).collect()
            }
            DecodingResult::F16(_) | DecodingResult::F32(_) | DecodingResult::F64(_) => {
                return kind("floating-point pixels");
            }
            DecodingResult::I8(_)
            | DecodingResult::I16(_)
            | DecodingResult::I32(_)
            | DecodingResult::I64(_) => {
                return kind("pixels that are signed integers");
            }
            DecodingResult::U8(_)
            | DecodingResult::U16(_)
            | DecodingResult::U32(_)
            | DecodingResult::U64(_) => {
                return kind(&format!("pixels of {} bits a sample", self.bits));
            }
        };
        self.coloured(samples, compression)
    }

    /// RGB of samples that lie together pixel by pixel.
    fn coloured(mut self, samples: Vec<u8>, compression: u16) -> Result<Vec<u8>, Refused> {
        let pixels = samples.chunks_exact(self.samples);
        let kind = |text: String| Err(Refused::Kind(text));
        Ok(match (self.photometric, self.samples) {
            (WHITE_IS_ZERO, 1..) => pixels.flat_map(|pixel| [255 - pixel[0]; 3]).collect(),
            (BLACK_IS_ZERO, 1..) => pixels.flat_map(|pixel| [pixel[0]; 3]).collect(),
            (RGB, 3) => samples,
            (RGB, 4) => {
                let extra: Option<Vec<u16>> = self.decoder.find_tag_unsigned_vec(Tag::ExtraSamples)?;
                // 2 is alpha that the colours do not hold yet: libtiff multiplies them by it.
                let multiply = extra.is_some_and(|extra| extra.first() == Some(&2));
                let by = |value: u8, alpha: u8| ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8;
                pixels
                    .flat_map(|pixel| {
                        let alpha = if multiply { pixel[3] } else { 255 };
                        [by(pixel[0], alpha), by(pixel[1], alpha), by(pixel[2], alpha)]
                    })
                    .collect()
            }
            (PALETTE, 1) if self.bits <= 8 => {
                let map: Vec<u16> = self.decoder.get_tag_u16_vec(Tag::ColorMap)?;
                let count = 1 << self.bits;
                if map.len() < 3 * count {
                    return kind("a palette that is cut short".into());
                }
                // Old writers put bytes where the format has 16 bits.
                let wide = map.iter().any(|value| *value > 255);
                let byte = |value: u16| (if wide { value >> 8 } else { value }) as u8;
                let entry = |at: usize| [byte(map[at]), byte(map[at + count]), byte(map[at + 2 * count])];
                let table: Vec<[u8; 3]> = (0..count).map(entry).collect();
                samples.iter().flat_map(|index| table[usize::from(*index)]).collect()
            }
            (CMYK, 4) if self.bits == 8 => {
                let by = |ink: u8, black: u8| (u32::from(255 - ink) * u32::from(255 - black) / 255) as u8;
                pixels.flat_map(|pixel| [0, 1, 2].map(|i| by(pixel[i], pixel[3]))).collect()
            }
            (YCBCR, 3) if self.bits == 8 => {
                let colours = YCbCr::read(&mut self.decoder, compression)?;
                pixels.flat_map(|pixel| colours.rgb([pixel[0], pixel[1], pixel[2]])).collect()
            }
            (photometric, samples) => {
                let name = match photometric {
                    RGB => "RGB",
                    PALETTE => "palette",
                    CMYK => "CMYK",
                    YCBCR => "YCbCr",
                    4 => "mask",
                    8..=10 => "LAB",
                    32803 | 34892 => "a camera's raw",
                    _ => "unknown",
                };
                return kind(format!("{name} pixels of {samples} × {} bits", self.bits));
            }
        })
    }
}

/// Where the first directory keeps a tag's value of 16 bits, and the value.
fn place(bytes: &[u8], tag: u64) -> Option<(usize, u16)> {
    let number = |at: usize, length: usize| {
        let digits = bytes.get(at..at.checked_add(length)?)?.iter();
        let step = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if bytes.starts_with(b"MM") { digits.fold(0, step) } else { digits.rev().fold(0, step) })
    };
    // BigTIFF has wider numbers.
    let big = number(2, 2)? == 43;
    let (directory, word, size) = if big { (number(8, 8)?, 8, 20) } else { (number(4, 4)?, 2, 12) };
    let directory = usize::try_from(directory).ok()?;
    let entries = usize::try_from(number(directory, word)?).ok()?;
    let first = directory.checked_add(word)?;
    let at = |i: usize| first.checked_add(i.checked_mul(size)?);
    let mut found = (0..entries.min(1 << 16)).map_while(at).filter(|at| number(*at, 2) == Some(tag));
    let value = found.next()? + if big { 12 } else { 8 };
    Some((value, number(value, 2)? as u16))
}

/// Samples pixel by pixel, of planes of so many samples where they lie apart.
fn together<T: Copy>(data: Vec<T>, plane: Option<usize>, samples: usize) -> Vec<T> {
    let Some(plane) = plane else { return data };
    (0..plane).flat_map(|at| (0..samples).map(move |i| (at, i))).map(|(at, i)| data[i * plane + at]).collect()
}

/// Samples of less than 8 bits, each row of whole bytes: indices, or shades of grey over the whole range.
fn unpacked(data: &[u8], width: usize, bits: u16, grey: bool) -> Vec<u8> {
    let bits = usize::from(bits.max(1));
    let most = (1_u16 << bits) - 1;
    let sample = |row: &[u8], x: usize| {
        let first = x * bits;
        let value = u16::from(row[first / 8]) >> (8 - bits - first % 8) & most;
        (if grey { value * 255 / most } else { value }) as u8
    };
    let rows = data.chunks_exact((width * bits).div_ceil(8));
    rows.flat_map(|row| (0..width).map(move |x| sample(row, x))).collect()
}

/// So many fractions or whole numbers.
fn numbers<const N: usize>(value: Value) -> Option<[f32; N]> {
    let Value::List(values) = value else { return None };
    let number = |value: Value| match value {
        Value::Rational(above, below) if below > 0 => Some(above as f32 / below as f32),
        Value::Float(value) => Some(value),
        Value::Short(value) => Some(f32::from(value)),
        Value::Unsigned(value) => Some(value as f32),
        _ => None,
    };
    values.into_iter().map(number).collect::<Option<Vec<f32>>>()?.try_into().ok()
}

/// From brightness and two differences of colour to RGB, in libtiff's fixed-point numbers.
struct YCbCr {
    luma: [f32; 3],
    /// Code of black and of white, of each of the three.
    range: [f32; 6],
}

impl YCbCr {
    fn read(decoder: &mut Decoder<Cursor<Vec<u8>>>, compression: u16) -> Result<Self, TiffError> {
        let mut usual =
            YCbCr { luma: [0.299, 0.587, 0.114], range: [0.0, 255.0, 128.0, 255.0, 128.0, 255.0] };
        if compression == JPEG {
            return Ok(usual);
        }
        if let Some(luma) = decoder.find_tag(Tag::Unknown(529))?.and_then(numbers) {
            usual.luma = luma;
        }
        if let Some(range) = decoder.find_tag(Tag::Unknown(532))?.and_then(numbers) {
            usual.range = range;
        }
        Ok(usual)
    }

    fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let [red, green, blue] = self.luma;
        let fixed = |factor: f32| (f64::from(factor.clamp(0.0, 2.0)) * 65536.0 + 0.5) as i32;
        let code = |value: i32, black: f32, white: f32, most: f32| {
            let (black, white) = (black as i32, white);
            let span = if white - black as f32 == 0.0 { 1.0 } else { white - black as f32 };
            ((value - black) as f32 * most / span).clamp(-4096.0, 4096.0) as i32
        };
        let [y_black, y_white, cb_black, cb_white, cr_black, cr_white] = self.range;
        let y = code(i32::from(y), y_black, y_white, 255.0);
        let cb = code(i32::from(cb) - 128, cb_black - 128.0, cb_white - 128.0, 127.0);
        let cr = code(i32::from(cr) - 128, cr_black - 128.0, cr_white - 128.0, 127.0);
        let (of_red, of_blue) = (2.0 - 2.0 * red, 2.0 - 2.0 * blue);
        let (green_red, green_blue) = (-fixed(red * of_red / green), -fixed(blue * of_blue / green));
        let half = 1 << 15;
        let byte = |value: i32| value.clamp(0, 255) as u8;
        [
            byte(y + ((fixed(of_red) * cr + half) >> 16)),
            byte(y + ((green_blue * cb + half + green_red * cr) >> 16)),
            byte(y + ((fixed(of_blue) * cb + half) >> 16)),
        ]
    }
}
