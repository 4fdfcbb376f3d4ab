//! The loop: batches, steps, averages, validation, checkpoints.

use super::train_step::Set;
use super::{Error, Options, TrainingRun, multi_scale};
use crate::atomic;
use crate::data::{Batch, Loader, Split, SplitName};
use crate::exec::Images;
use crate::image::pixels_to_planes;
use crate::random::Stream;
use crate::report::tensorboard::EventFile;
use crate::report::{EpochRow, csv};
use crate::validation::{self, Validation, targets, validate};
use crate::weights;
use std::time::Instant;

/// Whoever watches a training: the command line, a test.
pub trait Observer {
    /// Something worth a line.
    fn note(&mut self, _text: &str) {}
    /// A part of the data was read.
    fn split(&mut self, _which: SplitName, _split: &Split) {}
    /// Called after each batch, once its gradients are there and the optimiser may have stepped.
    fn batch(&mut self, _report: &BatchReport) {}
    /// A batch was validated, the first of so many.
    fn validated(&mut self, _batch: usize, _batches: usize) {}
    /// An epoch has ended.
    fn epoch(&mut self, _report: &EpochReport) {}
    /// Whether to stop after this batch, so that it can be gone on with.
    fn stop(&self) -> bool {
        false
    }
}

/// A batch after its forward and backward pass.
pub struct BatchReport<'a> {
    /// The epoch, from 0, and of how many.
    pub epoch: [usize; 2],
    /// The batch, from 0, and of how many.
    pub batch: [usize; 2],
    /// Mean box, objectness and class loss of the epoch so far.
    pub mean: [f64; 3],
    /// The batch.
    pub data: &'a Batch,
}

/// An epoch that has ended.
pub struct EpochReport<'a> {
    /// As in results.csv.
    pub row: EpochRow,
    /// Of how many epochs.
    pub epochs: usize,
    /// Of the averages; none without validation.
    pub validation: Option<&'a Validation>,
    /// Whether it is the best so far.
    pub best: bool,
    /// Seconds it took.
    pub seconds: f64,
}

/// Why a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// All epochs are done.
    Done,
    /// No better epoch for as long as patience allowed.
    Early {
        /// The best epoch.
        best: usize,
    },
    /// The observer asked for it; the state is written.
    Stopped,
}

