//! Detections on an image, as YOLOv5's `Annotator.box_label` shows them: frames in the colour of the class,
//! each with its text on a plate above it.

mod crop;
mod fonts;
mod ink;
pub mod plots;
mod shapes;
mod text;

pub use crop::crop;
pub use fonts::font_note;

use std::borrow::Cow;

use crate::classes::colour;
use crate::image::Image;
use ink::ink;
use shapes::{fill, frame};
use text::Text;

/// Height of a line of text in line widths; upstream's letters (`fontScale = lw / 3`) come out as tall.
const LINE_HEIGHT: f32 = 11.0;

/// What to draw for one detection.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The class, which gives the colour.
    pub class: usize,
    /// What to write, such as `person 0.87`; nothing draws the frame alone.
    pub text: Option<String>,
    /// Left, top, right and bottom in pixels; held within the image.
    pub rect: [f32; 4],
}

/// Draws the labels in order, so that the last one is on top.
///
/// `thickness` is the width of the lines in pixels, and with it the size of the text; without it (or at 0) it
/// goes by the size of the image, see [`line_width`].
pub fn boxes(image: &mut Image, labels: &[Label], thickness: Option<usize>) {
    let line = thickness.filter(|&line| line > 0).unwrap_or_else(|| line_width(image));
    let line = line.min(image.width.max(image.height)) as isize;
    for label in labels {
        let colour = colour(label.class);
        let [left, top, right, bottom] = pixels(image, label.rect);
        // A line is centred on its pixel.
        let (left, top) = (left - line / 2, top - line / 2);
        let (right, bottom) = (right - line / 2 + line, bottom - line / 2 + line);
        frame(image, left..right, top..bottom, line, colour);
        if let Some(text) = &label.text {
            plate(image, &readable(text, label.class), (left, top), line, colour);
        }
    }
}

/// A text as it can be drawn: where letters have no font, the class's number stands for all up to the end of their word,
/// so that `狗 0.87` becomes `16 0.87`. [`font_note`] tells of it.
pub(crate) fn readable(text: &str, class: usize) -> Cow<'_, str> {
    let drawn =
        |letter: char| !fonts::is_shown(letter) || letter.is_whitespace() || fonts::of(letter).is_some();
    match text.char_indices().rfind(|(_, letter)| !drawn(*letter)) {
        None => Cow::Borrowed(text),
        Some((last, _)) => {
            let rest = text[last..].find(' ').map_or("", |end| &text[last + end..]);
            Cow::Owned(format!("{class}{rest}"))
        }
    }
}

/// Upstream's line width in pixels for an image: 0.3 % of the mean of its sides, at least 2.
pub fn line_width(image: &Image) -> usize {
    // Upstream sums the array's shape, the 3 channels along with the sides.
    let sum = (image.height + image.width + 3) as f64;
    ((sum / 2.0 * 0.003).round_ties_even() as usize).max(2)
}

/// The corners in whole pixels, cut off as Python's `int` does, in order and within the image.
fn pixels(image: &Image, [x1, y1, x2, y2]: [f32; 4]) -> [isize; 4] {
    let within = |value: f32, size: usize| value.clamp(0.0, size as f32) as isize;
    let (x1, x2) = (within(x1, image.width), within(x2, image.width));
    let (y1, y2) = (within(y1, image.height), within(y2, image.height));
    [x1.min(x2), y1.min(y2), x1.max(x2), y1.max(y2)]
}

