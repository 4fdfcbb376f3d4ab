//! A colour for every class, and an ink that shows on it.

/// The palette of YOLOv5 v6.1 (`utils/plots.py`, class `Colors`), so that classes look as users know them.
pub const COLOURS: [[u8; 3]; 20] = [
    [0xFF, 0x38, 0x38],
    [0xFF, 0x9D, 0x97],
    [0xFF, 0x70, 0x1F],
    [0xFF, 0xB2, 0x1D],
    [0xCF, 0xD2, 0x31],
    [0x48, 0xF9, 0x0A],
    [0x92, 0xCC, 0x17],
    [0x3D, 0xDB, 0x86],
    [0x1A, 0x93, 0x34],
    [0x00, 0xD4, 0xBB],
    [0x2C, 0x99, 0xA8],
    [0x00, 0xC2, 0xFF],
    [0x34, 0x45, 0x93],
    [0x64, 0x73, 0xFF],
    [0x00, 0x18, 0xEC],
    [0x84, 0x38, 0xFF],
    [0x52, 0x00, 0x85],
    [0xCB, 0x38, 0xFF],
    [0xFF, 0x95, 0xC8],
    [0xFF, 0x37, 0xC7],
];

const WHITE: [u8; 3] = [255; 3];
const BLACK: [u8; 3] = [0; 3];

/// The least contrast of large text by the Web Content Accessibility Guidelines.
const LEAST_CONTRAST: f64 = 3.0;

/// The colour of a class, red, green and blue; they repeat after 20 classes.
pub fn colour(class: usize) -> [u8; 3] {
    COLOURS[class % COLOURS.len()]
}

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

    #[test]
    fn colours_differ_and_repeat() {
        for class in 0..20 {
            assert!((0..class).all(|other| colour(other) != colour(class)), "class {class}");
            assert_eq!(colour(class), colour(class + 20));
        }
    }

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
