//! What `yolo val` validates: a network, and the images that it is held against.

use super::{Task, ValArgs};
use crate::classes::ClassMap;
use crate::cli::plugins::notes;
use crate::cli::progress::{bar, report_split};
use crate::cli::sizes::rounded;
use crate::cli::{trained_size, weights};
use crate::data::{Dataset, Item, Loader, LoaderOptions, SplitName, SplitOptions};
use crate::detector::Detector;
use crate::eval::NmsOptions;
use crate::exec::Device;
use crate::report::coco::Categories;
use crate::validation::{Options, ValidatedBatch, Validation, validate_batches};
use crate::weights::Meta;
use anyhow::{Context, bail};
use std::path::Path;

/// A network, and the images that it is validated on.
pub struct Subject {
    pub detector: Detector,
    items: Vec<Item>,
    pub names: Vec<String>,
    pub categories: Categories,
    options: Options,
    /// Of its loaders; sizes are their own.
    loading: LoaderOptions,
    /// Unless other sizes are asked for.
    pub imgsz: usize,
}

impl Subject {
    pub fn new(args: &ValArgs, device: Device, imgsz: Option<usize>) -> anyhow::Result<Self> {
        let mut registry = args.plugins.registry()?;
        let loaded = weights::load_all(&args.weights, args.cfg.as_deref(), &mut registry)?;
        notes(&mut registry);
        let dataset = Dataset::read(&args.data).context("--data")?;
        dataset.notes.iter().for_each(|note| eprintln!("note: {note}"));
        let Some((file, last)) = args.weights.last().zip(loaded.last()) else {
            bail!("--weights names no file");
        };
        let names = last.meta.names.clone();
        let classes = match args.single_cls {
            true => None,
            false => Some(matched(file, (&last.meta, last.model.detect.nc), &args.data, &dataset)?),
        };
        let imgsz = match (imgsz, args.task) {
            (Some(imgsz), _) => imgsz,
            (None, Task::Study) => 640,
            (None, _) => trained_size(&last.meta),
        };
        let detector = weights::detector(loaded, device, &args.precision, [imgsz; 2])?;
        let asked = imgsz;
        let imgsz = asked.next_multiple_of(detector.stride());
        rounded([asked; 2], [imgsz; 2]).inspect(|note| eprintln!("note: {note}"));
        let which = match args.task {
            Task::Train => SplitName::Train,
            Task::Test => SplitName::Test,
            Task::Val | Task::Speed | Task::Study => SplitName::Val,
        };
        let split = dataset.split(
            which,
            SplitOptions { single_cls: args.single_cls, share: args.split, ..Default::default() },
        )?;
        report_split(which, &split);
        let speed = args.task == Task::Speed;
        let (conf_thres, iou_thres) = match speed {
            true => (0.25, 0.45),
            false => (args.thresholds.conf_thres, args.thresholds.iou_thres),
        };
        let nms = NmsOptions { conf_thres, iou_thres, ..Options::default().nms };
        let (single_cls, augment, hybrid) = (args.single_cls, args.augment, args.save_hybrid);
        let loading = LoaderOptions {
            channels: detector.model().spec.channels,
            batch: args.batch_size,
            stride: detector.stride(),
            rect: true,
            pad: if speed { 0.0 } else { 0.5 },
            threads: args.workers.max(1),
            ..LoaderOptions::default()
        };
        Ok(Subject {
            items: split.items,
            categories: if dataset.is_coco() { Categories::Coco91 } else { Categories::Classes },
            names: match &classes {
                None => vec!["item".to_string()],
                Some(classes) => classes.names(names.as_deref(), &dataset.names),
            },
            options: Options { nms, single_cls, augment, hybrid, classes },
            loading,
            imgsz,
            detector,
        })
    }

    /// Its images at a size, which is rounded up to the stride.
    pub fn loader(&self, imgsz: usize) -> anyhow::Result<Loader> {
        let imgsz = imgsz.next_multiple_of(self.loading.stride);
        Ok(Loader::new(self.items.clone(), LoaderOptions { imgsz, ..self.loading.clone() })?)
    }

    /// Validates the network; `each` sees every batch until it fails.
    pub fn validate(
        &mut self,
        loader: &Loader,
        each: &mut dyn FnMut(&ValidatedBatch) -> anyhow::Result<()>,
    ) -> anyhow::Result<Validation> {
        let progress = bar(loader.batches(), "val");
        let mut seen = Ok(());
        let mut watch = |validated: &ValidatedBatch| {
            if seen.is_ok() {
                seen = each(validated);
            }
            progress.set_position(validated.index as u64 + 1);
        };
        let batches = loader.epoch(0, 0, None);
        let mut members = self.detector.members();
        let validation = validate_batches(&mut members, batches, None, &self.options, &mut watch)?;
        progress.finish_and_clear();
        seen.map(|()| validation)
    }
}

/// Which of the weights' classes are those of the data, with a note where that is not as it seems.
pub fn matched(
    weights: &Path,
    (meta, nc): (&Meta, usize),
    data: &Path,
    dataset: &Dataset,
) -> anyhow::Result<ClassMap> {
    let classes = ClassMap::new(meta.names.as_deref(), nc, &dataset.names)
        .with_context(|| format!("{} with {}", weights.display(), data.display()))?;
    if let Some(note) = classes.note() {
        eprintln!("note: {note} ({} with {})", weights.display(), data.display());
    }
    Ok(classes)
}
