//! Objects in pixels, as Pascal VOC and COCO have them, to shares of the image: the size that an annotation gives is
//! held against the image's own, and boxes that need mending are mended and told.

use image::metadata::Orientation;

use super::trouble::{Fault, TroubleKind};

/// An overhang of so many pixels is rounding, and not worth a word.
const ROUNDING: f64 = 1.0;

/// One line of labels, as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// A whole number, hopefully.
    pub class: f32,
    pub rect: [f32; 4],
    pub segment: Vec<[f32; 2]>,
    /// The line of the file, where it has lines that matter.
    pub line: Option<usize>,
}

/// What an image's head says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Height and width in pixels, after the camera's orientation.
    pub size: (usize, usize),
    /// What brought the stored pixels there.
    pub orientation: Orientation,
}

/// An object in pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub class: usize,
    /// Left, top, right and bottom.
    pub corners: [f64; 4],
    /// The outline, where it is known.
    pub outline: Vec<[f64; 2]>,
}

impl Object {
    /// An object of which the outline alone is known, at least one point.
    pub fn of_outline(class: usize, outline: Vec<[f64; 2]>) -> Self {
        let along = |axis: usize, pick: fn(f64, f64) -> f64| {
            outline.iter().map(|point| point[axis]).reduce(pick).unwrap_or(0.0)
        };
        let corners = [along(0, f64::min), along(1, f64::min), along(0, f64::max), along(1, f64::max)];
        Self { class, corners, outline }
    }
}

/// The objects of an image as rows. `given` is the width and height that the annotation gives, if it does; `counted` says
/// where its first pixel is.
pub fn rows(
    mut objects: Vec<Object>,
    given: Option<[f64; 2]>,
    counted: Counted,
    head: Head,
    faults: &mut Vec<Fault>,
) -> Vec<Row> {
    for object in &mut objects {
        if order(&mut object.corners) {
            let text = "least and greatest coordinates of a box are exchanged: put right";
            faults.push((TroubleKind::Mended, text.into()));
        }
    }
    let frame = Frame::choose(given, head, &objects, faults);
    let mut rows = Vec::with_capacity(objects.len());
    for object in objects {
        let [left, top, right, bottom] = object.corners;
        let shown = || format!("a box from {left}, {top} to {right}, {bottom}");
        // One without width on the edge is as good as any other without width.
        let beyond = left >= frame.width || top >= frame.height || right.min(bottom) < 0.0;
        if beyond || right == 0.0 && left < 0.0 || bottom == 0.0 && top < 0.0 {
            let text = format!("{} is outside the image ({} x {})", shown(), frame.width, frame.height);
            faults.push((TroubleKind::Unusable, text));
            continue;
        }
        let within = [left.max(0.0), top.max(0.0), right.min(frame.width), bottom.min(frame.height)];
        let overhang = within.iter().zip(&object.corners).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if overhang > ROUNDING {
            let (width, height) = (frame.width, frame.height);
            let text = format!("{} reaches out of the image ({width} x {height}): cut at its edge", shown());
            faults.push((TroubleKind::Mended, text));
        }
        let shares = |[x, y]: &[f64; 2]| {
            let point = [x / frame.width, y / frame.height].map(|share| share.clamp(0.0, 1.0));
            frame.turned(point).map(|share| share as f32)
        };
        rows.push(Row {
            class: object.class as f32,
            rect: frame.rect(within, counted).map(|share| share as f32),
            segment: object.outline.iter().map(shares).collect(),
            line: None,
        });
    }
    rows
}

/// Puts corners in order; whether they were not.
fn order(corners: &mut [f64; 4]) -> bool {
    let [left, top, right, bottom] = *corners;
    *corners = [left.min(right), top.min(bottom), left.max(right), top.max(bottom)];
    left > right || top > bottom
}

/// How an annotation counts pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The first is 0, and coordinates lie between pixels.
    FromZero,
    /// The first is 1: Pascal VOC, as the script in upstream's `VOC.yaml` converts it.
    FromOne,
}

