//! One scan: coefficients, or bits of them, of one or more colours.
//!
//! A sequential file has everything in one scan. A progressive one first gives rough low frequencies and then, scan
//! by scan, higher ones and lower bits; a sequential scan is the case of all frequencies and all bits at once.

use super::frame::{Component, Frame};
use super::huffman::{Bits, Huffman};
use super::segments::Tables;

/// Where the coefficients lie in their block, in the order of the file.
#[rustfmt::skip]
pub(super) const ZIGZAG: [usize; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// A colour in the scan, with its codes; a code that is not there is noticed when it is needed.
struct Part<'a> {
    component: usize,
    dc: Option<&'a Huffman>,
    ac: Option<&'a Huffman>,
    /// The lowest coefficient of the block before.
    before: i32,
}

/// A scan about to be read.
pub(super) struct Scan<'a> {
    frame: &'a mut Frame,
    parts: Vec<Part<'a>>,
    restart: usize,
    band: Band,
}

/// Which coefficients and which of their bits are in the scan.
struct Band {
    /// First and last coefficient, in the order of the file.
    first: usize,
    last: usize,
    /// The bit at which the values end.
    low: u32,
    /// Whether the bits above came before, and these refine them.
    refines: bool,
    /// Blocks still to come without news of higher frequencies.
    silent: u32,
}

impl<'a> Scan<'a> {
    /// Reads the body of a start-of-scan segment.
    pub fn new(segment: &[u8], frame: &'a mut Frame, tables: &'a Tables) -> Option<Self> {
        let (&count, rest) = segment.split_first()?;
        let (listed, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[first, last, bits] = rest else {
            return None;
        };
        let band = if frame.progressive {
            let (first, last) = (usize::from(first), usize::from(last));
            Band {
                first,
                last,
                low: u32::from(bits & 15),
                refines: bits >> 4 != 0,
                silent: 0,
            }
        } else {
            Band {
                first: 0,
                last: 63,
                low: 0,
                refines: false,
                silent: 0,
            }
        };
        let lowest_alone = !frame.progressive || band.first > 0 || band.last == 0;
        let one_at_a_time = band.first == 0 || count == 1;
        if band.first > band.last || band.last > 63 || band.low > 13 || !lowest_alone || !one_at_a_time {
            return None;
        }
        if listed.is_empty() {
            return None;
        }
        let mut parts = Vec::new();
        for &[id, codes] in listed.as_chunks::<2>().0 {
            let component = frame.components.iter().position(|component| component.id == id)?;
            let found = &mut frame.components[component];
            if found.quantisation.is_none() {
                found.quantisation = *tables.quantisation.get(found.table)?;
            }
            let code = |codes: &'a [Option<Huffman>; 4], place: u8| codes.get(usize::from(place))?.as_ref();
            let (dc, ac) = (code(&tables.dc, codes >> 4), code(&tables.ac, codes & 15));
            parts.push(Part {
                component,
                dc,
                ac,
                before: 0,
            });
        }
        Some(Self {
            frame,
            parts,
            restart: tables.restart,
            band,
        })
    }

    /// Reads all units of the scan; gives what follows.
    pub fn read<'b>(mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let mut bits = Bits::new(bytes);
        let alone = self.parts.len() == 1;
        let (across, down) = if alone {
            let size = self.frame.components[self.parts[0].component].size;
            (size.0.div_ceil(8), size.1.div_ceil(8))
        } else {
            self.frame.units()
        };
        for unit in 0..across * down {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                let [0xFF, 0xD0..=0xD7, rest @ ..] = bits.rest() else {
                    return None;
                };
                bits = Bits::new(rest);
                self.band.silent = 0;
                self.parts.iter_mut().for_each(|part| part.before = 0);
            }
            let (x, y) = (unit % across, unit / across);
            for part in &mut self.parts {
                let Component {
                    unit, pitch, blocks, ..
                } = &mut self.frame.components[part.component];
                let (wide, high) = if alone { (1, 1) } else { *unit };
                for row in y * high..(y + 1) * high {
                    for block in &mut blocks[row * *pitch + x * wide..][..wide] {
                        self.band.read(block, part, &mut bits)?;
                    }
                }
            }
        }
        Some(bits.rest())
    }
}

impl Band {
    fn read(&mut self, block: &mut [i16; 64], part: &mut Part, bits: &mut Bits) -> Option<()> {
        if self.first == 0 {
            self.lowest(block, part, bits)?;
        }
        match (self.last, self.refines) {
            (0, _) => Some(()),
            (_, false) => self.higher(block, part.ac?, bits),
            (_, true) => self.refine(block, part.ac?, bits),
        }
    }

    /// The lowest frequency, told as the difference from the block before.
    fn lowest(&self, block: &mut [i16; 64], part: &mut Part, bits: &mut Bits) -> Option<()> {
        if self.refines {
            block[0] |= (bits.take(1)? << self.low) as i16;
            return Some(());
        }
        let size = bits.symbol(part.dc?)?;
        if size > 16 {
            return None;
        }
        part.before = part.before.wrapping_add(bits.signed(u32::from(size))?);
        block[0] = (part.before << self.low) as i16;
        Some(())
    }

    /// Higher frequencies, each told with the number of zeros before it.
    fn higher(&mut self, block: &mut [i16; 64], code: &Huffman, bits: &mut Bits) -> Option<()> {
        if self.silent > 0 {
            self.silent -= 1;
            return Some(());
        }
        let mut at = self.first.max(1);
        while at <= self.last {
            let symbol = bits.symbol(code)?;
            let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 && zeros < 15 {
                self.silent = (1 << zeros) - 1 + bits.take(zeros as u32)?;
                break;
            }
            at += zeros;
            if size > 0 {
                *block.get_mut(*ZIGZAG.get(at)?)? = (bits.signed(size)? << self.low) as i16;
            }
            at += 1;
        }
        Some(())
    }

    /// One more bit of the coefficients that are not zero, and those that now cease to be.
    fn refine(&mut self, block: &mut [i16; 64], code: &Huffman, bits: &mut Bits) -> Option<()> {
        let one = 1_i16 << self.low;
        let refined = |value: i16, bits: &mut Bits| {
            let grows = bits.take(1)? == 1 && value & one == 0;
            Some(if grows {
                value.wrapping_add(value.signum() * one)
            } else {
                value
            })
        };
        let mut at = self.first;
        while self.silent == 0 && at <= self.last {
            let symbol = bits.symbol(code)?;
            let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
            if size == 0 && zeros < 15 {
                self.silent = (1 << zeros) + bits.take(zeros)?;
                break;
            }
            let new = match size {
                0 => 0,
                _ if bits.take(1)? == 1 => one,
                _ => -one,
            };
            while at <= self.last {
                let value = &mut block[ZIGZAG[at]];
                at += 1;
                if *value != 0 {
                    *value = refined(*value, bits)?;
                } else if zeros > 0 {
                    zeros -= 1;
                } else {
                    *value = new;
                    break;
                }
            }
        }
        if self.silent > 0 {
            self.silent -= 1;
            for &at in &ZIGZAG[at..=self.last] {
                if block[at] != 0 {
                    block[at] = refined(block[at], bits)?;
                }
            }
        }
        Some(())
    }
}
