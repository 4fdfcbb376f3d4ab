//! Images turned, scaled, sheared, shifted and tilted, and boxes with them: upstream's `random_perspective`.

use super::warp::{Matrix, identity, multiply};
use super::{AugmentHyper, Object, Scene, warp_affine, warp_perspective};
use crate::random::Stream;

/// Points to which an outline is filled up before it is warped.
const OUTLINE: usize = 1000;

/// What is done to an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Perspective {
    /// Turn in degrees.
    pub degrees: f64,
    /// Factor of size.
    pub scale: f64,
    /// Shear along x and along y in degrees.
    pub shear: [f64; 2],
    /// Where the image's centre goes, x and y as shares of the new image's sides.
    pub translate: [f64; 2],
    /// Perspective about y and about x; both 0 for an affine map.
    pub perspective: [f64; 2],
}

impl Perspective {
    /// Draws one.
    pub fn draw(stream: &mut Stream, hyper: &AugmentHyper) -> Self {
        let mut either_way = |most: f64| stream.between(-most, most);
        Self {
            degrees: either_way(hyper.degrees),
            scale: 1.0 + either_way(hyper.scale),
            shear: [either_way(hyper.shear), either_way(hyper.shear)],
            translate: [0.5 + either_way(hyper.translate), 0.5 + either_way(hyper.translate)],
            perspective: [either_way(hyper.perspective), either_way(hyper.perspective)],
        }
    }

    /// From pixels of an image of size `from` to those of one of size `to`, both height and width.
    pub fn matrix(&self, from: (usize, usize), to: (usize, usize)) -> Matrix {
        let mut centre = identity();
        (centre[0][2], centre[1][2]) = (from.1 as f64 / -2.0, from.0 as f64 / -2.0);
        let mut tilt = identity();
        [tilt[2][0], tilt[2][1]] = self.perspective;
        let mut turn = identity();
        let radians = self.degrees * (std::f64::consts::PI / 180.0);
        let (cos, sin) = (radians.cos() * self.scale, radians.sin() * self.scale);
        turn[0][..2].copy_from_slice(&[cos, sin]);
        turn[1][..2].copy_from_slice(&[-sin, cos]);
        let mut shear = identity();
        [shear[0][1], shear[1][0]] = self.shear.map(|degrees| (degrees * std::f64::consts::PI / 180.0).tan());
        let mut shift = identity();
        (shift[0][2], shift[1][2]) = (self.translate[0] * to.1 as f64, self.translate[1] * to.0 as f64);
        [shear, turn, tilt, centre].iter().fold(shift, |all, next| multiply(&all, next))
    }

    /// Warps a scene into an image of size `to` (height, width). Objects that hardly anything is left of are
    /// dropped.
    ///
    /// Each object goes by its outline, or where it has none by its box. Upstream mixes the two up where one
    /// mosaic holds objects of either kind; where all are of one kind, the results are the same.
    pub fn apply(&self, scene: Scene, to: (usize, usize)) -> Scene {
        let image = scene.image;
        let from = (image.height, image.width);
        let matrix = self.matrix(from, to);
        let tilted = self.perspective != [0.0; 2];
        let warped = if from == to && matrix == identity() {
            image
        } else if tilted {
            warp_perspective(&image, &matrix, to)
        } else {
            warp_affine(&image, &matrix, to)
        };
        let map = |[x, y]: [f64; 2]| {
            let along = |row: [f64; 3]| x * row[0] + y * row[1] + row[2];
            let by = if tilted { along(matrix[2]) } else { 1.0 };
            [along(matrix[0]) / by, along(matrix[1]) / by]
        };
        let moved = |object: Object| {
            let by_outline = !object.segment.is_empty();
            let new = if by_outline {
                surround(&object.segment, map, to)
            } else {
                enclose(&object.corners, map, to)
            };
            let least = if by_outline { 0.01 } else { 0.1 };
            let keep = is_candidate(object.corners.map(|side| side * self.scale as f32), new, least);
            let corners = new.map(|side| side as f32);
            keep.then_some(Object { corners, segment: vec![], class: object.class })
        };
        Scene { image: warped, objects: scene.objects.into_iter().filter_map(moved).collect() }
    }
}

/// What encloses the four moved corners of a box, clipped to the image.
fn enclose(corners: &[f32; 4], map: impl Fn([f64; 2]) -> [f64; 2], to: (usize, usize)) -> [f64; 4] {
    let [left, top, right, bottom] = corners.map(f64::from);
    let points = [[left, top], [right, bottom], [left, bottom], [right, top]].map(map);
    let [x1, y1, x2, y2] = bounds(points);
    let (width, height) = (to.1 as f64, to.0 as f64);
    [x1.clamp(0.0, width), y1.clamp(0.0, height), x2.clamp(0.0, width), y2.clamp(0.0, height)]
}