/// The pixels that an annotation counts in.
struct Frame {
    width: f64,
    height: f64,
    /// What brings them to where the image's are.
    turn: Orientation,
}

impl Frame {
    /// Holds the size given against the image's.
    ///
    /// Only quarter turns show in the size: an image that its camera noted to be upside down, or mirrored, has the same size
    /// before and after, so that its boxes are taken as they are.
    fn choose(given: Option<[f64; 2]>, head: Head, objects: &[Object], faults: &mut Vec<Fault>) -> Self {
        let real = [head.size.1 as f64, head.size.0 as f64];
        let straight = |[width, height]: [f64; 2]| Frame { width, height, turn: Orientation::NoTransforms };
        let Some(given) = given.filter(|given| *given != real) else { return straight(real) };
        let stored = [real[1], real[0]];
        let size = |[width, height]: [f64; 2]| format!("{width}x{height}");
        if quarter(head.orientation) && proportional(given, stored) && !proportional(given, real) {
            let text = "annotated as the camera stored it, a quarter turn from how it is shown: its boxes are turned";
            faults.push((TroubleKind::Turned, text.into()));
            return Frame { width: given[0], height: given[1], turn: head.orientation };
        }
        let reach = |axis: usize| objects.iter().map(|object| object.corners[axis]).fold(0.0, f64::max);
        let reach = [reach(2), reach(3)];
        let holds = |size: [f64; 2]| (0..2).all(|axis| reach[axis] <= size[axis] + ROUNDING);
        let (frame, why) = if given == stored {
            (real, "width and height are taken as exchanged")
        } else if !holds(given) && holds(real) {
            (real, "its boxes fit the image's own size, which is used")
        } else if proportional(given, real) {
            (given, "boxes are scaled to the image")
        } else {
            (given, "which has another shape: boxes are taken as shares of the size given; check them")
        };
        let text = format!("annotated at {}, but the image is {}: {why}", size(given), size(real));
        faults.push((TroubleKind::OtherSize, text));
        straight(frame)
    }

    /// Centre, width and height as shares of the image.
    fn rect(&self, [left, top, right, bottom]: [f64; 4], counted: Counted) -> [f64; 4] {
        let (per_width, per_height) = (1.0 / self.width, 1.0 / self.height);
        let centre = |low: f64, high: f64| match (counted, (low + high) / 2.0) {
            // The script's centres are a pixel and not half a one nearer to the corner. Where that leads out of the image,
            // a coordinate is 0, and was not counted from 1.
            (Counted::FromOne, middle) if middle >= 1.0 => middle - 1.0,
            (Counted::FromOne | Counted::FromZero, middle) => middle,
        };
        let (x, y) = (centre(left, right) * per_width, centre(top, bottom) * per_height);
        let (width, height) = ((right - left) * per_width, (bottom - top) * per_height);
        let [x, y] = self.turned([x, y]);
        if quarter(self.turn) { [x, y, height, width] } else { [x, y, width, height] }
    }

    /// Where a point is once the image is turned.
    fn turned(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        match self.turn {
            Orientation::NoTransforms => [x, y],
            Orientation::Rotate90 => [1.0 - y, x],
            Orientation::Rotate270 => [y, 1.0 - x],
            Orientation::Rotate90FlipH => [y, x],
            Orientation::Rotate270FlipH => [1.0 - y, 1.0 - x],
            // Never chosen, as they do not show in the size.
            Orientation::Rotate180 => [1.0 - x, 1.0 - y],
            Orientation::FlipHorizontal => [1.0 - x, y],
            Orientation::FlipVertical => [x, 1.0 - y],
        }
    }
}

/// Whether width and height change places.
fn quarter(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH)
}

/// Whether two sizes are of one shape, but for the rounding of sides to whole pixels.
fn proportional(a: [f64; 2], b: [f64; 2]) -> bool {
    let expected = |axis: usize| a[1 - axis] * b[axis] / b[1 - axis];
    (0..2).any(|axis| (a[axis] - expected(axis)).abs() <= 1.0)
}
