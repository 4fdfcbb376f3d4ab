//! JPEG 2000, in its container (`jp2`) and bare (`j2k`).

use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};
use image::error::ImageFormatHint;

use super::gather;
use super::tiff::Refused;

/// A file whose head has been read.
pub(in crate::image) struct Jpeg2000<'a>(Image<'a>);

impl<'a> Jpeg2000<'a> {
    /// Whether the bytes begin as such a file.
    pub fn is(bytes: &[u8]) -> bool {
        bytes.starts_with(b"\0\0\0\x0CjP  ") || bytes.starts_with(&[0xFF, 0x4F, 0xFF, 0x51])
    }

    pub fn open(bytes: &'a [u8]) -> Result<Self, Refused> {
        Image::new(bytes, &DecodeSettings::default()).map(Jpeg2000).map_err(broken)
    }

    pub fn dimensions(&self) -> (u32, u32) {
        (self.0.width(), self.0.height())
    }

    /// Its samples are single-precision numbers while they are decoded.
    pub fn total_bytes(&self) -> u64 {
        let channels = u64::from(self.0.color_space().num_channels()) + u64::from(self.0.has_alpha());
        u64::from(self.0.width()).saturating_mul(u64::from(self.0.height())).saturating_mul(4 * channels)
    }

    /// The pixels, red, green and blue of each.
    pub fn rgb(self) -> Result<Vec<u8>, Refused> {
        let colours = match self.0.color_space() {
            ColorSpace::Gray | ColorSpace::Icc { num_channels: 1, .. } => 1,
            ColorSpace::RGB | ColorSpace::Icc { num_channels: 3, .. } => 3,
            ColorSpace::CMYK => return Err(Refused::Kind("CMYK pixels in JPEG 2000".into())),
            ColorSpace::Icc { num_channels, .. } | ColorSpace::Unknown { num_channels } => {
                return Err(Refused::Kind(format!("{num_channels} channels in JPEG 2000")));
            }
        };
        let mut context = DecoderContext::default();
        let image = self.0.decode(&mut context).map_err(broken)?;
        let count = self.0.width() as usize * self.0.height() as usize;
        let planes: Vec<(&[f32], u8)> = image
            .components()
            .iter()
            .take(colours)
            .map(|plane| (plane.samples(), plane.bit_depth()))
            .collect();
        if planes.len() < colours || planes.iter().any(|plane| plane.0.len() != count || plane.1 == 0) {
            return Err(Refused::Kind("channels of different sizes in JPEG 2000".into()));
        }
        // Of more than 8 bits the upper 8 stay, as in OpenCV; fewer are spread over the whole range.
        let byte = |value: f32, bits: u8| match bits {
            8 => value.round_ties_even() as u8,
            9.. => (value.round_ties_even() / f32::from(bits - 8).exp2()) as u8,
            _ => (value * 255.0 / (f32::from(bits).exp2() - 1.0)).round_ties_even() as u8,
        };
        let samples: Vec<u8> = (0..count)
            .flat_map(|at| planes.iter().map(move |&(plane, bits)| (plane[at], bits)))
            .map(|(value, bits)| byte(value, bits))
            .collect();
        Ok(gather(&samples, colours, |sample| sample))
    }
}

fn broken(error: hayro_jpeg2000::DecodeError) -> Refused {
    Refused::Decoder(ImageFormatHint::Name("JPEG 2000".into()), error.to_string().into())
}
