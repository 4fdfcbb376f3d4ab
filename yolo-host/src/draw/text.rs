//! A line of antialiased text.

use ab_glyph::{Font, OutlinedGlyph, ScaleFont, point};

use super::fonts;
use crate::image::Image;

/// Below this many pixels, letters cannot be told apart.
const LEAST_HEIGHT: f32 = 8.0;

/// A line of text, ready to be drawn.
pub(super) struct Text {
    glyphs: Vec<OutlinedGlyph>,
    /// Width in pixels.
    pub width: isize,
    /// Height in pixels, from the top of the accents to the bottom of the descenders.
    pub height: isize,
}

impl Text {
    /// Sets a line `height` pixels high, or lower as needed to be no wider than `room` pixels. Nothing if
    /// there is no letter to show.
    pub fn fitting(text: &str, height: f32, room: f32) -> Option<Self> {
        let line = Self::set(text, height.max(LEAST_HEIGHT))?;
        if line.width as f32 <= room {
            return Some(line);
        }
        Self::set(text, (height * room / line.width as f32).max(LEAST_HEIGHT))
    }

    /// Sets a line `height` pixels high. A letter that no font has becomes a question mark. Nothing if there is no letter
    /// to show.
    pub fn set(text: &str, height: f32) -> Option<Self> {
        let usual = fonts::built_in()?;
        let line = usual.as_scaled(height);
        // Letters of all fonts come out in one size: the side of the square in which they are designed is the same.
        let square =
            |font: &dyn Font| font.units_per_em().unwrap_or(1000.0) / font.height_unscaled().max(1.0);
        let usual_square = square(usual);
        let mut glyphs = Vec::new();
        let mut pen = 0.0;
        let mut before = None;
        for letter in text.chars().filter(|letter| fonts::is_shown(*letter)) {
            let letter = if letter.is_whitespace() { ' ' } else { letter };
            let (letter, (number, font)) = match fonts::of(letter) {
                Some(font) => (letter, font),
                None => ('?', (0, usual.clone())),
            };
            let scale = height * usual_square / square(&font);
            let font = font.as_scaled(scale);
            let id = font.glyph_id(letter);
            pen += before.filter(|(of, _)| *of == number).map_or(0.0, |(_, before)| font.kern(before, id));
            let glyph = id.with_scale_and_position(scale, point(pen, line.ascent()));
            glyphs.extend(font.outline_glyph(glyph));
            pen += font.h_advance(id);
            before = Some((number, id));
        }
        let (width, height) = (pen.ceil() as isize, line.height().ceil() as isize);
        (!glyphs.is_empty()).then_some(Self { glyphs, width, height })
    }

    /// Draws the line with its upper left corner at the given pixel, as far as it lies in the image.
    pub fn draw(&self, image: &mut Image, left: isize, top: isize, ink: [u8; 3]) {
        let (width, height) = (image.width, image.height);
        let pixels = image.rgb.as_chunks_mut().0;
        self.cover(|x, y, cover| {
            let (x, y) = (left.saturating_add(x), top.saturating_add(y));
            if (0..width as isize).contains(&x) && (0..height as isize).contains(&y) {
                blend(&mut pixels[y as usize * width + x as usize], ink, cover);
            }
        });
    }

    /// Calls `paint` for every pixel that the letters touch, with its place from the upper left corner, and the share of
    /// it that they cover, 0 to 1.
    pub fn cover(&self, mut paint: impl FnMut(isize, isize, f32)) {
        for glyph in &self.glyphs {
            let corner = glyph.px_bounds().min;
            let (left, top) = (corner.x as isize, corner.y as isize);
            glyph.draw(|x, y, cover| {
                paint(
                    left.saturating_add_unsigned(x as usize),
                    top.saturating_add_unsigned(y as usize),
                    cover,
                );
            });
        }
    }
}

/// Covers a share of the pixel, 0 to 1, with ink.
pub(super) fn blend(pixel: &mut [u8; 3], ink: [u8; 3], cover: f32) {
    for (sample, ink) in pixel.iter_mut().zip(ink) {
        let paper = f32::from(*sample);
        *sample = (paper + (f32::from(ink) - paper) * cover).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_its_room() {
        let wide = Text::fitting("traffic light 0.91", 33.0, 1000.0).expect("letters");
        let narrow = Text::fitting("traffic light 0.91", 33.0, 120.0).expect("letters");
        assert_eq!(wide.height, 33);
        assert!(wide.width > 200 && narrow.width <= 121, "{} and {}", wide.width, narrow.width);
        assert!(Text::fitting("", 33.0, 1000.0).is_none());
        assert!(Text::fitting(" \n", 33.0, 1000.0).is_none());
    }

    /// Drawn by a font of this machine where there is one; the note says so where there is none.
    #[test]
    fn letters_of_any_script_are_drawn_or_told() {
        let inked = |text: &str| {
            let mut covered = Vec::new();
            Text::set(text, 40.0).expect("letters").cover(|x, y, cover| covered.push((x, y, cover)));
            covered
        };
        let dog = inked("狗");
        if fonts::of('狗').is_some() {
            assert_ne!(dog, inked("?"));
            assert_ne!(dog, inked("猫"));
            let (top, bottom) =
                dog.iter().fold((99, 0), |(top, bottom), (_, y, _)| (top.min(*y), bottom.max(*y)));
            assert!((20..=40).contains(&(bottom - top)), "as tall as other letters: {top} to {bottom}");
        } else {
            assert_eq!(dog, inked("?"));
            assert!(fonts::font_note().expect("a note").contains('狗'));
        }
        assert_eq!(inked("a\u{3000}b\u{FE0F}"), inked("a b"), "spaces and what shows nothing need no font");
    }

    #[test]
    fn kerning_draws_letters_together() {
        let width = |text| Text::set(text, 100.0).expect("letters").width;
        assert!(width("AV") < width("A") + width("V") - 3);
    }
}
