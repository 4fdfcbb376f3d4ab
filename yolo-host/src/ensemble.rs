//! Several networks as one: the boxes of all go into one suppression (v6.1 `Ensemble`). Classes are told by name: all
//! must find the same, and where they count them otherwise, those of the last are taken, as upstream has it.

mod clock;

pub(crate) use self::clock::Instant;
use crate::eval::{self, Head, views};
use crate::exec::{self, Images, Network};
use crate::image::pixels_to_planes;
use crate::model::Detect;
use crate::raw_map::RawMap;
use std::borrow::Cow;
use std::time::Duration;

/// A network that is validated, alone or with others.
pub struct Member<'a> {
    /// Runs it.
    pub network: &'a mut dyn Network,
    /// The Detect layer of its model.
    pub detect: &'a Detect,
    /// Anchors in cells.
    pub anchors: &'a [f32],
    /// For each class that is given out, the network's own number of it; none if they are the same.
    pub classes: Option<&'a [usize]>,
}

/// What networks say of a batch, before suppression.
#[derive(Clone, Debug)]
pub struct Rows {
    /// For each image rows `[x, y, w, h, objectness, classes …]` in pixels of the input, network after network and view
    /// after view.
    pub images: Vec<Vec<f32>>,
    /// Time spent on the networks, and on decoding.
    pub times: [Duration; 2],
}

/// Runs networks on images of the shape `[batch, channels, height, width]`, with `augment` on the three views of test-time
/// augmentation ([`views`]), and decodes what has an objectness above `threshold`. `first` sees the raw maps that the first
/// network makes of the images as they are.
///
/// Fails if the images do not fit, a device cannot, or `first` fails.
pub fn rows<E: From<exec::Error>>(
    members: &mut [Member],
    (images, shape): (Images, [usize; 4]),
    augment: bool,
    threshold: f32,
    first: impl FnOnce(&[RawMap]) -> Result<(), E>,
) -> Result<Rows, E> {
    let mut found = Rows { images: vec![Vec::new(); shape[0]], times: [Duration::ZERO; 2] };
    let mut first = Some(first);
    for Member { network, detect, anchors, classes } in members {
        let head = Head { strides: &detect.strides, anchors, nc: detect.nc, classes: *classes };
        for view in views(augment) {
            let start = Instant::now();
            if view.is_whole() {
                network.evaluate(images, shape)?;
            } else {
                let planes = planes(images, shape);
                let (planes, shape) = view.look(&planes, shape, detect.max_stride());
                network.evaluate(Images::Planes(&planes), shape)?;
            }
            let outputs = network.outputs()?;
            found.times[0] += start.elapsed();
            if let Some(first) = first.take() {
                first(&outputs)?;
            }
            let start = Instant::now();
            for (image, rows) in found.images.iter_mut().enumerate() {
                rows.append(&mut eval::rows(&head, &outputs, image, (view, shape[3]), threshold));
            }
            found.times[1] += start.elapsed();
        }
    }
    Ok(found)
}

/// Images widened, which views are computed from.
fn planes(images: Images<'_>, shape: [usize; 4]) -> Cow<'_, [f32]> {
    match images {
        Images::Bytes(pixels) => pixels_to_planes(pixels, shape).into(),
        Images::Planes(planes) => planes.into(),
    }
}
