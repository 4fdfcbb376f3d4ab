//! What a training tells of itself.

use super::check::moving;
use super::{Group, Hyper, Options, TrainingRun, groups};
use crate::data::Loader;
use crate::model::Model;

impl TrainingRun {
    /// Names of the classes.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The images that it learns from.
    pub fn images(&self) -> &Loader {
        &self.train
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Which of its parameters move.
    pub fn moving(&self) -> Vec<bool> {
        moving(&self.options, &self.model)
    }

    /// Batch norm's weights, other weights and biases that move.
    pub fn groups(&self) -> [usize; 3] {
        let groups = groups(&self.model.graph);
        let moving = self.moving();
        [Group::Norm, Group::Weight, Group::Bias].map(|one| {
            groups.iter().zip(&moving).filter(|(group, moves)| **moves && **group == Some(one)).count()
        })
    }

    /// Epochs that it has trained.
    pub fn epochs_done(&self) -> usize {
        self.progress.epoch
    }

    /// The hyperparameters.
    pub fn hyper(&self) -> &Hyper {
        &self.hyper
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }
}
