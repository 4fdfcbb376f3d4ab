//! A network validated on labelled images: batches through the network, boxes out, and metrics over all of them (v6.1
//! `val.py`).

use crate::classes::ClassMap;
use crate::data::{self, Batch, Loader};
use crate::ensemble::{self, Member};
use crate::eval::{Detection, Metrics, NmsOptions, Objects, Summary, Truth, postprocess};
use crate::exec::{self, Images, Network};
use crate::loss::{ComputeLoss, LossError, Target};
use crate::model::Detect;
use crate::raw_map::RawMap;
use std::time::{Duration, Instant};

/// A validation that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image cannot be read.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The network cannot be run.
    #[error(transparent)]
    Network(#[from] exec::Error),
    /// The loss cannot be computed.
    #[error(transparent)]
    Loss(#[from] LossError),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The metrics.
    pub summary: Summary,
    /// Mean box, objectness and class loss of the batches; 0 without a loss.
    pub loss: [f64; 3],
    /// Time spent on the network, and on decoding with suppression.
    pub times: [Duration; 2],
}

impl Validation {
    /// [`Self::times`] in milliseconds an image.
    pub fn milliseconds(&self) -> [f64; 2] {
        self.times.map(|time| time.as_secs_f64() * 1e3 / self.summary.images.max(1) as f64)
    }
}

/// One validated batch.
pub struct ValidatedBatch<'a> {
    /// Its place.
    pub index: usize,
    /// The images.
    pub batch: &'a Batch,
    /// Detections of each image, in pixels of the input …
    pub detections: &'a [Vec<Detection>],
    /// … and of the photograph.
    pub native: &'a [Vec<Detection>],
}

/// Options of [`validate`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Of suppression.
    pub nms: NmsOptions,
    /// All classes count as one.
    pub single_cls: bool,
    /// Test-time augmentation ([`crate::eval::views`]); a loss stays that of the image as it is.
    pub augment: bool,
    /// Labels go into suppression as detections of confidence 1, to label more by (`--save-hybrid`). Metrics then say
    /// nothing.
    pub hybrid: bool,
    /// Which of the network's classes are those of the labels; none where they are the same. A loss wants them the same.
    pub classes: Option<ClassMap>,
}

impl Default for Options {
    /// As `val.py`.
    fn default() -> Self {
        let nms = NmsOptions {
            conf_thres: 0.001,
            iou_thres: 0.6,
            max_det: 300,
            multi_label: true,
            ..NmsOptions::default()
        };
        Options { nms, single_cls: false, augment: false, hybrid: false, classes: None }
    }
}

/// Validates a network on the batches of a loader's first epoch; see [`validate_batches`].
pub fn validate(
    network: &mut dyn Network,
    detect: &Detect,
    anchors: &[f32],
    loader: &Loader,
    loss: Option<&mut ComputeLoss>,
    options: &Options,
    each: &mut dyn FnMut(&ValidatedBatch),
) -> Result<Validation, Error> {
    let mut member = [Member { network, detect, anchors, classes: None }];
    validate_batches(&mut member, loader.epoch(0, 0, None), loss, options, each)
}

/// Validates networks on batches, several as one; a loss is that of the first. `each` sees every batch.
pub fn validate_batches(
    members: &mut [Member],
    batches: impl Iterator<Item = Result<Batch, data::Error>>,
    mut loss: Option<&mut ComputeLoss>,
    options: &Options,
    each: &mut dyn FnMut(&ValidatedBatch),
) -> Result<Validation, Error> {
    // With all classes as one, it does not matter which is which.
    let classes = options.classes.as_ref().filter(|_| !options.single_cls);
    let own = members.first().map_or(1, |member| member.detect.nc);
    let nc = classes.map_or(own, ClassMap::wanted);
    let mut evaluation = Metrics::new(if options.single_cls { 1 } else { nc });
    let (mut losses, mut times, mut seen) = ([0.0; 3], [Duration::ZERO; 2], 0);
    let nms = NmsOptions { agnostic: options.nms.agnostic || options.single_cls, ..options.nms.clone() };
    for (index, batch) in batches.enumerate() {
        let batch = batch?;
        let add_loss = |outputs: &[RawMap]| -> Result<(), Error> {
            if let Some(loss) = &mut loss {
                let items = loss.compute(outputs, &targets(&batch))?.items;
                losses = std::array::from_fn(|i| losses[i] + f64::from(items[i]));
            }
            Ok(())
        };
        let images = (Images::Bytes(&batch.pixels), batch.shape);
        let found = ensemble::rows(members, images, options.augment, nms.conf_thres, add_loss)?;
        let mut rows = found.images;
        times = std::array::from_fn(|i| times[i] + found.times[i]);
        let start = Instant::now();
        if let Some(classes) = classes {
            rows.iter_mut().for_each(|rows| *rows = classes.rows(std::mem::take(rows)));
        }
        if options.hybrid {
            batch.targets.iter().for_each(|(image, label)| rows[*image].extend(certain(&batch, label, nc)));
        }
        let objects = rows.iter().zip(&batch.geometry).map(|(rows, geometry)| {
            let Objects { mut in_input, mut in_image } = postprocess(rows, nc, &nms, geometry);
            if options.single_cls {
                in_input.iter_mut().chain(&mut in_image).for_each(|detection| detection.class = 0);
            }
            (in_input, in_image)
        });
        let (detections, native): (Vec<_>, Vec<_>) = objects.unzip();
        times[1] += start.elapsed();
        for (image, found) in native.iter().enumerate() {
            evaluation.add(found, &truths(&batch, image));
        }
        each(&ValidatedBatch { index, batch: &batch, detections: &detections, native: &native });
        seen += 1;
    }
    let loss = losses.map(|loss| loss / f64::from(seen.max(1)));
    Ok(Validation { summary: evaluation.summary(), loss, times })
}

/// A batch's objects, for the loss.
pub fn targets(batch: &Batch) -> Vec<Target> {
    let target = |(image, label): &(usize, data::Label)| Target {
        image: *image,
        class: label.class,
        rect: label.rect,
    };
    batch.targets.iter().map(target).collect()
}

/// The row of an object that is there for sure.
fn certain(batch: &Batch, label: &data::Label, nc: usize) -> Vec<f32> {
    let (height, width) = (batch.shape[2] as f32, batch.shape[3] as f32);
    let [x, y, w, h] = label.rect.map(|side| side as f32);
    let class = (0..nc).map(|class| if class == label.class { 1.0 } else { 0.0 });
    [x * width, y * height, w * width, h * height, 1.0].into_iter().chain(class).collect()
}

/// One image's objects, in pixels of the photograph.
fn truths(batch: &Batch, index: usize) -> Vec<Truth> {
    let (height, width) = (batch.shape[2] as f32, batch.shape[3] as f32);
    let of_image = batch.targets.iter().filter(|(image, _)| *image == index);
    let truth = |(_, label): &(usize, data::Label)| {
        let [x, y, w, h] = label.rect.map(|side| side as f32);
        let (x, y, w, h) = (x * width, y * height, w * width, h * height);
        let mut rect = [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0];
        batch.geometry[index].restore(&mut rect);
        Truth { class: label.class, rect }
    };
    of_image.map(truth).collect()
}
