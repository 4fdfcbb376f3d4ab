//! The exponential moving average of all parameters and buffers, which is what is validated and kept (v6.1 `ModelEMA`).

#[cfg(feature = "candle")]
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// What the decay grows to, and over how many updates.
const DECAY: f64 = 0.9999;
const TAU: f64 = 2000.0;

/// Averages beside a network's values, in their order. `V` holds those of one parameter: numbers, or a tensor on a device.
#[derive(Clone, Debug)]
pub struct Ema<V> {
    /// The averages.
    pub values: Vec<V>,
    /// Updates so far.
    pub updates: u64,
}

impl<V: Clone> Ema<V> {
    /// Averages that start at these values.
    pub fn new(values: &[V]) -> Self {
        Ema { values: values.to_vec(), updates: 0 }
    }

    /// Counts an update, and gives the shares of the averages and of the values in it: the decay is small at the start, when
    /// the averages follow closely.
    fn next(&mut self) -> [f32; 2] {
        self.updates += 1;
        let decay = DECAY * (1.0 - (-(self.updates as f64) / TAU).exp());
        [decay as f32, (1.0 - decay) as f32]
    }
}

impl Ema<Vec<f32>> {
    /// Moves the averages towards the values.
    pub fn update(&mut self, values: &[Vec<f32>]) {
        let [keep, take] = self.next();
        self.values.par_iter_mut().zip(values).for_each(|(averages, values)| {
            for (average, value) in averages.iter_mut().zip(values) {
                *average = *average * keep + take * value;
            }
        });
    }
}

#[cfg(feature = "candle")]
impl Ema<Option<Tensor>> {
    /// Moves the averages towards the values, on their device.
    ///
    /// Fails if the device does.
    pub fn update(&mut self, values: &[Option<Tensor>]) -> Result<()> {
        let [keep, take] = self.next().map(f64::from);
        for (average, value) in self.values.iter_mut().zip(values) {
            if let (Some(average), Some(value)) = (average, value) {
                *average = (average.affine(keep, 0.0)? + value.affine(take, 0.0)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "candle"))]
mod tests {
    use super::*;
    use candle_core::Device;

    /// By hand: decay 0.9999·(1 − e^(−1/2000)), then with −2/2000.
    #[test]
    fn averages_follow_the_ramp() {
        let tensor = |value: f32| vec![Some(Tensor::new(&[value], &Device::Cpu).unwrap())];
        let (mut ema, mut on_device) = (Ema::new(&[vec![1.0]]), Ema::new(&tensor(1.0)));
        for (value, want, within) in [(0.0, 0.000_499_825, 1e-8), (1.0, 0.999_001_1, 1e-6)] {
            ema.update(&[vec![value]]);
            on_device.update(&tensor(value)).unwrap();
            assert!((f64::from(ema.values[0][0]) - want).abs() < within, "{ema:?}");
            let there = on_device.values[0].as_ref().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(there, ema.values[0]);
        }
    }
}
