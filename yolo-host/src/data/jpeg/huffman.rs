//! The bits of a scan, and the Huffman codes in them.

/// Codes up to this length are looked up at once.
const SHORT: u32 = 10;

/// A Huffman code.
#[derive(Clone)]
pub(super) struct Huffman {
    /// For what the next [`SHORT`] bits start with: length (0 if longer) and symbol.
    short: Vec<(u8, u8)>,
    /// For each length: one more than its last code, and what to add to a code to find its symbol.
    long: [(i32, i32); 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// The code with `counts[n]` codes of `n + 1` bits, for these symbols in order.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut short = vec![(0, 0); 1 << SHORT];
        let mut long = [(0, 0); 17];
        let (mut code, mut first) = (0_i32, 0_i32);
        for (length, &count) in (1_u32..).zip(counts) {
            let end = code + i32::from(count);
            if end > 1 << length {
                return None;
            }
            long[length as usize] = (end, first - code);
            if length <= SHORT {
                let spread = 1 << (SHORT - length);
                for code in code..end {
                    let symbol = *symbols.get((first + code - (end - i32::from(count))) as usize)?;
                    short[code as usize * spread..][..spread].fill((length as u8, symbol));
                }
            }
            first += i32::from(count);
            code = end << 1;
        }
        Some(Self {
            short,
            long,
            symbols: symbols.to_vec(),
        })
    }
}

/// Reads bits, high ones first, up to the next marker.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bits, at the upper end; zeros beyond the data.
    ahead: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            ahead: 0,
            count: 0,
        }
    }

    /// What was not read, from a marker on if one was reached.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            // A byte 0xFF is data only with a zero behind it, which is not.
            let (byte, rest) = match self.bytes {
                [0xFF, 0, rest @ ..] => (0xFF, rest),
                [0xFF, ..] | [] => return,
                [byte, rest @ ..] => (*byte, rest),
            };
            self.ahead |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.bytes = rest;
        }
    }

    /// The next `count` bits, 0 to 16, as a number; nothing at the end of the data.
    pub fn take(&mut self, count: u32) -> Option<u32> {
        if self.count < count {
            self.fill();
        }
        let left = self.count.checked_sub(count)?;
        let value = self.ahead.checked_shr(64 - count).unwrap_or(0) as u32;
        self.ahead <<= count;
        self.count = left;
        Some(value)
    }

    /// A number of `count` bits whose first bit tells its sign: 0 for negative.
    pub fn signed(&mut self, count: u32) -> Option<i32> {
        let value = self.take(count)? as i32;
        let half = (1 << count) >> 1;
        Some(if value < half {
            value + 1 - (1 << count)
        } else {
            value
        })
    }

    /// The symbol whose code comes next.
    pub fn symbol(&mut self, code: &Huffman) -> Option<u8> {
        if self.count < 16 {
            self.fill();
        }
        let (length, symbol) = code.short[(self.ahead >> (64 - SHORT)) as usize];
        if length > 0 {
            self.take(u32::from(length))?;
            return Some(symbol);
        }
        for length in SHORT + 1..=16 {
            let bits = (self.ahead >> (64 - length)) as i32;
            let (end, shift) = code.long[length as usize];
            if bits < end {
                self.take(length)?;
                return code.symbols.get((bits + shift) as usize).copied();
            }
        }
        None
    }
}
