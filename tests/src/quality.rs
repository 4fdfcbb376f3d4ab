//! How well a network finds what it was trained for, on the datasets beside the repository.

use crate::{registry, root, shared};
use std::path::{Path, PathBuf};
use yolo_host::data::{Dataset, Item, Loader, LoaderOptions, SplitName, SplitOptions};
use yolo_host::exec::engine::{Engine, Ranges};
use yolo_host::exec::{Images, Network};
use yolo_host::export::{Calibration, TensorRanges};
use yolo_host::image::{Image, letterbox};
use yolo_host::model::{Loaded, Model, ModelFiles, State, load};
use yolo_host::validation::{Options, validate};

/// Photographs with labels, copied: a cache is put beside labels that are read.
#[derive(Debug)]
pub struct Labelled {
    folder: tempfile::TempDir,
    items: Vec<Item>,
    photographs: Vec<PathBuf>,
}

impl Labelled {
    /// `coco128` or `bccd`: what `part` names, and training images for calibration.
    pub fn find(name: &str, part: SplitName) -> Option<Self> {
        let from = shared(&format!("data/{name}"))?;
        let folder = tempfile::tempdir().unwrap();
        copy(&from, folder.path());
        let named = std::fs::read_to_string(root().join(format!("data/{name}.yaml"))).unwrap();
        let data = folder.path().join("data.yaml");
        let path = format!("path: {}\n#", folder.path().display());
        std::fs::write(&data, named.replacen("path:", &path, 1)).unwrap();
        let dataset = Dataset::read(&data).unwrap();
        let items = |part| dataset.split(part, SplitOptions::default()).unwrap().items;
        let photographs = items(SplitName::Train).iter().map(|item| item.image.clone()).collect();
        Some(Labelled { items: items(part), photographs, folder })
    }

    /// A share of the labelled images, evenly.
    pub fn thin(&mut self, step: usize) {
        self.items = self.items.iter().step_by(step).cloned().collect();
    }

    /// The ranges of so many photographs, for the engine and for files.
    pub fn ranges(&self, model: &Model, state: &State, side: usize, count: usize) -> (Ranges, TensorRanges) {
        let mut engine = Engine::new(&model.graph, state.clone(), &model.detect.outputs);
        let mut calibration = Calibration::new(model, state.clone());
        let stride = model.detect.max_stride();
        let step = self.photographs.len().div_ceil(count);
        for file in self.photographs.iter().step_by(step) {
            let fitted = letterbox(&Image::read(file).unwrap(), (side, side), true, true, stride).image;
            let shape = [1, 3, fitted.height, fitted.width];
            engine.calibrate(Images::Bytes(&fitted.rgb), shape).unwrap();
            calibration.run(Images::Bytes(&fitted.rgb), shape).unwrap();
        }
        (engine.into_ranges(), calibration.into_ranges())
    }

    /// mAP50 and mAP50-95 of a network of raw maps.
    pub fn map(&self, network: &mut dyn Network, model: &Model, state: &State, side: usize) -> [f64; 2] {
        assert!(self.folder.path().is_dir());
        let loading = LoaderOptions {
            imgsz: side,
            batch: 8,
            stride: model.detect.max_stride(),
            rect: true,
            pad: 0.5,
            threads: 2,
            ..LoaderOptions::default()
        };
        let loader = Loader::new(self.items.clone(), loading).unwrap();
        let anchors = state.floats(model.detect.anchors).to_vec();
        let found =
            validate(network, &model.detect, &anchors, &loader, None, &Options::default(), &mut |_| ());
        let summary = found.unwrap().summary;
        [summary.map50, summary.map]
    }
}

/// Weights of this repository, and the size that they were trained at.
pub fn weights(name: &str) -> (Model, State, usize) {
    let file = root().join(format!("weights/{name}.safetensors"));
    let Loaded { model, state, meta } = load(ModelFiles::weights(&file), &mut registry()).unwrap();
    (model, state, meta.imgsz.unwrap_or(640))
}

/// A folder of files, copied: a cache of labels is put beside them.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(&path, &to).unwrap()),
        }
    }
}
