//! Which predictions answer for which object: v6.1 `build_targets`.

use super::{Number, wide};

/// How far into the neighbouring half a centre must lie for the neighbour cell to answer, too.
const BIAS: f64 = 0.5;
/// The cell itself, then its neighbours left, above, right and below: what is taken from the centre, in halves.
const STEPS: [[f64; 2]; 5] = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]];

/// An object of one image of the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Index of the image in the batch.
    pub image: usize,
    /// Class.
    pub class: usize,
    /// Centre x and y, width and height, relative to the image: 0 to 1. A centre outside is moved to the border's
    /// cell; a box without area fits no anchor and counts as none.
    pub rect: [f64; 4],
}

/// A prediction of one layer that answers for an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    /// Place in `[batch, ny, nx, na]`.
    pub cell: usize,
    pub class: usize,
    /// Width and height of the anchor, in cells.
    pub anchor: [f64; 2],
    /// The object's box in cells, its centre relative to the cell's corner.
    pub rect: [f64; 4],
}

/// One layer's grid and anchors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid<'a> {
    pub ny: usize,
    pub nx: usize,
    /// In cells.
    pub anchors: &'a [[f64; 2]],
}

/// An object in a layer's cells.
struct Placed<T> {
    image: usize,
    class: usize,
    centre: [T; 2],
    size: [T; 2],
}

/// The layer's matches in the reference's order: by step, anchor and target. The order matters where a prediction
/// answers for several objects: the last one sets its objectness.
///
/// Reckoned in `T`, since whether a centre lies beyond the middle of its cell may hang on rounding.
pub(super) fn assign<T: Number>(targets: &[Target], grid: Grid, anchor_t: f64) -> Vec<Match> {
    let number = |x: f64| T::from(x).unwrap_or_else(T::nan);
    let scale = [grid.nx, grid.ny].map(|n| number(n as f64));
    let placed: Vec<Placed<T>> = targets
        .iter()
        .map(|target| {
            let [x, y, w, h] = target.rect.map(number);
            let [centre, size] = [[x * scale[0], y * scale[1]], [w * scale[0], h * scale[1]]];
            Placed { image: target.image, class: target.class, centre, size }
        })
        .collect();
    let mut fitting = Vec::new();
    for (index, &anchor) in grid.anchors.iter().enumerate() {
        let fit = |object: &&Placed<T>| fits(object.size, anchor.map(number), number(anchor_t));
        fitting.extend(placed.iter().filter(fit).map(|object| (index, anchor, object)));
    }
    let mut matches = Vec::new();
    for step in STEPS {
        for &(index, anchor, object) in &fitting {
            if !reaches(object.centre, scale, step) {
                continue;
            }
            // Truncated, not floored, and held inside the grid.
            let column = cell(object.centre[0] - number(step[0] * BIAS), grid.nx);
            let row = cell(object.centre[1] - number(step[1] * BIAS), grid.ny);
            let x = object.centre[0] - number(column as f64);
            let y = object.centre[1] - number(row as f64);
            matches.push(Match {
                cell: ((object.image * grid.ny + row) * grid.nx + column) * grid.anchors.len() + index,
                class: object.class,
                anchor,
                rect: [x, y, object.size[0], object.size[1]].map(wide),
            });
        }
    }
    matches
}

/// Neither side is `limit` times the anchor's, nor the anchor's `limit` times it.
fn fits<T: Number>(size: [T; 2], anchor: [T; 2], limit: T) -> bool {
    let worst = |i: usize| {
        let ratio = size[i] / anchor[i];
        ratio.max(ratio.recip())
    };
    worst(0).max(worst(1)) < limit
}

/// Whether the neighbour in the direction of `step` answers: the centre lies in the cell's half towards it, and there
/// is such a neighbour.
fn reaches<T: Number>(centre: [T; 2], scale: [T; 2], step: [f64; 2]) -> bool {
    let half = T::from(BIAS).unwrap_or_else(T::nan);
    let near = |x: T| x - x.floor() < half && x > T::one();
    (0..2).all(|i| match step[i] {
        1.0 => near(centre[i]),
        -1.0 => near(scale[i] - centre[i]),
        _ => true,
    })
}

fn cell<T: Number>(x: T, cells: usize) -> usize {
    x.max(T::zero()).to_usize().unwrap_or(usize::MAX).min(cells - 1)
}
