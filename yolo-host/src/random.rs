//! A portable random generator keyed by name or by numbers, so that a value depends on its key and place alone: not on
//! the order in which things are made, nor on the platform.

/// FNV-1a hash of a name, then SplitMix64.
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of a name.
    pub fn keyed(name: &str) -> Self {
        let hash = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Stream { state: name.bytes().fold(0xcbf2_9ce4_8422_2325, hash) }
    }

    /// The stream of a name and numbers, such as a seed, an epoch and a place in it.
    pub fn counted(name: &str, numbers: &[u64]) -> Self {
        let mut stream = Self::keyed(name);
        for number in numbers {
            stream.state = stream.next() ^ number;
        }
        stream
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`, in steps of 2⁻²⁴.
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 40) as f64 / (1u64 << 24) as f64
    }

    /// Uniform between `low` and `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// One of `0..count`, each as likely; 0 of nothing.
    pub fn below(&mut self, count: usize) -> usize {
        // The upper half of a product: for every count that memory holds the bias is under 2⁻³².
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }

    /// Changes the order at random (Fisher and Yates).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_numbers_give_unlike_streams() {
        let first = |a, b| Stream::counted("test", &[a, b]).next();
        let mut values: Vec<u64> = (0..50).flat_map(|a| (0..50).map(move |b| first(a, b))).collect();
        values.sort();
        values.dedup();
        assert_eq!(values.len(), 2500);
        let ones: u32 = values.iter().map(|value| value.count_ones()).sum();
        assert!((f64::from(ones) / 2500.0 - 32.0).abs() < 0.5, "{ones}");
    }

    #[test]
    fn every_place_is_as_likely() {
        let mut counts = [[0_u32; 5]; 5];
        for index in 0..10_000 {
            let mut order = [0, 1, 2, 3, 4];
            Stream::counted("order", &[index]).shuffle(&mut order);
            order.iter().enumerate().for_each(|(place, &value)| counts[place][value] += 1);
        }
        assert!(counts.as_flattened().iter().all(|count| count.abs_diff(2000) < 200), "{counts:?}");
    }
}
