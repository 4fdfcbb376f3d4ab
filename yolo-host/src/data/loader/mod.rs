//! Batches for training and validation, made ahead of their use by threads of the loader's own: upstream's
//! `LoadImagesAndLabels` with its `create_dataloader`.
//!
//! What a batch holds depends on the items, the options, the epoch and its place in the epoch alone; not on
//! the number of threads, nor on which batches were made before.

mod collate;
mod epoch;
mod images;
mod sample;

use std::sync::Arc;

use super::augment::AugmentHyper;
use super::{Error, Item, Label};
use crate::image::Geometry;
use crate::random::Stream;
pub use epoch::Epoch;
use images::Images;
use serde::{Deserialize, Serialize};

/// The greatest training size in pixels: OpenCV's warps, which ours equal, count positions in 16 bits.
pub const MAX_IMGSZ: usize = 1 << 13;

/// Where images are kept once they are read and resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cache {
    /// Nowhere: they are read each time.
    #[default]
    None,
    /// In memory.
    Ram,
    /// In a folder `.yolo-cache` beside the images, without compression.
    Disk,
}

/// How a [`Loader`] makes batches.
#[derive(Clone, Debug)]
pub struct LoaderOptions {
    /// Longer side in pixels to which images are scaled.
    pub imgsz: usize,
    /// 3 for colour, 1 for grey.
    pub channels: usize,
    /// Images in a batch; the last has what is left.
    pub batch: usize,
    /// Sides of rectangular batches are multiples of it.
    pub stride: usize,
    /// Augments; nothing for validation, which shrinks by area and enlarges nothing.
    pub augment: Option<AugmentHyper>,
    /// Sorts images by shape and pads each batch to a shape of its own. Excludes mosaics and `shuffle`.
    pub rect: bool,
    /// Padding of rectangular batches in strides: upstream has 0.5 in validation.
    pub pad: f64,
    /// Where images are kept.
    pub cache: Cache,
    /// Chooses the order and all other chances.
    pub seed: u64,
    /// Threads that make batches; at least one.
    pub threads: usize,
    /// Every epoch in an order of its own.
    pub shuffle: bool,
    /// Makes one image of twice the side from four, so that a batch has a quarter of the images.
    pub quad: bool,
}

impl Default for LoaderOptions {
    /// One thread, no augmentation, 640 pixels, batches of 16.
    fn default() -> Self {
        Self {
            imgsz: 640,
            channels: 3,
            batch: 16,
            stride: 32,
            augment: None,
            rect: false,
            pad: 0.0,
            cache: Cache::None,
            seed: 0,
            threads: 1,
            shuffle: false,
            quad: false,
        }
    }
}

/// What the network is given at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[n, height, width, channels]`: red, green and blue of each pixel, or grey.
    pub pixels: Vec<u8>,
    /// The network's input shape, `[n, channels, height, width]`.
    pub shape: [usize; 4],
    /// The objects, each with its image's place in the batch.
    pub targets: Vec<(usize, Label)>,
    /// For each image its index among [`Loader::items`]; of a mosaic or of four in one, the first's.
    pub images: Vec<usize>,
    /// For each image how it lies in the input. A mosaic's or an augmented one's leads nowhere.
    pub geometry: Vec<Geometry>,
}

/// Makes batches of a dataset's part.
pub struct Loader {
    shared: Arc<Shared>,
}

/// What the threads of an epoch read.
struct Shared {
    items: Vec<Item>,
    options: LoaderOptions,
    images: Images,
    /// Height and width of each rectangular batch; none otherwise.
    shapes: Vec<(usize, usize)>,
}

impl Loader {
    /// A loader of these images.
    ///
    /// # Errors
    /// [`Error::Options`] without images, for a size or batch of nought, or a size beyond 8,192 pixels.
    pub fn new(mut items: Vec<Item>, options: LoaderOptions) -> Result<Self, Error> {
        let wrong = |why: &str| Err(Error::Options { why: why.into() });
        if items.is_empty() {
            return wrong("it was given no images");
        }
        if !(1..=MAX_IMGSZ).contains(&options.imgsz) {
            return wrong(&format!("imgsz must be 1 to {MAX_IMGSZ} pixels, not {}", options.imgsz));
        }
        if ![1, 3].contains(&options.channels) {
            return wrong(&format!("channels must be 1 or 3, not {}", options.channels));
        }
        if options.batch == 0 || options.stride == 0 {
            return wrong("batch and stride must be at least 1");
        }
        if options.quad && options.batch < 4 {
            return wrong("quad makes one image of four: batch must be at least 4");
        }
        if !(0.0..=16.0).contains(&options.pad) {
            return wrong(&format!("pad must be 0 to 16 strides, not {}", options.pad));
        }
        let mut shapes = Vec::new();
        if options.rect {
            items.sort_by(|a, b| aspect(a).total_cmp(&aspect(b)));
            shapes = items.chunks(options.batch).map(|items| batch_shape(items, &options)).collect();
        }
        let images = Images::new(items.len(), &options);
        Ok(Self { shared: Arc::new(Shared { items, options, images, shapes }) })
    }

    /// Batches in an epoch.
    pub fn batches(&self) -> usize {
        self.shared.batches(self.items().len())
    }

    /// The images, in the order that [`Batch::images`] counts: that of `new`, or by shape if rectangular.
    pub fn items(&self) -> &[Item] {
        &self.shared.items
    }

    /// The batches of an epoch from `first_batch` on, those before not being made.
    ///
    /// `chosen` are the images of the epoch in their order, drawn by the trainer by weight; mosaics draw
    /// from them, too. Without it every image comes once.
    pub fn epoch(&self, epoch: usize, first_batch: usize, chosen: Option<Vec<usize>>) -> Epoch {
        let shared = &self.shared;
        let order = chosen.unwrap_or_else(|| {
            let mut order: Vec<usize> = (0..shared.items.len()).collect();
            if shared.options.shuffle && !shared.options.rect {
                Stream::counted("order", &[shared.options.seed, epoch as u64]).shuffle(&mut order);
            }
            order
        });
        Epoch::new(Arc::clone(shared), epoch, order, first_batch)
    }
}

impl Shared {
    /// Batches of so many images.
    fn batches(&self, images: usize) -> usize {
        let LoaderOptions { batch, quad, .. } = self.options;
        // Fewer than four at the end make no image of four.
        let last = images % batch;
        images / batch + usize::from(if quad { last >= 4 } else { last > 0 })
    }
}

/// Height to width.
fn aspect(item: &Item) -> f64 {
    item.size.0 as f64 / item.size.1.max(1) as f64
}

/// Height and width of a batch of images sorted by shape: the longer side of its squarest image decides.
fn batch_shape(items: &[Item], options: &LoaderOptions) -> (usize, usize) {
    let aspects = || items.iter().map(aspect);
    let (least, most) = (aspects().fold(f64::INFINITY, f64::min), aspects().fold(0.0, f64::max));
    let (height, width) = match () {
        () if most < 1.0 => (most, 1.0),
        () if least > 1.0 => (1.0, 1.0 / least),
        () => (1.0, 1.0),
    };
    let (imgsz, stride) = (options.imgsz as f64, options.stride as f64);
    let side = |share: f64| ((share * imgsz / stride + options.pad).ceil() as usize).max(1) * options.stride;
    (side(height), side(width))
}
