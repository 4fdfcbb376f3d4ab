//! From options to a training that is ready to run: data, model, weights, anchors, optimiser.

use super::checkpoint::{HYPER, OPTIONS, PROGRESS};
use super::learner::{Learner, largest_batch, learner};
use super::loss::ComputeLoss;
use super::{EarlyStopping, Error, Hyper, Machine, Observer, Options, Progress, Schedule};
use super::{fit, head, kmean_anchors};
use crate::classes::{By, ClassMap, list};
use crate::data::{self, Dataset, Item, Loader, LoaderOptions, Split, SplitName, SplitOptions};
use crate::model::{Model, Spec, State};
use crate::random::Stream;
use crate::registry::Registry;
use crate::weights;
use std::path::{Path, PathBuf};

/// Share of boxes that the anchors must fit, or better ones are looked for.
const GOOD_RECALL: f64 = 0.98;

/// A model in training, with its data.
pub struct Training {
    pub(super) options: Options,
    pub(super) hyper: Hyper,
    pub(super) folder: PathBuf,
    pub(super) names: Vec<String>,
    pub(super) model: Model,
    pub(super) learner: Box<dyn Learner>,
    pub(super) loss: ComputeLoss,
    pub(super) schedule: Schedule,
    pub(super) train: Loader,
    pub(super) val: Loader,
    pub(super) progress: Progress,
    /// Of the last validation.
    pub(super) fitness: f64,
}

impl Training {
    /// A new training, whose results go to `folder`.
    pub fn new(
        mut options: Options,
        hyper: Hyper,
        folder: &Path,
        registry: &mut Registry,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let parts = Parts::read(&options, observer)?;
        let (mut spec, loaded) = model_of(&options)?;
        spec = spec.with_classes(parts.names.len())?;
        if let Some(anchors) = hyper.anchors.filter(|anchors| *anchors >= 1.0) {
            spec = spec.with_anchors(anchors.round() as usize)?;
        }
        registry.load_trusted(&spec.plugins)?;
        let model = Model::build(spec, registry)?;
        let mut state = State::new(&model.graph, options.seed);
        if let Some((file, mut checkpoint)) = loaded {
            let keep_anchors = options.cfg.is_some() || hyper.anchors.is_some();
            let (head, note) = head::transfer(&mut checkpoint, &model, &mut state, &parts.names);
            let count = head + state.transfer(&model.graph, &checkpoint.arrays, keep_anchors);
            let all = model.graph.params.len();
            observer.note(&format!("transferred {count} of {all} tensors from {}", file.display()));
            note.iter().for_each(|note| observer.note(note));
        }
        if !options.noautoanchor {
            fit_anchors(&mut state, &model, &options, &hyper, parts.train.items.as_slice(), observer);
        }
        if options.batch == 0 {
            options.batch = largest_batch(&options, &model, &state, parts.sizes()[0])?;
            observer.note(&format!("batches of {} pictures", options.batch));
        }
        Self::assemble(options, hyper, folder, parts, model, &state, None)
    }

    /// Goes on with a training from its state file, as if it had never stopped; on another machine, if one is named.
    pub fn resume(
        file: &Path,
        machine: Option<Machine>,
        registry: &mut Registry,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let why = |why: &str| Error::Resume { file: file.into(), why: why.into() };
        let checkpoint = weights::read(file)?;
        let Some(spec) = Spec::of_weights(None, file, &checkpoint.meta)? else {
            return Err(why("is no state of a training"));
        };
        let extra = &checkpoint.meta.extra;
        fn part<T: serde::de::DeserializeOwned>(
            extra: &std::collections::BTreeMap<String, String>,
            key: &str,
        ) -> Option<T> {
            serde_json::from_str(extra.get(key)?).ok()
        }
        let (Some(mut options), Some(hyper), Some(progress)) =
            (part::<Options>(extra, OPTIONS), part::<Hyper>(extra, HYPER), part::<Progress>(extra, PROGRESS))
        else {
            return Err(why("is no state of a training of this version"));
        };
        options.machine = machine.unwrap_or(options.machine);
        let folder = file.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        let mut parts = Parts::read(&options, observer)?;
        if let Some(names) = &checkpoint.meta.names {
            let note = parts.rename(&options.data, names).map_err(|wrong| why(&wrong))?;
            note.iter().for_each(|note| observer.note(note));
        }
        if parts.sizes() != progress.data {
            let ([pictures, objects], [now, found]) = (progress.data, parts.sizes());
            return Err(why(&format!(
                "was trained on {pictures} pictures with {objects} objects; {} now has {now} with {found}",
                options.data.display()
            )));
        }
        registry.load_trusted(&spec.plugins)?;
        let model = Model::build(spec, registry)?;
        hyper.check().and_then(|()| progress.check(&model)).map_err(|wrong| why(&wrong))?;
        let mut state = State::new(&model.graph, options.seed);
        let weights = checkpoint.arrays.iter().filter_map(|(name, array)| {
            name.strip_prefix("weights/").map(|name| (name.to_string(), array.clone()))
        });
        let weights = weights.collect();
        state.transfer(&model.graph, &weights, false);
        let mut training = Self::assemble(options, hyper, folder, parts, model, &state, Some(progress))?;
        training.restore(file, &checkpoint.arrays)?;
        Ok(training)
    }