impl TrainingRun {
    /// Trains until the last epoch, or until the observer or patience stops it.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Finish, Error> {
        let results = self.folder.join("results.csv");
        let file = |source| Error::File { file: results.clone(), source };
        std::fs::create_dir_all(self.folder.join("weights")).map_err(file)?;
        // What a killed run left half-written is as large as the weights.
        atomic::sweep(&self.folder.join("weights"));
        csv::truncate(&results, self.progress.epoch)?;
        let mut events = EventFile::resume(&self.folder, self.progress.epoch)?;
        if self.progress.early {
            return Ok(Finish::Early { best: self.progress.stop.best_epoch() });
        }
        for epoch in self.progress.epoch..self.options.epochs {
            let start = Instant::now();
            if !self.epoch(epoch, observer)? {
                self.progress.seconds += start.elapsed().as_secs_f64();
                self.save_state()?;
                return Ok(Finish::Stopped);
            }
            self.check_finite(epoch)?;
            let last = epoch + 1 == self.options.epochs;
            let validation = match !self.options.noval || last {
                true => Some(self.validate(observer)?),
                false => None,
            };
            let row = self.row(epoch, validation.as_ref());
            self.fitness = validation.as_ref().map_or(0.0, |validation| validation.summary.fitness());
            // An equal one counts, as in the reference: the zeros of the start leave a file, too.
            let best = self.fitness >= self.progress.best;
            if let Some(validation) = &validation {
                self.progress.maps = validation.summary.class_map(self.model.detect.nc);
            }
            self.progress.best = self.progress.best.max(self.fitness);
            let early = validation.is_some() && self.progress.stop.stops(epoch, self.fitness);
            self.progress.early = early && !last;
            csv::append(&results, &row)?;
            events.epoch(&row)?;
            self.progress.seconds += start.elapsed().as_secs_f64();
            self.save(epoch, best, last || early)?;
            let seconds = start.elapsed().as_secs_f64();
            let epochs = self.options.epochs;
            observer.epoch(&EpochReport { row, epochs, validation: validation.as_ref(), best, seconds });
            if self.progress.early {
                return Ok(Finish::Early { best: self.progress.stop.best_epoch() });
            }
            if observer.stop() && !last {
                self.save_state()?;
                return Ok(Finish::Stopped);
            }
        }
        Ok(Finish::Done)
    }

    /// Learns from an epoch's batches; whether all of them.
    pub(super) fn epoch(&mut self, epoch: usize, observer: &mut dyn Observer) -> Result<bool, Error> {
        let batches = self.train.batches();
        if self.progress.batch == 0 {
            // As the reference, which forgets what an epoch's end left of an accumulation.
            self.train_step.forget();
            self.progress.mean = [0.0; 3];
        }
        let loader = self.train.epoch(epoch, self.progress.batch, self.chosen(epoch));
        for (place, batch) in (self.progress.batch..).zip(loader) {
            let batch = batch?;
            let items = self.learn(epoch, place, &batch)?;
            let passed = place as f64;
            for (mean, item) in self.progress.mean.iter_mut().zip(items) {
                *mean = (*mean * passed + f64::from(item)) / (passed + 1.0);
            }
            let report = BatchReport {
                epoch: [epoch, self.options.epochs],
                batch: [place, batches],
                mean: self.progress.mean,
                data: &batch,
            };
            observer.batch(&report);
            self.progress.batch = place + 1;
            if observer.stop() && place + 1 < batches {
                return Ok(false);
            }
        }
        self.progress.epoch = epoch + 1;
        self.progress.batch = 0;
        Ok(true)
    }

    /// Forward, loss, backward, and a step of the optimiser when enough batches have been summed.
    fn learn(&mut self, epoch: usize, place: usize, batch: &Batch) -> Result<[f32; 3], Error> {
        let iteration = place + self.train.batches() * epoch;
        let now = self.schedule.at(iteration, epoch);
        let [n, channels, rows, columns] = batch.shape;
        let mut size = [rows, columns];
        let stretched;
        let mut images = Images::Bytes(&batch.pixels);
        if self.options.multi_scale {
            let Options { seed, imgsz, .. } = self.options;
            size = multi_scale::size(seed, iteration, imgsz, size, self.model.detect.max_stride());
            if size != [rows, columns] {
                let planes = pixels_to_planes(&batch.pixels, batch.shape);
                stretched = multi_scale::stretch(&planes, [rows, columns], size);
                images = Images::Planes(&stretched);
            }
        }
        self.train_step.forward(images, [n, channels, size[0], size[1]])?;
        let mut loss = match self.loss.compute(&self.train_step.outputs()?, &targets(batch)) {
            Ok(loss) => loss,
            Err(error) if error.is_not_finite() => {
                return Err(self.diverged(epoch, place, error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        if self.options.quad {
            loss.grads.iter_mut().flatten().for_each(|grad| *grad *= 4.0);
        }
        self.train_step.backward(&loss.grads)?;
        self.progress.counts[2] += 1;
        if iteration as i64 - self.progress.last_step >= now.accumulate as i64 {
            self.train_step.step(&now.rates)?;
            self.progress.counts[0] += 1;
            self.progress.counts[1] += 1;
            self.progress.last_step = iteration as i64;
        } else {
            self.train_step.wait()?;
        }
        Ok(loss.items)
    }

    /// Images drawn by how badly their classes are found (v6.1 `labels_to_class_weights`, `labels_to_image_weights`).
    fn chosen(&self, epoch: usize) -> Option<Vec<usize>> {
        if !self.options.image_weights {
            return None;
        }
        let items = self.train.items();
        let nc = self.model.detect.nc;
        let mut counts = vec![0.0; nc];
        items.iter().flat_map(|item| &item.labels).for_each(|label| counts[label.class] += 1.0);
        let rarity: Vec<f64> = counts.iter().map(|count: &f64| 1.0 / count.max(1.0)).collect();
        let total: f64 = rarity.iter().sum();
        let weight = |class: usize| rarity[class] / total * (1.0 - self.progress.maps[class]).powi(2);
        let mut sums = Vec::with_capacity(items.len());
        let mut sum = 0.0;
        for item in items {
            sum += item.labels.iter().map(|label| weight(label.class)).sum::<f64>();
            sums.push(sum);
        }
        if sum <= 0.0 {
            return None;
        }
        let mut stream = Stream::counted("image weights", &[self.options.seed, epoch as u64]);
        let draw = |_| {
            let at = stream.uniform() * sum;
            sums.partition_point(|end| *end <= at).min(items.len() - 1)
        };
        Some((0..items.len()).map(draw).collect())
    }

    /// Validates the averages.
    pub(super) fn validate(&mut self, observer: &mut dyn Observer) -> Result<Validation, Error> {
        let batches = self.val.batches();
        self.validate_with(None, &mut |validated, _| observer.validated(validated.index, batches))
    }

    /// Validates the best weights, as they are in their file; `each` sees every batch.
    pub fn validate_best(
        &mut self,
        each: &mut dyn FnMut(&validation::ValidatedBatch, &Loader),
    ) -> Result<Validation, Error> {
        let mut checkpoint = weights::read(&self.weights_file("best"))?;
        let params = self.model.graph.params.iter();
        let found = params.map(|param| match checkpoint.arrays.remove(&param.name) {
            Some(weights::Array { shape, data: weights::Data::F32(values) }) if shape == param.shape => {
                values
            }
            _ => vec![],
        });
        let found: Vec<Vec<f32>> = found.collect();
        self.validate_with(Some(&found), each)
    }

    /// Validates these numbers, or the averages.
    fn validate_with(
        &mut self,
        values: Option<&[Vec<f32>]>,
        each: &mut dyn FnMut(&validation::ValidatedBatch, &Loader),
    ) -> Result<Validation, Error> {
        let options = validation::Options { single_cls: self.options.single_cls, ..Default::default() };
        let detect = &self.model.detect;
        let anchors = match values.map(|values| &values[detect.anchors.0]) {
            Some(anchors) if !anchors.is_empty() => anchors.clone(),
            _ => self.train_step.get(Set::Averages, detect.anchors)?,
        };
        let network = match values {
            Some(values) => self.train_step.with(values)?,
            None => self.train_step.averaged()?,
        };
        let (loss, val) = (Some(&mut self.loss), &self.val);
        let mut each = |validated: &validation::ValidatedBatch| each(validated, val);
        let validated = validate(network, detect, &anchors, val, loss, &options, &mut each);
        validated.map_err(|error| match error {
            validation::Error::Loss(error) if error.is_not_finite() => {
                self.diverged(self.progress.epoch - 1, self.train.batches() - 1, error.to_string())
            }
            error => error.into(),
        })
    }

    fn row(&self, epoch: usize, validation: Option<&Validation>) -> EpochRow {
        let rates = self.schedule.at(self.train.batches() * (epoch + 1) - 1, epoch).rates;
        let metrics = validation.map_or([0.0; 4], |validation| {
            let summary = &validation.summary;
            [summary.precision, summary.recall, summary.map50, summary.map]
        });
        let val = validation.map_or([0.0; 3], |validation| validation.loss);
        EpochRow {
            epoch,
            train: self.progress.mean,
            metrics,
            val,
            rates: [rates.weight, rates.weight, rates.bias],
        }
    }

    /// Precision that are not finite must not replace a good checkpoint.
    pub(super) fn check_finite(&self, epoch: usize) -> Result<(), Error> {
        if self.train_step.is_finite()? {
            return Ok(());
        }
        Err(self.diverged(epoch, self.train.batches() - 1, "weights are not finite".into()))
    }

    fn diverged(&self, epoch: usize, batch: usize, why: String) -> Error {
        Error::Diverged { epoch, batch, why, checkpoint: self.weights_file("last") }
    }

    fn save(&mut self, epoch: usize, best: bool, last: bool) -> Result<(), Error> {
        if self.options.nosave && !last {
            return Ok(());
        }
        if best || (last && self.options.nosave) {
            self.save_weights("best")?;
        }
        self.save_weights("last")?;
        let period = self.options.save_period;
        if period > 0 && epoch > 0 && epoch.is_multiple_of(period) {
            self.save_weights(&format!("epoch{epoch}"))?;
        }
        self.save_state()
    }
}