/// Writes on a plate of the class's colour: above the frame whose corner is given, in it where there is no
/// room above, and moved or made smaller to stay in the image.
fn plate(image: &mut Image, text: &str, (left, top): (isize, isize), line: isize, colour: [u8; 3]) {
    let (image_width, image_height) = (image.width as isize, image.height as isize);
    let room = (image_width - 2 * line).max(1) as f32;
    let Some(text) = Text::fitting(text, LINE_HEIGHT * line as f32, room) else {
        return;
    };
    let (width, height) = (text.width + 2 * line, text.height);
    let top = if top >= height { top - height } else { top };
    let top = top.min(image_height - height).max(0);
    let left = left.min(image_width - width).max(0);
    fill(image, left..left + width, top..top + height, colour);
    text.draw(image, left + line, top, ink(colour));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::classes::COLOURS;

    fn grey(width: usize, height: usize) -> Image {
        Image { width, height, rgb: vec![PAPER; 3 * width * height] }
    }

    const PAPER: u8 = 128;

    fn label(rect: [f32; 4], text: Option<&str>) -> Label {
        Label { class: 0, text: text.map(str::to_owned), rect }
    }

    /// The rows and columns that were drawn on: left, top, right, bottom, the last two beyond.
    fn extent(image: &Image) -> Option<[usize; 4]> {
        let drawn = image.pixels().iter().enumerate().filter(|(_, pixel)| **pixel != [PAPER; 3]);
        drawn.map(|(at, _)| (at % image.width, at / image.width)).fold(None, |extent, (x, y)| {
            let [left, top, right, bottom] = extent.unwrap_or([x, y, x + 1, y + 1]);
            Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)])
        })
    }

    #[test]
    fn line_width_goes_by_the_size() {
        let widths = [(200, 200), (640, 480), (810, 1080), (1280, 720), (3000, 3000)]
            .map(|(width, height)| line_width(&grey(width, height)));
        assert_eq!(widths, [2, 2, 3, 3, 9]);
    }

    #[test]
    fn frames_lie_on_their_pixels() {
        let mut image = grey(60, 50);
        boxes(&mut image, &[label([10.9, 20.2, 40.0, 30.0], None)], Some(3));
        assert_eq!(extent(&image), Some([9, 19, 42, 32]));
        let at = |x: usize, y: usize| image.pixels()[y * 60 + x];
        assert_eq!([at(11, 21), at(39, 29)], [COLOURS[0]; 2]);
        assert_eq!([at(12, 22), at(38, 28)], [[PAPER; 3]; 2]);
    }

    #[test]
    fn plates_find_room() {
        let drawn = |rect| {
            let mut image = grey(200, 200);
            boxes(&mut image, &[label(rect, Some("person 0.87"))], None);
            extent(&image).expect("something drawn")
        };
        assert_eq!(drawn([50.0, 100.0, 60.0, 110.0])[1], 99 - 22, "above the frame");
        assert_eq!(drawn([50.0, 10.0, 60.0, 15.0])[1], 9, "in the frame where there is no room above");
        assert_eq!(drawn([190.0, 100.0, 195.0, 110.0])[2], 200, "moved in from the right");
        assert_eq!(drawn([5.0, 199.0, 6.0, 200.0])[3], 200, "at the bottom");
    }

    #[test]
    fn text_is_readable_on_its_plate() {
        let mut image = grey(200, 100);
        boxes(&mut image, &[label([20.0, 60.0, 150.0, 90.0], Some("Ä dog 0.5"))], None);
        let white = image.pixels().iter().filter(|pixel| pixel.iter().all(|&sample| sample > 240)).count();
        assert!(white > 50, "{white} white pixels");
    }

    #[test]
    fn numbers_stand_for_names_without_a_font() {
        assert_eq!(readable("Ä dog 0.5", 3), "Ä dog 0.5");
        // Letters for private use have no font, unless somebody made one.
        assert_eq!(readable("\u{10FFFD}\u{10FFFC} 0.87", 16), "16 0.87");
        assert_eq!(readable("big \u{10FFFD}s light 0.87", 7), "7 light 0.87");
        assert_eq!(readable("\u{10FFFD}", 7), "7");
    }

    proptest! {
        #[test]
        fn anything_can_be_drawn(
            (width, height) in (0_usize..80, 0_usize..80),
            rect: [f32; 4],
            text in proptest::option::of(any::<String>()),
            class: usize,
            thickness in proptest::option::of(prop_oneof![0_usize..20, Just(usize::MAX)]),
        ) {
            let mut image = grey(width, height);
            boxes(&mut image, &[Label { class, text, rect }], thickness);
            prop_assert_eq!(image.rgb.len(), 3 * width * height);
        }
    }
}
