//! The segments of a JPEG file, each behind its marker: tables, the frame, and the scans that fill it.

use super::frame::Frame;
use super::huffman::Huffman;
use super::scan::{Scan, ZIGZAG};

/// What the three colours of a picture are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    /// Brightness and two differences of colour.
    YCbCr,
    /// Red, green and blue.
    Rgb,
}

/// The tables in force, four places for each kind.
#[derive(Default)]
pub(super) struct Tables {
    pub quantisation: [Option<[u16; 64]>; 4],
    pub dc: [Option<Huffman>; 4],
    pub ac: [Option<Huffman>; 4],
    /// Units between two restart markers; 0 for none.
    pub restart: usize,
}

/// Reads a file to its end marker: the frame with all coefficients in it, and what its colours are.
pub(super) fn read(bytes: &[u8]) -> Option<(Frame, Colours)> {
    let mut rest = bytes.strip_prefix(&[0xFF, 0xD8])?;
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let (mut jfif, mut adobe) = (false, None);
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == 0xD9 {
            let frame = frame?;
            let colours = colours(&frame, jfif, adobe);
            return Some((frame, colours));
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let segment = after.get(2..length)?;
        rest = &after[length..];
        match marker {
            0xC0..=0xC2 if frame.is_none() => frame = Some(Frame::new(segment, marker == 0xC2)?),
            0xC4 => huffman(&mut tables, segment)?,
            0xDA => rest = Scan::new(segment, frame.as_mut()?, &tables)?.read(rest)?,
            0xDB => quantisation(&mut tables, segment)?,
            0xDD => tables.restart = usize::from(u16::from_be_bytes(*segment.first_chunk()?)),
            0xE0 => jfif |= segment.starts_with(b"JFIF\0"),
            0xEE if segment.starts_with(b"Adobe") => adobe = segment.get(11).copied(),
            0xE1..=0xEF | 0xFE => {}
            _ => return None,
        }
    }
}

/// The next marker, and what follows it.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let at = bytes
        .windows(2)
        .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))?;
    Some((bytes[at + 1], &bytes[at + 2..]))
}

/// What libjpeg takes the colours for: by the notes in the file, or else by their names.
fn colours(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Colours {
    let named_rgb = || frame.components.iter().map(|component| component.id).eq(*b"RGB");
    match adobe {
        _ if jfif => Colours::YCbCr,
        Some(0) => Colours::Rgb,
        None if named_rgb() => Colours::Rgb,
        _ => Colours::YCbCr,
    }
}

fn huffman(tables: &mut Tables, mut segment: &[u8]) -> Option<()> {
    while let Some((&place, rest)) = segment.split_first() {
        let (counts, rest) = rest.split_first_chunk::<16>()?;
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(total)?;
        let kind = match place >> 4 {
            0 => &mut tables.dc,
            1 => &mut tables.ac,
            _ => return None,
        };
        *kind.get_mut(usize::from(place & 15))? = Some(Huffman::new(counts, symbols)?);
        segment = rest;
    }
    Some(())
}

fn quantisation(tables: &mut Tables, mut segment: &[u8]) -> Option<()> {
    while let Some((&place, rest)) = segment.split_first() {
        let wide = match place >> 4 {
            0 => false,
            1 => true,
            _ => return None,
        };
        let (values, rest) = rest.split_at_checked(if wide { 128 } else { 64 })?;
        let mut table = [0; 64];
        for (index, &to) in ZIGZAG.iter().enumerate() {
            table[to] = if wide {
                u16::from_be_bytes([values[2 * index], values[2 * index + 1]])
            } else {
                u16::from(values[index])
            };
        }
        *tables.quantisation.get_mut(usize::from(place & 15))? = Some(table);
        segment = rest;
    }
    Some(())
}
