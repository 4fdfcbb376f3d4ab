//! From options to a training that is ready to run: data, model, weights, anchors, optimiser.

use super::autoanchor::{self, pairs};
use super::check;
use super::train_step::{TrainStep, largest_batch, train_step};
use super::{EarlyStopping, Error, Hyper, Observer, Options, Progress, Schedule, head};
use crate::classes::{By, ClassMap, list};
use crate::data::{self, Dataset, Loader, LoaderOptions, Split, SplitName, SplitOptions};
use crate::loss::ComputeLoss;
use crate::model::{Model, ModelFiles, State, open};
use crate::plugin::Registry;
use std::path::{Path, PathBuf};

/// A model in training, with its data.
pub struct TrainingRun {
    pub(super) options: Options,
    pub(super) hyper: Hyper,
    pub(super) folder: PathBuf,
    pub(super) names: Vec<String>,
    pub(super) model: Model,
    pub(super) train_step: Box<dyn TrainStep>,
    pub(super) loss: ComputeLoss,
    pub(super) schedule: Schedule,
    pub(super) train: Loader,
    pub(super) val: Loader,
    pub(super) progress: Progress,
    /// Of the last validation.
    pub(super) fitness: f64,
}

impl TrainingRun {
    /// A new training, whose results go to `folder`. What can be wrong with options, weights and model is told before any
    /// data is read.
    ///
    /// # Errors
    /// Every kind but [`Error::Resume`].
    pub fn new(
        mut options: Options,
        hyper: Hyper,
        folder: &Path,
        registry: &mut Registry,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        check::options(&options)?;
        let files = ModelFiles { weights: options.weights.as_deref(), cfg: options.cfg.as_deref() };
        let mut opened = open(files)?;
        if let Some(anchors) = hyper.anchors.filter(|anchors| *anchors >= 1.0) {
            opened.spec = opened.spec.with_anchors(anchors.round() as usize)?;
        }
        let mut model = opened.build_to_train(registry)?;
        check::model(&mut options, &model, observer)?;
        let dataset = Dataset::read(&options.data)?;
        let names = names(&dataset, &options);
        let (old, nc) = (model.detect.nc, names.len());
        if nc != old {
            observer.note(&format!("classes: {nc}, as the data says, for the {old} of {}", model.spec.file));
            model = Model::build(model.spec.with_classes(nc)?, registry)?;
        }
        let mut state = State::new(&model.graph, options.seed);
        for note in opened.take_notes().into_iter().chain(opened.restore(&model)?) {
            observer.note(&note);
        }
        if let Some((file, mut checkpoint)) = opened.into_weights() {
            let keep_anchors = options.cfg.is_some() || hyper.anchors.is_some();
            let (head, note) = head::transfer(&mut checkpoint, &model, &mut state, &names);
            let count = head + state.transfer(&model.graph, &checkpoint.arrays, keep_anchors);
            let all = model.graph.params.len();
            if let Some(note) = model.other_activations(&checkpoint) {
                observer.note(&note);
            }
            observer.note(&format!("transferred {count} of {all} tensors from {}", file.display()));
            note.iter().for_each(|note| observer.note(note));
        }
        if options.noautoanchor {
            autoanchor::usable(&state, &model)?;
        }
        let parts = Parts::of(&dataset, &options, observer)?;
        if !options.noautoanchor {
            autoanchor::fit_anchors(
                &mut state,
                &model,
                &options,
                &hyper,
                parts.train.items.as_slice(),
                observer,
            )?;
        }
        let [images, _] = parts.sizes();
        if options.batch == 0 {
            options.batch = largest_batch(&options, &model, &state, images)?;
            observer.note(&format!("batches of {} images", options.batch));
        }
        if options.batch > images {
            let batch = options.batch;
            observer.note(&format!(
                "note: a batch may have {batch} images, but there are {images}: an epoch is one batch"
            ));
        }
        Self::assemble(options, hyper, folder, parts, model, &state, None)
    }

