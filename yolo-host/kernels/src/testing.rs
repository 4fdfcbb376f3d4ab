//! Seeded numbers for the tests of kernels, and how many cases they try.

use proptest::prelude::ProptestConfig;

/// So many cases, or as many as `PROPTEST_CASES` says: in an emulator each takes long.
pub fn cases(count: u32) -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig::with_cases(wanted.unwrap_or(count))
}

/// SplitMix64, started by the FNV-1a hash of a name.
pub struct Stream(u64);

impl Stream {
    /// The stream of a name.
    pub fn keyed(name: &str) -> Self {
        let hash = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Stream(name.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
    }

    /// Uniform in `[0, 1)`, in steps of 2⁻²⁴.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f64 / (1_u64 << 24) as f64
    }
}
