//! The bytes of an ncnn `.bin` file: weights one after the other, without names (`modelbin.cpp` of
//! <https://github.com/Tencent/ncnn>).

use crate::weights::budget::Budget;
use crate::weights::element::Element;
use crate::weights::{Data, ErrorKind};

/// What stands before weights that have a tag.
const F16: u32 = 0x0130_6B47;
const INT8: u32 = 0x000D_4B38;
/// 32-bit floats whose layer has scales besides.
const SCALED: u32 = 0x0002_C056;

/// Reads one piece after the other.
pub struct Bin<'a> {
    rest: &'a [u8],
    budget: Budget,
}

impl<'a> Bin<'a> {
    /// From the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Bin { rest: bytes, budget: Budget::for_file(bytes.len()) }
    }

    /// Bytes that nobody has read.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// So many floats without a tag; `of` names them in messages.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn floats(&mut self, count: usize, of: &str) -> Result<Vec<f32>, ErrorKind> {
        let bytes = self.take(count.saturating_mul(4), of)?;
        self.widened(Element::F32, bytes, of)
    }

    /// So many weights behind a tag that says how they are stored.
    ///
    /// # Errors
    /// When there are fewer, and of int8.
    pub fn weights(&mut self, count: usize, of: &str) -> Result<Vec<f32>, ErrorKind> {
        let tag = self.take(4, of)?.first_chunk().map_or(0, |tag| u32::from_le_bytes(*tag));
        match tag {
            0 | SCALED => self.floats(count, of),
            F16 => {
                let size = count.saturating_mul(2);
                let bytes = self.take(size.saturating_add(size % 4), of)?;
                self.widened(Element::F16, bytes.get(..size).unwrap_or(bytes), of)
            }
            INT8 => Err(ErrorKind::Quantised { place: of.to_owned() }),
            // A byte for each weight, its place in a table. The first byte alone may be 0 only in a tag of 0.
            _ => {
                let table = self.floats(256, of)?;
                let places = self.take(count.saturating_add(3) / 4 * 4, of)?;
                self.budget.take(count.saturating_mul(4), of)?;
                Ok(places.iter().take(count).map(|place| table[usize::from(*place)]).collect())
            }
        }
    }

    fn widened(&mut self, element: Element, bytes: &[u8], of: &str) -> Result<Vec<f32>, ErrorKind> {
        self.budget.take(bytes.len() / element.size() * element.widened_size(), of)?;
        match element.widen(bytes, of)? {
            Data::F32(values) => Ok(values),
            Data::I64(_) => Ok(vec![]),
        }
    }

    fn take(&mut self, count: usize, of: &str) -> Result<&'a [u8], ErrorKind> {
        let Some((piece, rest)) = self.rest.split_at_checked(count) else {
            let (need, have) = (count as u64, self.rest.len() as u64);
            return Err(ErrorKind::Truncated { what: format!("the weights of {of}"), need, have });
        };
        self.rest = rest;
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(tag: u32, values: &[u8]) -> Vec<u8> {
        [&tag.to_le_bytes(), values].concat()
    }

    #[test]
    fn every_tag_is_read() {
        let floats = [1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat();
        let table: Vec<u8> = (0..256).flat_map(|i| (i as f32 / 2.0).to_le_bytes()).collect();
        for (file, want) in [
            (bytes(0, &floats), vec![1.5, -2.0]),
            (bytes(SCALED, &floats), vec![1.5, -2.0]),
            (bytes(F16, &[0, 0x3c, 0, 0xc0]), vec![1.0, -2.0]),
            (bytes(F16, &[0, 0x3c, 0, 0]), vec![1.0]),
            (bytes(7, &[&table[..], &[3, 255, 0, 0]].concat()), vec![1.5, 127.5]),
        ] {
            let mut bin = Bin::new(&file);
            assert_eq!(bin.weights(want.len(), "w").unwrap(), want);
            assert_eq!(bin.left(), 0);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let told =
            |file: &[u8], count| Bin::new(file).weights(count, "Convolution `a`").unwrap_err().to_string();
        assert!(told(&bytes(INT8, &[0; 8]), 8).contains("Convolution `a`"), "int8");
        for (tag, size) in [(0, 4), (F16, 2), (1, 1)] {
            let file = bytes(tag, &vec![0; 1024]);
            for count in [1025, 1 << 30, usize::MAX, usize::MAX / size] {
                let told = told(&file, count);
                assert!(told.contains("truncated: the weights of Convolution `a`"), "{told}");
            }
        }
        assert!(told(&[0, 0], 1).contains("4 bytes announced, only 2"));
    }
}
