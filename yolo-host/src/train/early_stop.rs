//! When to stop before the last epoch (v6.1 `EarlyStopping`).

use serde::{Deserialize, Serialize};

/// Watches fitness, epoch by epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    best_fitness: f64,
    best_epoch: usize,
    patience: usize,
}

impl EarlyStopping {
    /// Stops after `patience` epochs without a better one; 0 for never.
    pub fn new(patience: usize) -> Self {
        EarlyStopping { best_fitness: 0.0, best_epoch: 0, patience }
    }

    /// Takes an epoch's fitness; whether to stop. Equal counts as better, so that the zeros of the start do not stop it.
    pub fn stops(&mut self, epoch: usize, fitness: f64) -> bool {
        if fitness >= self.best_fitness {
            (self.best_fitness, self.best_epoch) = (fitness, epoch);
        }
        self.is_over(epoch)
    }

    /// Whether patience is at its end after this epoch.
    pub fn is_over(&self, epoch: usize) -> bool {
        self.patience > 0 && epoch.saturating_sub(self.best_epoch) >= self.patience
    }

    /// Another patience from now on.
    pub fn set_patience(&mut self, patience: usize) {
        self.patience = patience;
    }

    /// The best epoch so far.
    pub fn best_epoch(&self) -> usize {
        self.best_epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_after_so_many_epochs_without_a_better_one() {
        let mut stop = EarlyStopping::new(2);
        let stops: Vec<bool> =
            [0.0, 0.0, 0.3, 0.1, 0.3, 0.2, 0.1].iter().enumerate().map(|(e, f)| stop.stops(e, *f)).collect();
        assert_eq!(stops, [false, false, false, false, false, false, true]);
        let mut never = EarlyStopping::new(0);
        assert!(!(0..500).any(|epoch| never.stops(epoch, 1.0 - epoch as f64)));
    }
}
