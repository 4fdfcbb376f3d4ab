//! The search for hyperparameters by evolution: a parent among the best, mutation, limits (v6.1 `train.py`, "Evolve
//! hyperparameters").
//!
//! What it draws depends on the seed and on how many generations there are, and parents are what evolve.csv says, so that
//! an evolution that was stopped goes on to the same generations.

use super::{Error, Gene, Hyper, Observer, TrainingRun};
use crate::eval::Summary;
use crate::random::Stream;
use crate::report::evolve::{Generation, RESULTS, append, best, read, write_best};
use crate::validation::Validation;
use std::path::{Path, PathBuf};

/// So many of the best may be parents.
const PARENTS: usize = 5;
/// Share of the genes that mutate.
const PROBABILITY: f64 = 0.8;
/// How far.
const SIGMA: f64 = 0.2;
/// Least and most that a mutation multiplies by.
const FACTORS: [f64; 2] = [0.3, 3.0];
/// Anchors of each output where the hyperparameters name none.
const ANCHORS: f64 = 3.0;

/// An evolution, with its files in a folder.
#[derive(Clone, Debug)]
pub struct Evolution {
    folder: PathBuf,
    seed: u64,
    start: Hyper,
    generations: Vec<Generation>,
}

impl Evolution {
    /// Starts from these hyperparameters, or goes on from the folder's evolve.csv. The anchors' number evolves, too, unless
    /// `keep_anchors`.
    ///
    /// # Errors
    /// If there is an evolve.csv that cannot be read, or has other columns.
    pub fn open(folder: &Path, mut start: Hyper, keep_anchors: bool, seed: u64) -> Result<Self, Error> {
        start.anchors = (!keep_anchors).then(|| start.anchors.unwrap_or(ANCHORS));
        let mut evolution = Evolution { folder: folder.into(), seed, start, generations: vec![] };
        evolution.generations = read(&evolution.csv(), &evolution.names())?;
        Ok(evolution)
    }

    /// The generations so far.
    pub fn generations(&self) -> &[Generation] {
        &self.generations
    }

    /// The best of them.
    pub fn best(&self) -> Option<&Generation> {
        Some(&self.generations[best(&self.generations)?])
    }

    /// Names of the hyperparameters, in the order of a generation's values.
    pub fn names(&self) -> Vec<&'static str> {
        self.start.clone().genes().iter().map(|gene| gene.name).collect()
    }

    /// The table of the generations.
    pub fn csv(&self) -> PathBuf {
        self.folder.join("evolve.csv")
    }

    /// The best hyperparameters, as `--hyp` takes them.
    pub fn yaml(&self) -> PathBuf {
        self.folder.join("hyp_evolve.yaml")
    }

    /// The hyperparameters to try next: those of the start, then children of the best.
    pub fn next(&self) -> Hyper {
        let mut child = self.start.clone();
        let mut genes = child.genes();
        if !self.generations.is_empty() {
            let mut stream = Stream::counted("evolve", &[self.seed, self.generations.len() as u64]);
            let parent = &self.generations[choose(&self.generations, stream.uniform())];
            let factors = factors(&genes, &mut stream);
            for (gene, (value, factor)) in genes.iter_mut().zip(parent.values.iter().zip(factors)) {
                *gene.value = value * factor;
            }
        }
        for Gene { value, limits: [least, most], .. } in genes {
            *value = rounded(value.max(least).min(most));
        }
        child
    }

    /// Takes what these hyperparameters came to, and writes both files. Zeros, with which the reference starts, stand for a
    /// training whose numbers did not stay finite.
    ///
    /// # Errors
    /// If a file cannot be written, or evolve.csv is no longer what it was.
    pub fn add(&mut self, mut hyper: Hyper, results: [f64; RESULTS]) -> Result<(), Error> {
        let values = hyper.genes().iter().map(|gene| *gene.value).collect();
        let names = self.names();
        self.generations = append(&self.csv(), &names, &Generation { results, values })?;
        Ok(write_best(&self.yaml(), &names, &self.generations)?)
    }
}

