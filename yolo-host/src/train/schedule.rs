//! What each iteration is trained with, as a function of its number alone, so that a resumed run needs no more than that
//! number (v6.1 `train.py`).

use super::{Hyper, Rates};

/// Images for which hyperparameters are given: smaller batches are accumulated to about so many.
const NOMINAL_BATCH: f64 = 64.0;
/// Fewest iterations of warm-up.
const LEAST_WARMUP: f64 = 1000.0;

/// Rates, momentum and accumulation over a training.
#[derive(Clone, Debug)]
pub struct Schedule {
    hyper: Hyper,
    epochs: usize,
    batch: usize,
    batches: usize,
    cosine: bool,
}

/// What one iteration is trained with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iteration {
    /// Of the optimiser.
    pub rates: Rates,
    /// Batches whose gradients one step of the optimiser sums.
    pub accumulate: usize,
}

impl Schedule {
    /// For `epochs` epochs of `batches` batches of `batch` images.
    pub fn new(hyper: &Hyper, epochs: usize, batches: usize, batch: usize, cosine: bool) -> Self {
        Schedule { hyper: hyper.clone(), epochs: epochs.max(1), batch: batch.max(1), batches, cosine }
    }

    /// Of the first rate, in an epoch after warm-up: falls from 1 to `lrf`.
    pub fn factor(&self, epoch: usize) -> f64 {
        let (passed, last) = (epoch as f64 / self.epochs as f64, self.hyper.lrf);
        if self.cosine {
            (1.0 - (passed * std::f64::consts::PI).cos()) / 2.0 * (last - 1.0) + 1.0
        } else {
            (1.0 - passed) * (1.0 - last) + last
        }
    }

    /// Iterations of warm-up.
    pub fn warmup(&self) -> f64 {
        (self.hyper.warmup_epochs * self.batches as f64).round_ties_even().max(LEAST_WARMUP)
    }

    /// For iteration `number`, counted from the first epoch's first, which lies in `epoch`.
    pub fn at(&self, number: usize, epoch: usize) -> Iteration {
        let hyper = &self.hyper;
        let full = hyper.lr0 * self.factor(epoch);
        let ratio = NOMINAL_BATCH / self.batch as f64;
        let whole = ratio.round_ties_even().max(1.0);
        let decay = hyper.weight_decay * self.batch as f64 * whole / NOMINAL_BATCH;
        let passed = number as f64 / self.warmup();
        if passed > 1.0 {
            let rates = Rates { weight: full, bias: full, momentum: hyper.momentum, decay };
            return Iteration { rates, accumulate: whole as usize };
        }
        let between = |from: f64, to: f64| from + (to - from) * passed;
        let rates = Rates {
            weight: between(0.0, full),
            bias: between(hyper.warmup_bias_lr, full),
            momentum: between(hyper.warmup_momentum, hyper.momentum),
            decay,
        };
        Iteration { rates, accumulate: between(1.0, ratio).round_ties_even().max(1.0) as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates of `../shared`'s run of the reference, 60 epochs of BCCD with 13 batches of 16: the first, a middle and the
    /// last row of its results.csv, in which all is warm-up.
    #[test]
    fn rates_are_those_that_the_reference_logged() {
        let schedule = Schedule::new(&Hyper::default(), 60, 13, 16, false);
        for (epoch, weight, bias) in
            [(0, 0.00012, 0.09892), (3, 0.00048475, 0.095385), (59, 0.00020644, 0.022306)]
        {
            let rates = schedule.at(epoch * 13 + 12, epoch).rates;
            assert!((rates.weight / weight - 1.0).abs() < 1e-4, "{epoch}: {rates:?}");
            assert!((rates.bias / bias - 1.0).abs() < 1e-4, "{epoch}: {rates:?}");
        }
    }

    #[test]
    fn after_warmup_rates_fall_to_the_last() {
        for cosine in [false, true] {
            let schedule = Schedule::new(&Hyper::default(), 100, 500, 16, cosine);
            assert_eq!(schedule.factor(0), 1.0);
            assert!((schedule.factor(100) - 0.01).abs() < 1e-12);
            let late = schedule.at(1501, 3);
            assert_eq!((late.accumulate, late.rates.momentum), (4, 0.937));
            assert_eq!(late.rates.weight, 0.01 * schedule.factor(3));
        }
    }

    #[test]
    fn small_batches_are_accumulated_and_decay_follows() {
        let at = |batch| Schedule::new(&Hyper::default(), 10, 10, batch, false).at(5000, 9);
        assert_eq!((at(64).accumulate, at(128).accumulate, at(20).accumulate), (1, 1, 3));
        assert_eq!(at(128).rates.decay, 0.001);
        assert!((at(20).rates.decay - 0.0005 * 60.0 / 64.0).abs() < 1e-15);
    }
}
