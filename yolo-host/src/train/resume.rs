//! Going on with a training from its state: what may change on the way, and whether it is the same data.

use super::checkpoint::{HYPER, OPTIONS, PROGRESS};
use super::setup::Parts;
use super::{Device, Error, Hyper, Observer, Options, Progress, Remedy, TrainingRun};
use crate::data::Cache;
use crate::model::{LoadError, Model, ModelFiles, Spec, State, open};
use crate::plugin::Registry;
use crate::weights::Checkpoint;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// A training's state, as its file has it.
pub struct Saved {
    file: PathBuf,
    spec: Spec,
    options: Options,
    hyper: Hyper,
    progress: Progress,
    checkpoint: Checkpoint,
}

/// What a resume may change; what is none, or not set, stays as it was.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What computes.
    pub device: Option<Device>,
    /// Epochs in all.
    pub epochs: Option<usize>,
    /// Where the dataset is now.
    pub data: Option<PathBuf>,
    /// Threads that prepare images.
    pub workers: Option<usize>,
    /// Where images are kept.
    pub cache: Option<Cache>,
    /// Epochs without a better one after which to stop; 0 for never.
    pub patience: Option<usize>,
    /// Keep a checkpoint every so many epochs; 0 for never.
    pub save_period: Option<usize>,
    /// Write checkpoints only at the end.
    pub nosave: bool,
    /// Validate only at the end.
    pub noval: bool,
    /// Where results go from now on.
    pub folder: Option<PathBuf>,
}

impl Saved {
    /// Reads a state file.
    ///
    /// # Errors
    /// If it cannot be read, or is no state of a training of this version.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let stuck = |why: &str, remedy| Error::Resume { file: file.into(), why: why.into(), remedy };
        let why = |why: &str| stuck(why, None);
        let opened = match open(ModelFiles::weights(file)) {
            Err(LoadError::NoModel { .. }) => return Err(why("is no state of a training")),
            opened => opened?,
        };
        let spec = opened.spec.clone();
        let Some((_, checkpoint)) = opened.into_weights() else {
            return Err(why("is no state of a training"));
        };
        fn part<T: DeserializeOwned>(checkpoint: &Checkpoint, key: &str) -> Option<T> {
            serde_json::from_str(checkpoint.meta.extra.get(key)?).ok()
        }
        let parts = (part(&checkpoint, OPTIONS), part(&checkpoint, HYPER), part(&checkpoint, PROGRESS));
        let (Some(options), Some(hyper), Some(progress)) = parts else {
            return Err(stuck(
                "is no state of a training of this version; a new training can start from its weights",
                Some(Remedy::Weights),
            ));
        };
        Ok(Saved { file: file.into(), spec, options, hyper, progress, checkpoint })
    }

    /// What the training was asked for.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Its hyperparameters.
    pub fn hyper(&self) -> &Hyper {
        &self.hyper
    }

    /// The folder of the run.
    pub fn folder(&self) -> &Path {
        folder_of(&self.file)
    }

    fn why(&self, why: String) -> Error {
        Error::Resume { file: self.file.clone(), why, remedy: None }
    }

    /// The same, where something helps.
    fn stuck(&self, why: String, remedy: Remedy) -> Error {
        Error::Resume { file: self.file.clone(), why, remedy: Some(remedy) }
    }

    /// Changes options and progress, unless there is nothing left to do.
    fn change(&mut self, changes: &Changes, observer: &mut dyn Observer) -> Result<(), Error> {
        let Changes { device, epochs, workers, cache, patience, save_period, nosave, noval, .. } = changes;
        let (done, old) = (self.progress.epoch, self.options.epochs);
        if let Some(patience) = *patience {
            self.options.patience = patience;
            self.progress.stop.set_patience(patience);
        }
        let last = done.saturating_sub(1);
        self.progress.early = self.progress.early && self.progress.stop.is_over(last);
        let epochs = epochs.unwrap_or(old);
        if self.progress.early && (self.progress.finished || epochs != old) {
            let patience = self.options.patience;
            let why = format!(
                "stopped after epoch {done}, because none of {patience} epochs was better than epoch {}; go on with a \
                 larger patience (0 for never to stop), or start anew from its weights",
                self.progress.stop.best_epoch().saturating_add(1),
            );
            return Err(self.stuck(why, Remedy::Patience(2 * patience.min(1 << 20))));
        }
        if epochs <= done && (self.progress.finished || epochs < old) {
            let why = format!(
                "has trained {done} epoch{}{}; go on with more, or start anew from its weights",
                if done == 1 { "" } else { "s" },
                if self.progress.finished { " and is finished" } else { "" },
            );
            return Err(self.stuck(why, Remedy::Epochs(done.saturating_mul(2).max(1))));
        }
        if epochs != old {
            observer.note(&format!(
                "epochs: {old} → {epochs}; from epoch {} on the learning rate follows the schedule of {epochs} epochs",
                done.saturating_add(1)
            ));
        }
        self.progress.finished = false;
        let options = &mut self.options;
        options.epochs = epochs;
        options.device = device.unwrap_or(options.device);
        options.workers = workers.unwrap_or(options.workers);
        options.cache = cache.unwrap_or(options.cache);
        options.save_period = save_period.unwrap_or(options.save_period);
        options.nosave |= nosave;
        options.noval |= noval;
        Ok(())
    }

    /// The dataset: where it is said to be now, else where it was.
    fn parts(&mut self, data: Option<&Path>, observer: &mut dyn Observer) -> Result<Parts, Error> {
        let here = std::env::current_dir().ok();
        let mut place = self.options.clone();
        if let Some(data) = data {
            self.options.data = data.into();
            place.data = data.into();
            self.progress.started_in = here;
        } else {
            // As it was named, from where it was named; or from here, where the run has moved with its data.
            let there = self.progress.started_in.as_ref().map(|folder| folder.join(&place.data));
            match there.filter(|there| there.exists()) {
                Some(there) if here != self.progress.started_in => place.data = there,
                Some(_) => (),
                None if place.data.exists() => self.progress.started_in = here,
                None => {
                    let why = format!("its dataset {} is not there", place.data.display());
                    return Err(self.stuck(why, Remedy::Data));
                }
            }
        }
        let mut parts = Parts::read(&place, observer).map_err(|error| match data {
            Some(_) => error,
            None => self.stuck(whole(&error), Remedy::Data),
        })?;
        let shown = place.data.display();
        if let Some(names) = &self.checkpoint.meta.names {
            let note = parts.rename(&place.data, names).map_err(|wrong| self.why(wrong))?;
            note.iter().for_each(|note| observer.note(note));
        }
        if parts.sizes() != self.progress.data {
            let ([images, objects], [now, found]) = (self.progress.data, parts.sizes());
            let why = format!(
                "was trained on {images} images with {objects} objects; {shown} now has {now} with {found}. Only the \
                 same data can be gone on with: give them back, or start a new training from the weights"
            );
            return Err(self.stuck(why, Remedy::SameData));
        }
        Ok(parts)
    }
}

