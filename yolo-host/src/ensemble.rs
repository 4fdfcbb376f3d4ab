//! Several networks as one: the boxes of all go into one suppression (v6.1 `Ensemble`). Classes are told by name: all
//! must find the same, and where they count them otherwise, those of the last are taken, as upstream has it.

use crate::eval::{RawMap, View, decode};
use crate::exec::{Network, OutputMap};
use crate::model::Detect;

/// What makes boxes of a network's maps.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The Detect layer of its model.
    pub detect: &'a Detect,
    /// Anchors in cells.
    pub anchors: &'a [f32],
    /// For each class that is given out, the network's own number of it; none if they are the same.
    pub classes: Option<&'a [usize]>,
}

/// A network that is validated, alone or with others.
pub struct Member<'a> {
    /// Runs it.
    pub network: &'a mut dyn Network,
    /// Decodes it.
    pub head: Head<'a>,
}

impl Head<'_> {
    /// Rows `[x, y, w, h, objectness, classes …]` of one image of a pass over a view, with objectness above `threshold`,
    /// in pixels of an input of this width.
    pub(crate) fn rows(
        &self,
        outputs: &[OutputMap],
        image: usize,
        (view, width): (&View, usize),
        threshold: f32,
    ) -> Vec<f32> {
        let detect = self.detect;
        let maps = outputs.iter().zip(&detect.strides).zip(self.anchors.chunks_exact(2 * detect.na));
        let maps = maps.map(|((map, &stride), anchors)| {
            let len = map.values.len() / map.batch;
            let values = &map.values[image * len..][..len];
            RawMap { values, ny: map.ny, nx: map.nx, stride, anchors }
        });
        let maps: Vec<RawMap> = maps.collect();
        let mut rows = decode(&maps, view.rows(&maps), detect.no(), threshold);
        view.restore(&mut rows, detect.no(), width);
        if let Some(classes) = self.classes {
            for row in rows.chunks_exact_mut(detect.no()) {
                let own = row[5..].to_vec();
                row[5..].iter_mut().zip(classes).for_each(|(score, class)| *score = own[*class]);
            }
        }
        rows
    }
}
