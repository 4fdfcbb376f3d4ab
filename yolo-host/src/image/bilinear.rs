//! Bilinear resizing of planes of numbers, with pixels' centres at halves: PyTorch's
//! `F.interpolate(mode='bilinear', align_corners=False)`, in single precision as there.

/// Where a pixel of a resized line lies between two of the original's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap {
    /// The pixel before.
    pub first: usize,
    /// The pixel behind; the same at the end of the line.
    pub second: usize,
    /// The share of the second, 0 to 1.
    pub share: f32,
}

impl Tap {
    /// The number between two of a line.
    pub fn mix(&self, line: &[f32]) -> f32 {
        self.between(line[self.first], line[self.second])
    }

    /// The number between these two.
    pub fn between(&self, first: f32, second: f32) -> f32 {
        first * (1.0 - self.share) + second * self.share
    }
}

/// For each pixel of a line `to` long those that it lies between in a line `from` long.
pub fn taps(from: usize, to: usize) -> Vec<Tap> {
    let ratio = from as f32 / to as f32;
    let last = from.saturating_sub(1);
    let tap = |i: usize| {
        let at = ((i as f32 + 0.5) * ratio - 0.5).max(0.0);
        let first = (at as usize).min(last);
        Tap { first, second: (first + 1).min(last), share: at - first as f32 }
    };
    (0..to).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_a_line_lie_on_its_ends() {
        let tap = |first, second, share| Tap { first, second, share };
        assert_eq!(taps(2, 4), [tap(0, 1, 0.0), tap(0, 1, 0.25), tap(0, 1, 0.75), tap(1, 1, 0.25)]);
        assert_eq!(taps(4, 2), [tap(0, 1, 0.5), tap(2, 3, 0.5)]);
        assert!(taps(3, 0).is_empty());
        assert_eq!(taps(4, 2)[1].mix(&[0.0, 0.0, 4.0, 6.0]), 5.0);
    }
}