/// The folder of the run whose state is this file, in its folder `weights`.
pub(crate) fn folder_of(state: &Path) -> &Path {
    let empty = |path: &&Path| path.as_os_str().is_empty();
    match state.parent() {
        Some(weights) if !empty(&weights) => {
            weights.parent().filter(|folder| !empty(folder)).unwrap_or(Path::new("."))
        }
        _ => Path::new(".."),
    }
}

/// An error with what it comes from.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl TrainingRun {
    /// Goes on with a training, as if it had never stopped but for the changes.
    ///
    /// # Errors
    /// If there is nothing left to do, the data is not that of the start, or the state is not that of its model.
    pub fn resume(
        mut saved: Saved,
        changes: &Changes,
        registry: &mut Registry,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        saved.change(changes, observer)?;
        registry.load_trusted(&saved.spec.plugins)?;
        let model = Model::build(saved.spec.clone(), registry)?;
        let sound = saved.hyper.check().and_then(|()| saved.progress.check(&model));
        sound.map_err(|wrong| saved.why(wrong))?;
        let parts = saved.parts(changes.data.as_deref(), observer)?;
        let mut state = State::new(&model.graph, saved.options.seed);
        let folder = changes.folder.clone().unwrap_or_else(|| saved.folder().to_path_buf());
        let Saved { file, options, hyper, progress, checkpoint, .. } = saved;
        let weights = checkpoint.arrays.iter().filter_map(|(name, array)| {
            name.strip_prefix("weights/").map(|name| (name.to_string(), array.clone()))
        });
        let weights = weights.collect();
        state.transfer(&model.graph, &weights, false);
        let mut training = Self::assemble(options, hyper, &folder, parts, model, &state, Some(progress))?;
        training.restore(&file, &checkpoint.arrays)?;
        Ok(training)
    }
}