    pub(super) fn assemble(
        options: Options,
        hyper: Hyper,
        folder: &Path,
        parts: Parts,
        model: Model,
        state: &State,
        progress: Option<Progress>,
    ) -> Result<Self, Error> {
        let detect = &model.detect;
        model.check_size(options.imgsz, options.imgsz)?;
        let cells: Vec<[f64; 2]> = pairs(state.floats(detect.anchors));
        let anchors: Vec<Vec<[f64; 2]>> = cells.chunks(detect.na).map(<[_]>::to_vec).collect();
        let strides: Vec<f64> = detect.strides.iter().map(|stride| f64::from(*stride)).collect();
        let scaled = hyper.loss(options.label_smoothing).scaled(strides.len(), detect.nc, options.imgsz);
        let mut loss = ComputeLoss::new(scaled, &anchors, &strides, detect.nc)?;
        let data = parts.sizes();
        let (train, val) = parts.loaders(&options, &hyper, &model)?;
        if train.batches() == 0 {
            return Err(Error::Options(format!(
                "`quad` makes one image of four, but there are {} to learn from",
                data[0]
            )));
        }
        let schedule = Schedule::new(&hyper, options.epochs, train.batches(), options.batch, options.cos_lr);
        let progress = progress.unwrap_or_else(|| Progress {
            epoch: 0,
            batch: 0,
            last_step: -1,
            mean: [0.0; 3],
            stop: EarlyStopping::new(options.patience),
            best: 0.0,
            maps: vec![0.0; detect.nc],
            balance: loss.balance().to_vec(),
            counts: [0; 3],
            seconds: 0.0,
            data,
            early: false,
            finished: false,
            started_in: std::env::current_dir().ok(),
        });
        loss.set_balance(&progress.balance);
        let [steps, updates, _] = progress.counts;
        Ok(TrainingRun {
            train_step: train_step(&options, &model, state, [steps, updates])?,
            names: parts.names,
            folder: folder.into(),
            fitness: 0.0,
            options,
            hyper,
            model,
            loss,
            schedule,
            train,
            val,
            progress,
        })
    }
}

/// The data of a training.
pub(super) struct Parts {
    pub names: Vec<String>,
    train: Split,
    val: Split,
}

impl Parts {
    pub fn read(options: &Options, observer: &mut dyn Observer) -> Result<Self, Error> {
        Self::of(&Dataset::read(&options.data)?, options, observer)
    }

    fn of(dataset: &Dataset, options: &Options, observer: &mut dyn Observer) -> Result<Self, Error> {
        dataset.notes.iter().for_each(|note| observer.note(&format!("note: {note}")));
        let mut split = |which| -> Result<Split, data::Error> {
            let (single_cls, share) = (options.single_cls, options.split);
            let split = dataset.split(which, SplitOptions { single_cls, share, ..Default::default() })?;
            observer.split(which, &split);
            Ok(split)
        };
        Ok(Parts {
            train: split(SplitName::Train)?,
            val: split(SplitName::Val)?,
            names: names(dataset, options),
        })
    }

    /// Gives the classes the names and the order that a training has; a note where that is not the data's order.
    pub fn rename(&mut self, data: &Path, names: &[String]) -> Result<Option<String>, String> {
        let map = ClassMap::new(Some(names), names.len(), &self.names).ok();
        let Some(map) = map.filter(ClassMap::is_permutation) else {
            let (names, now) = (list(names), list(&self.names));
            return Err(format!("was trained on the classes {names}; {} now has {now}", data.display()));
        };
        let note = match map.by() {
            By::Order => None,
            By::Number => {
                Some(format!("{}: has no names of classes; they are taken by number", data.display()))
            }
            By::Name => Some(format!(
                "{}: has the classes in another order; the training keeps its own: {}",
                data.display(),
                list(names)
            )),
        };
        map.relabel(&mut self.train.items);
        map.relabel(&mut self.val.items);
        self.names = names.to_vec();
        Ok(note)
    }

    /// Images and objects to learn from.
    pub fn sizes(&self) -> [usize; 2] {
        let items = &self.train.items;
        [items.len(), items.iter().map(|item| item.labels.len()).sum()]
    }

    fn loaders(&self, options: &Options, hyper: &Hyper, model: &Model) -> Result<(Loader, Loader), Error> {
        let common = LoaderOptions {
            imgsz: options.imgsz,
            channels: model.spec.channels,
            stride: model.detect.max_stride(),
            cache: options.cache,
            seed: options.seed,
            threads: options.workers.max(1),
            ..LoaderOptions::default()
        };
        let train = LoaderOptions {
            batch: options.batch,
            augment: Some(hyper.augment()),
            rect: options.rect,
            shuffle: !options.rect,
            quad: options.quad,
            ..common.clone()
        };
        let val = LoaderOptions { batch: options.batch.saturating_mul(2), rect: true, pad: 0.5, ..common };
        Ok((Loader::new(self.train.items.clone(), train)?, Loader::new(self.val.items.clone(), val)?))
    }
}

/// Names of the classes.
fn names(dataset: &Dataset, options: &Options) -> Vec<String> {
    match options.single_cls && dataset.names.len() != 1 {
        true => vec!["item".to_string()],
        false => dataset.names.clone(),
    }
}

impl Hyper {
    /// Augmentation's share.
    pub(super) fn augment(&self) -> data::AugmentHyper {
        data::AugmentHyper {
            hsv_h: self.hsv_h,
            hsv_s: self.hsv_s,
            hsv_v: self.hsv_v,
            degrees: self.degrees,
            translate: self.translate,
            scale: self.scale,
            shear: self.shear,
            perspective: self.perspective,
            flipud: self.flipud,
            fliplr: self.fliplr,
            mosaic: self.mosaic,
            mixup: self.mixup,
            copy_paste: self.copy_paste,
        }
    }
}
