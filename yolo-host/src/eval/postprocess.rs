//! From raw maps to the objects of an image: decoding, suppression, and boxes back to the image's own pixels.

use super::{Detection, Head, NmsOptions, View, decode, non_max_suppression};
use crate::image::Geometry;
use crate::raw_map::RawMap;

/// The objects of one image, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// In pixels of the network's input.
    pub in_input: Vec<Detection>,
    /// The same in pixels of the image, clipped to it.
    pub in_image: Vec<Detection>,
}

/// Rows `[x, y, w, h, objectness, classes …]` of one image of a pass over a view, with objectness above `threshold`, in pixels
/// of an input of this width.
pub fn rows(
    head: &Head,
    maps: &[RawMap],
    image: usize,
    (view, width): (&View, usize),
    threshold: f32,
) -> Vec<f32> {
    let sizes: Vec<usize> = maps.iter().map(|map| map.ny * map.nx * head.na()).collect();
    let mut rows = decode(head, maps, image, view.rows(&sizes), threshold);
    view.restore(&mut rows, head.no(), width);
    if let Some(classes) = head.classes {
        for row in rows.chunks_exact_mut(head.no()) {
            let own = row[5..].to_vec();
            row[5..].iter_mut().zip(classes).for_each(|(score, class)| *score = own[*class]);
        }
    }
    rows
}

/// The objects that rows of one image tell of, [`rows`] of one network or of several, with `nc` classes. `geometry` says how
/// the image lies in the input.
pub fn postprocess(rows: &[f32], nc: usize, options: &NmsOptions, geometry: &Geometry) -> Objects {
    let in_input = non_max_suppression(rows, nc, options);
    let mut in_image = in_input.clone();
    in_image.iter_mut().for_each(|detection| geometry.restore(&mut detection.rect));
    Objects { in_input, in_image }
}