impl TrainingRun {
    /// Trains all epochs and leaves nothing on the disk. What the last validation came to, as a generation of an evolution has
    /// it; none if the observer asked to stop.
    ///
    /// # Errors
    /// Those of [`Self::run`].
    pub fn trial(&mut self, observer: &mut dyn Observer) -> Result<Option<[f64; RESULTS]>, Error> {
        for epoch in 0..self.options.epochs {
            if !self.epoch(epoch, observer)? {
                return Ok(None);
            }
            self.check_finite(epoch)?;
        }
        Ok(Some(results(&self.validate(observer)?)))
    }
}

fn results(validation: &Validation) -> [f64; RESULTS] {
    let Summary { precision, recall, map50, map, .. } = validation.summary;
    let [boxes, objectness, classes] = validation.loss;
    [precision, recall, map50, map, boxes, objectness, classes]
}

/// The place of a parent: one of the five best, the likelier the fitter; `u` is uniform in `[0, 1)`.
fn choose(generations: &[Generation], u: f64) -> usize {
    let mut order: Vec<usize> = (0..generations.len()).collect();
    order.sort_by(|a, b| generations[*b].fitness().total_cmp(&generations[*a].fitness()));
    order.truncate(PARENTS);
    let fitness = |place: &usize| generations[*place].fitness();
    let least = order.last().map_or(0.0, fitness);
    let mut sum = 0.0;
    let ends: Vec<f64> = order
        .iter()
        .map(|place| {
            sum += fitness(place) - least + 1e-6;
            sum
        })
        .collect();
    let at = ends.partition_point(|end| *end <= u * sum);
    order[at.min(order.len() - 1)]
}

/// What each gene is multiplied by; never all by 1, unless none may change.
fn factors(genes: &[Gene], stream: &mut Stream) -> Vec<f64> {
    loop {
        let chosen: Vec<f64> =
            genes.iter().map(|_| f64::from(u8::from(stream.uniform() < PROBABILITY))).collect();
        let normal: Vec<f64> = genes.iter().map(|_| stream.normal()).collect();
        let reach = stream.uniform();
        let factor = |((gene, chosen), normal): ((&Gene, f64), f64)| {
            (gene.gain * chosen * normal * reach * SIGMA + 1.0).clamp(FACTORS[0], FACTORS[1])
        };
        let factors: Vec<f64> = genes.iter().zip(chosen).zip(normal).map(factor).collect();
        if factors.iter().any(|factor| *factor != 1.0) || genes.iter().all(|gene| gene.gain == 0.0) {
            return factors;
        }
    }
}

/// To five decimals, as Python's `round`: the exact value, ties to even.
fn rounded(value: f64) -> f64 {
    format!("{value:.5}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fitter_of_the_five_best_are_chosen_more_often() {
        let maps = [0.1, 0.5, 0.2, 0.0, 0.4, 0.3, 0.05];
        let generation = |map| Generation { results: [0.0, 0.0, 0.0, map, 0.0, 0.0, 0.0], values: vec![] };
        let generations = maps.map(generation);
        let mut counts = [0; 7];
        (0..10_000).for_each(|i| counts[choose(&generations, f64::from(i) / 1e4)] += 1);
        // By how much they are better than the fifth, 0.1: in 4, 1, 0, 3 and 2 of 10 cases.
        for (count, want) in counts.iter().zip([0, 4000, 1000, 0, 3000, 2000, 0_i32]) {
            assert!((count - want).abs() < 3, "{counts:?}");
        }
    }

    #[test]
    fn equals_are_as_likely() {
        let generations = vec![Generation { results: [0.0; RESULTS], values: vec![] }; 3];
        let chosen = [0.1, 0.5, 0.9].map(|u| choose(&generations, u));
        assert_eq!(chosen, [0, 1, 2]);
    }
}
