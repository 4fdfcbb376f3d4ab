//! A network judged on labelled pictures: batches through the network, boxes out, and metrics over all of them (v6.1
//! `val.py`).

use crate::autograd::{self, Evaluator, OutputMap};
use crate::data::{self, Batch, Loader};
use crate::eval::{
    Detection, Evaluation, NmsOptions, RawMap, Summary, Truth, decode_channels_last, non_max_suppression,
};
use crate::model::Detect;
use crate::train::loss::{ComputeLoss, LossError, Map, Target};
use std::time::{Duration, Instant};

/// A validation that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A picture cannot be read.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The network cannot be run.
    #[error(transparent)]
    Network(#[from] autograd::Error),
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

/// One batch judged.
pub struct Judged<'a> {
    /// Its place.
    pub index: usize,
    /// The pictures.
    pub batch: &'a Batch,
    /// Detections of each picture, in pixels of the input …
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
        Options { nms, single_cls: false }
    }
}

/// Validates a network, with the Detect layer of its model and `anchors` in cells; `each` sees every batch.
pub fn validate(
    network: &mut dyn Evaluator,
    detect: &Detect,
    anchors: &[f32],
    loader: &Loader,
    mut loss: Option<&mut ComputeLoss>,
    options: &Options,
    each: &mut dyn FnMut(&Judged),
) -> Result<Validation, Error> {
    let mut evaluation = Evaluation::new(if options.single_cls { 1 } else { detect.nc });
    let (mut losses, mut times) = ([0.0; 3], [Duration::ZERO; 2]);
    let nms = NmsOptions { agnostic: options.nms.agnostic || options.single_cls, ..options.nms.clone() };
    for (index, batch) in loader.epoch(0, 0, None).enumerate() {
        let batch = batch?;
        let start = Instant::now();
        network.evaluate(&batch.planes, batch.shape)?;
        let outputs = network.outputs()?;
        times[0] += start.elapsed();
        if let Some(loss) = &mut loss {
            let items = loss.compute(&maps(&outputs), batch.shape[0], &targets(&batch))?.items;
            losses = std::array::from_fn(|i| losses[i] + f64::from(items[i]));
        }
        let start = Instant::now();
        let mut detections = Vec::with_capacity(batch.shape[0]);
        for picture in 0..batch.shape[0] {
            let rows = rows(&outputs, detect, anchors, picture, nms.conf_thres);
            let mut found = non_max_suppression(&rows, detect.nc, &nms);
            if options.single_cls {
                found.iter_mut().for_each(|detection| detection.class = 0);
            }
            detections.push(found);
        }
        times[1] += start.elapsed();
        let native: Vec<Vec<Detection>> = detections
            .iter()
            .zip(&batch.geometry)
            .map(|(found, geometry)| restored(found, geometry))
            .collect();
        for (picture, found) in native.iter().enumerate() {
            evaluation.add(found, &truths(&batch, picture));
        }
        each(&Judged { index, batch: &batch, detections: &detections, native: &native });
    }
    let batches = loader.batches().max(1) as f64;
    Ok(Validation { summary: evaluation.summary(), loss: losses.map(|loss| loss / batches), times })
}

/// The raw maps of a pass, for the loss.
pub fn maps<'a>(outputs: &'a [OutputMap]) -> Vec<Map<'a, f32>> {
    outputs.iter().map(|map| Map { values: &map.values, ny: map.ny, nx: map.nx }).collect()
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

/// One picture's rows `[x, y, w, h, objectness, classes …]`, of all maps.
fn rows(outputs: &[OutputMap], detect: &Detect, anchors: &[f32], picture: usize, threshold: f32) -> Vec<f32> {
    let maps: Vec<RawMap> = outputs
        .iter()
        .zip(&detect.strides)
        .zip(anchors.chunks_exact(2 * detect.na))
        .map(|((map, &stride), anchors)| {
            let len = map.values.len() / map.batch;
            let values = &map.values[picture * len..][..len];
            RawMap { values, ny: map.ny, nx: map.nx, stride, anchors }
        })
        .collect();
    decode_channels_last(&maps, detect.no(), threshold)
}

fn restored(found: &[Detection], geometry: &data::Geometry) -> Vec<Detection> {
    let mut rects: Vec<[f32; 4]> = found.iter().map(|detection| detection.rect).collect();
    geometry.restore(&mut rects);
    found.iter().zip(rects).map(|(detection, rect)| Detection { rect, ..*detection }).collect()
}

/// One picture's objects, in pixels of the photograph.
fn truths(batch: &Batch, picture: usize) -> Vec<Truth> {
    let (height, width) = (batch.shape[2] as f32, batch.shape[3] as f32);
    let of_picture = batch.targets.iter().filter(|(image, _)| *image == picture);
    let corners = |rect: &[f64; 4]| {
        let [x, y, w, h] = rect.map(|side| side as f32);
        let (x, y, w, h) = (x * width, y * height, w * width, h * height);
        [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]
    };
    let (classes, mut rects): (Vec<usize>, Vec<[f32; 4]>) =
        of_picture.map(|(_, label)| (label.class, corners(&label.rect))).unzip();
    batch.geometry[picture].restore(&mut rects);
    classes.into_iter().zip(rects).map(|(class, rect)| Truth { class, rect }).collect()
}