/// What surrounds the part of a moved outline that is inside the image: upstream's `resample_segments` and
/// `segment2box`.
fn surround(outline: &[[f32; 2]], map: impl Fn([f64; 2]) -> [f64; 2], to: (usize, usize)) -> [f64; 4] {
    let (width, height) = (to.1 as f64, to.0 as f64);
    let inside = |[x, y]: &[f64; 2]| *x >= 0.0 && *y >= 0.0 && *x <= width && *y <= height;
    let points: Vec<_> = resample(outline).map(map).filter(inside).collect();
    // Upstream asks whether any x is not nought rather than whether there is any.
    if points.iter().all(|[x, _]| *x == 0.0) { [0.0; 4] } else { bounds(points) }
}

fn bounds(points: impl IntoIterator<Item = [f64; 2]>) -> [f64; 4] {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    points.into_iter().fold(start, |[x1, y1, x2, y2], [x, y]| [x1.min(x), y1.min(y), x2.max(x), y2.max(y)])
}

/// An outline at [`OUTLINE`] points evenly spaced by its points' numbers, as `np.interp` makes them.
fn resample(outline: &[[f32; 2]]) -> impl Iterator<Item = [f64; 2]> {
    let last = outline.len() - 1;
    let step = last as f64 / (OUTLINE - 1) as f64;
    (0..OUTLINE).map(move |index| {
        let at = if index == OUTLINE - 1 { last as f64 } else { index as f64 * step };
        let left = (at as usize).min(last);
        let [x, y] = outline[left].map(f64::from);
        let Some(next) = outline.get(left + 1) else { return [x, y] };
        let [next_x, next_y] = next.map(f64::from);
        let share = at - left as f64;
        [(next_x - x) * share + x, (next_y - y) * share + y]
    })
}

/// Whether enough of a box is left: upstream's `box_candidates`. `old` is the box scaled, `least` the share of
/// its area.
fn is_candidate(old: [f32; 4], new: [f64; 4], least: f64) -> bool {
    const EPS: f64 = 1e-16;
    let (old_w, old_h) = (old[2] - old[0], old[3] - old[1]);
    let (w, h) = (new[2] - new[0], new[3] - new[1]);
    let ratio = (w / (h + EPS)).max(h / (w + EPS));
    w > 2.0 && h > 2.0 && w * h / f64::from(old_w * old_h + EPS as f32) > least && ratio < 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;

    /// Whether a box or an outline is kept of which so much of its area is left, when a shift takes the rest out of the image.
    fn kept(left: f64, outlined: bool) -> bool {
        // A box of 100×100 pixels, of which `left` · 100 columns stay inside.
        let side = 200.0;
        let image = Image { width: 200, height: 200, rgb: vec![0; 3 * 200 * 200] };
        let corners = [0.0, 50.0, 100.0, 150.0];
        let [x1, y1, x2, y2] = corners;
        let segment = if outlined { vec![[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]] } else { vec![] };
        let object = Object { corners, segment, class: 0 };
        let shift = Perspective {
            degrees: 0.0,
            scale: 1.0,
            shear: [0.0; 2],
            translate: [0.5 - (1.0 - left) * 100.0 / side, 0.5],
            perspective: [0.0; 2],
        };
        !shift.apply(Scene { image, objects: vec![object] }, (200, 200)).objects.is_empty()
    }

    /// v6.1 `box_candidates`: `area_thr` is 0.10 for boxes, 0.01 for outlines, and a side must be more than 2 pixels long.
    #[test]
    fn a_tenth_of_a_box_must_be_left_and_a_hundredth_of_an_outline() {
        assert!(kept(0.105, false) && !kept(0.095, false));
        // Of an outline a side of 2 pixels decides first.
        assert!(kept(0.03, true) && !kept(0.015, true));
    }

    #[test]
    fn candidates_by_side_area_and_shape() {
        let old = [0.0, 0.0, 100.0, 100.0];
        let new = |w: f64, h: f64| [0.0, 0.0, w, h];
        assert!(is_candidate(old, new(40.0, 26.0), 0.1));
        assert!(!is_candidate(old, new(40.0, 25.0), 0.1), "a tenth is not more than a tenth");
        assert!(is_candidate(old, new(2.5, 41.0), 0.01) && !is_candidate(old, new(2.0, 90.0), 0.01));
        assert!(!is_candidate(old, new(90.0, 2.0), 0.01));
        let slim = [0.0, 0.0, 1000.0, 3.0];
        assert!(is_candidate(slim, new(299.0, 3.0), 0.1) && !is_candidate(slim, new(300.0, 3.0), 0.1));
        assert!(!is_candidate([0.0, 0.0, 3.0, 1000.0], new(3.0, 300.0), 0.1));
    }
}
