//! Photograph in, objects out: letterbox, network, decoding, suppression, and boxes back to the photograph's pixels.

mod ensemble;

use self::ensemble::Part;
use crate::ensemble::Instant;
use crate::eval::{Detection, NmsOptions, postprocess};
use crate::exec::engine::Ranges;
use crate::exec::{self, Device, Images, Precision};
use crate::image::{Geometry, Image, letterbox, pixels};
use crate::model::{self, Loaded, Model, ModelFiles, State};
use crate::plugin::Registry;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// A detector that cannot be made or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The files do not become a model.
    #[error(transparent)]
    Load(#[from] model::LoadError),
    /// The model does not take images of this size.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// The network cannot be run.
    #[error(transparent)]
    Network(#[from] exec::Error),
    /// Models that do not go together.
    #[error("{model} and {last} cannot work together: {why}")]
    Ensemble {
        /// One of them.
        model: String,
        /// The last.
        last: String,
        /// What keeps them apart.
        why: String,
    },
}

/// A model with its weights and class names, or several whose boxes go into one suppression.
pub struct Detector {
    before: Vec<Part>,
    last: Part,
    names: Vec<String>,
    augment: bool,
}

/// What was found in one photograph.
#[derive(Clone, Debug)]
pub struct Found {
    /// Best first; corners in whole pixels of the photograph.
    pub detections: Vec<Detection>,
    /// Height and width of the network's input.
    pub network: (usize, usize),
    /// Time spent on letterbox, network, and decoding with suppression; zero in a browser.
    pub times: [Duration; 3],
}

impl Detector {
    /// Reads weights and brings their model to a device.
    pub fn load(
        file: &Path,
        cfg: Option<&Path>,
        registry: &mut Registry,
        device: Device,
    ) -> Result<Self, Error> {
        let files = ModelFiles { weights: Some(file), cfg };
        let Loaded { model, state, meta } = model::load(files, registry)?;
        Self::new(model, state, meta.names, device)
    }

    /// A detector of a model with these values; classes without names are numbered.
    pub fn new(
        model: Model,
        state: State,
        names: Option<Vec<String>>,
        device: Device,
    ) -> Result<Self, Error> {
        Self::with_precision(model, state, names, device, Precision::F32, &Ranges::default())
    }

    /// The same in another precision, on the CPU; `ranges` are for int8 alone.
    pub fn with_precision(
        model: Model,
        state: State,
        names: Option<Vec<String>>,
        device: Device,
        precision: Precision,
        ranges: &Ranges,
    ) -> Result<Self, Error> {
        let nc = model.detect.nc;
        let names = names.filter(|names| names.len() == nc);
        let last = Part {
            anchors: state.floats(model.detect.anchors).to_vec(),
            network: Mutex::new(device.network(
                &model.graph,
                state,
                &model.detect.outputs,
                precision,
                ranges,
            )?),
            classes: None,
            model,
        };
        let names = names.unwrap_or_else(|| (0..nc).map(|class| class.to_string()).collect());
        Ok(Detector { before: vec![], last, names, augment: false })
    }

    /// The same with test-time augmentation or without: [`crate::eval::views`].
    pub fn augmented(self, augment: bool) -> Self {
        Detector { augment, ..self }
    }

    /// The model; of several the last.
    pub fn model(&self) -> &Model {
        &self.last.model
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.before.iter().chain([&self.last])
    }

    /// The largest stride of its models.
    pub fn stride(&self) -> usize {
        self.parts().map(|part| part.model.detect.max_stride()).max().unwrap_or(1)
    }

    /// Names of the classes.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A size rounded up to what the models take: a multiple of the largest stride.
    pub fn round_size(&self, size: usize) -> usize {
        size.max(1).next_multiple_of(self.stride())
    }

    /// Rows `[x, y, w, h, objectness, classes …]` with objectness above `threshold`, in pixels of the network's input,
    /// for planes `[3, height, width]` of 0 to 1; of all models and views, one after another.
    pub fn predict(
        &self,
        planes: &[f32],
        height: usize,
        width: usize,
        threshold: f32,
    ) -> Result<Vec<f32>, Error> {
        let mut all = Vec::new();
        for part in self.parts() {
            let planes = Images::Planes(planes);
            all.append(&mut part.rows(planes, (height, width), self.augment, threshold)?);
        }
        Ok(all)
    }

    /// Objects in one photograph. `size` is height and width, multiples of the stride, into which it is fitted; the
    /// shorter side is cut to the next multiple.
    pub fn detect(&self, photo: &Image, size: (usize, usize), options: &NmsOptions) -> Result<Found, Error> {
        let start = Instant::now();
        let boxed = letterbox(photo, size, true, true, self.stride()).image;
        let prepared = Instant::now();
        let mut rows = Vec::new();
        for part in self.parts() {
            // A model of other channels than one or three says so itself.
            let pixels = pixels(&boxed, part.model.spec.channels);
            let size = (boxed.height, boxed.width);
            rows.append(&mut part.rows(Images::Bytes(&pixels), size, self.augment, options.conf_thres)?);
        }
        let computed = Instant::now();
        let geometry = Geometry::fitted((photo.height, photo.width), (boxed.height, boxed.width));
        let mut detections = postprocess(&rows, self.last.model.detect.nc, options, &geometry).in_image;
        detections.iter_mut().for_each(|found| found.rect = found.rect.map(f32::round_ties_even));
        let times = [prepared - start, computed - prepared, computed.elapsed()];
        Ok(Found { detections, network: (boxed.height, boxed.width), times })
    }
}
