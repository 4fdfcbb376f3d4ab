//! The ink that shows on a colour.

const WHITE: [u8; 3] = [255; 3];
const BLACK: [u8; 3] = [0; 3];

/// The least contrast of large text by the Web Content Accessibility Guidelines.
const LEAST_CONTRAST: f64 = 3.0;

/// The ink for text on a colour: white as upstream's, or black where white would be hard to read.
pub(super) fn ink(paper: [u8; 3]) -> [u8; 3] {
    if contrast(WHITE, paper) >= LEAST_CONTRAST { WHITE } else { BLACK }
}

/// Contrast of a lighter colour to a darker one, 1 to 21, by the guidelines' formula.
fn contrast(lighter: [u8; 3], darker: [u8; 3]) -> f64 {
    (luminance(lighter) + 0.05) / (luminance(darker) + 0.05)
}

/// Brightness to the eye, 0 to 1.
fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|sample| {
        let value = f64::from(sample) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{COLOURS, colour};

    #[test]
    fn text_stands_out_on_every_colour() {
        assert_eq!(ink(colour(0)), WHITE);
        assert_eq!(ink(colour(5)), BLACK);
        for paper in COLOURS {
            let contrast = if ink(paper) == WHITE { contrast(WHITE, paper) } else { contrast(paper, BLACK) };
            assert!(contrast >= LEAST_CONTRAST, "{paper:?}: {contrast}");
        }
    }
}