    fn assemble(
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
        let (train, val) = parts.loaders(&options, &hyper, detect.max_stride())?;
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
        });
        loss.set_balance(&progress.balance);
        let [steps, updates, _] = progress.counts;
        Ok(Training {
            learner: learner(&options, &model, state, [steps, updates])?,
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
struct Parts {
    names: Vec<String>,
    train: Split,
    val: Split,
}

impl Parts {
    fn read(options: &Options, observer: &mut dyn Observer) -> Result<Self, Error> {
        let dataset = Dataset::read(&options.data)?;
        let names = match options.single_cls && dataset.names.len() != 1 {
            true => vec!["item".to_string()],
            false => dataset.names.clone(),
        };
        let mut split = |which| -> Result<Split, data::Error> {
            let (single_cls, share) = (options.single_cls, options.split);
            let split = dataset.split(which, SplitOptions { single_cls, share, ..Default::default() })?;
            observer.split(which, &split);
            Ok(split)
        };
        Ok(Parts { train: split(SplitName::Train)?, val: split(SplitName::Val)?, names })
    }

    /// Gives the classes the names and the order that a training has; a note where that is not the data's order.
    fn rename(&mut self, data: &Path, names: &[String]) -> Result<Option<String>, String> {
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

    /// Pictures and objects to learn from.
    fn sizes(&self) -> [usize; 2] {
        let items = &self.train.items;
        [items.len(), items.iter().map(|item| item.labels.len()).sum()]
    }

    fn loaders(&self, options: &Options, hyper: &Hyper, stride: usize) -> Result<(Loader, Loader), Error> {
        let common = LoaderOptions {
            imgsz: options.imgsz,
            stride,
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

type Loaded = Option<(PathBuf, weights::Checkpoint)>;

/// The model file and the weights that the options name.
fn model_of(options: &Options) -> Result<(Spec, Loaded), Error> {
    let loaded = match &options.weights {
        Some(file) => Some((file.clone(), weights::read(file)?)),
        None => None,
    };
    let spec = match (&options.cfg, &loaded) {
        (cfg, Some((file, checkpoint))) => Spec::of_weights(cfg.as_deref(), file, &checkpoint.meta)?,
        (Some(cfg), None) => Some(Spec::find(cfg)?),
        (None, None) => None,
    };
    let spec = spec.ok_or_else(|| {
        Error::Options(match &loaded {
            Some((file, _)) => {
                let file = file.display();
                format!("{file}: does not say which model it belongs to; name its YAML with --cfg")
            }
            None => "name a model with --cfg, or --weights that carry one".into(),
        })
    })?;
    Ok((spec, loaded))
}

fn pairs(values: &[f32]) -> Vec<[f64; 2]> {
    values.chunks_exact(2).map(|pair| [f64::from(pair[0]), f64::from(pair[1])]).collect()
}

/// Exchanges anchors that fit the data badly (v6.1 `check_anchors`).
fn fit_anchors(
    state: &mut State,
    model: &Model,
    options: &Options,
    hyper: &Hyper,
    items: &[Item],
    observer: &mut dyn Observer,
) {
    let detect = &model.detect;
    let mut stream = Stream::keyed(&format!("check anchors {}", options.seed));
    let (mut boxes, mut varied) = (Vec::new(), Vec::new());
    for item in items {
        let longest = item.size.0.max(item.size.1) as f64;
        let sides = [item.size.1, item.size.0].map(|side| options.imgsz as f64 * side as f64 / longest);
        let factor = 0.9 + 0.2 * stream.uniform();
        for label in &item.labels {
            let wh = [label.rect[2] * sides[0], label.rect[3] * sides[1]];
            boxes.push(wh);
            varied.push(wh.map(|side| side * factor));
        }
    }
    let cells = pairs(state.floats(detect.anchors));
    let strides =
        || detect.strides.iter().flat_map(|stride| std::iter::repeat_n(f64::from(*stride), detect.na));
    let pixels: Vec<[f64; 2]> =
        cells.iter().zip(strides()).map(|(cell, stride)| cell.map(|side| side * stride)).collect();
    let now = fit(&varied, &pixels, hyper.anchor_t);
    let text =
        format!("anchors fit {:.1} % of the objects, {:.2} an object", 100.0 * now.recall, now.per_target);
    // A count in the place of anchors leaves numbers that only stand for anchors, with a nought among them.
    let usable = pixels.iter().flatten().all(|side| *side > 0.0);
    if usable && now.recall > GOOD_RECALL {
        return observer.note(&text);
    }
    let found = kmean_anchors(&boxes, pixels.len(), hyper.anchor_t, options.seed);
    let better = found.filter(|found| !usable || fit(&varied, found, hyper.anchor_t).recall > now.recall);
    let Some(found) = better else {
        return observer.note(&format!("{text}; no better ones were found"));
    };
    let new = fit(&varied, &found, hyper.anchor_t);
    // Small to large, as the strides are; the other way round where the strides fall.
    let rising = detect.strides.first() <= detect.strides.last();
    let ordered: Vec<[f64; 2]> =
        if rising { found.clone() } else { found.chunks(detect.na).rev().flatten().copied().collect() };
    let values = ordered.iter().zip(strides()).flat_map(|(wh, stride)| wh.map(|side| (side / stride) as f32));
    state.set_floats(detect.anchors, values.collect());
    let shown: Vec<String> = found.iter().map(|wh| format!("{:.0},{:.0}", wh[0], wh[1])).collect();
    observer.note(&format!("{text}; new ones fit {:.1} %: {}", 100.0 * new.recall, shown.join("  ")));
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
