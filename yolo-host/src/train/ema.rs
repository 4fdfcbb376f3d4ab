//! The exponential moving average of all parameters and buffers, which is what is validated and kept (v6.1 `ModelEMA`).

use rayon::prelude::*;

/// What the decay grows to, and over how many updates.
const DECAY: f64 = 0.9999;
const TAU: f64 = 2000.0;

/// Averages beside a network's values, in their order.
#[derive(Clone, Debug)]
pub struct Ema {
    /// The averages.
    pub values: Vec<Vec<f32>>,
    /// Updates so far.
    pub updates: u64,
}

impl Ema {
    /// Averages that start at these values.
    pub fn new(values: &[Vec<f32>]) -> Self {
        Ema { values: values.to_vec(), updates: 0 }
    }

    /// Moves the averages towards the values: closely at the start, when the decay is small.
    pub fn update(&mut self, values: &[Vec<f32>]) {
        self.updates += 1;
        let decay = DECAY * (1.0 - (-(self.updates as f64) / TAU).exp());
        let (keep, take) = (decay as f32, (1.0 - decay) as f32);
        self.values.par_iter_mut().zip(values).for_each(|(averages, values)| {
            for (average, value) in averages.iter_mut().zip(values) {
                *average = *average * keep + take * value;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: decay 0.9999·(1 − e^(−1/2000)), then with −2/2000.
    #[test]
    fn averages_follow_the_ramp() {
        let mut ema = Ema::new(&[vec![1.0]]);
        ema.update(&[vec![0.0]]);
        assert!((f64::from(ema.values[0][0]) - 0.000_499_825).abs() < 1e-8);
        ema.update(&[vec![1.0]]);
        assert!((f64::from(ema.values[0][0]) - 0.999_001_1).abs() < 1e-6, "{ema:?}");
    }
}
