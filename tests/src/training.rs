//! A model in training, with the pictures and targets of a golden.

use crate::{portable_state, uniform};
use yolo_host::autograd::cpu::Trainer;
use yolo_host::kernels::Float;
use yolo_host::model::Model;
use yolo_host::train::loss::{ComputeLoss, Loss, LossError, LossHyper, Map, Target};
use yolo_host::train::sgd::{Rates, Sgd};

/// Everything that a step takes.
pub struct Training<T> {
    /// The model.
    pub model: Model,
    /// Its network.
    pub trainer: Trainer<T>,
    sgd: Sgd<T>,
    loss: ComputeLoss,
    pictures: Vec<T>,
    shape: [usize; 4],
    targets: Vec<Target>,
}

impl<T: Float> Training<T> {
    /// A model with portable weights and pictures of so many pixels.
    pub fn new(model: Model, batch: usize, size: usize, targets: Vec<Target>) -> Self {
        let state = portable_state(&model);
        let detect = &model.detect;
        let cells =
            state.floats(detect.anchors).chunks_exact(2).map(|pair| [f64::from(pair[0]), f64::from(pair[1])]);
        let cells: Vec<[f64; 2]> = cells.collect();
        let anchors: Vec<Vec<[f64; 2]>> = cells.chunks(detect.na).map(<[_]>::to_vec).collect();
        let strides: Vec<f64> = detect.strides.iter().map(|stride| f64::from(*stride)).collect();
        let shape = [batch, model.spec.channels, size, size];
        Training {
            trainer: Trainer::new(&model.graph, &state, &detect.outputs).expect("a trainer"),
            sgd: Sgd::new(&model.graph),
            loss: ComputeLoss::new(LossHyper::default(), &anchors, &strides, detect.nc).expect("a loss"),
            pictures: uniform("input", shape.iter().product()).into_iter().map(T::of).collect(),
            shape,
            targets,
            model,
        }
    }

    /// The pictures, planes one after the other.
    pub fn pictures_mut(&mut self) -> &mut [T] {
        &mut self.pictures
    }

    /// Forward, loss and backward.
    pub fn gradients(&mut self) -> Loss<T> {
        self.try_gradients().expect("a loss")
    }

    /// The same where the loss may refuse.
    pub fn try_gradients(&mut self) -> Result<Loss<T>, LossError> {
        self.trainer.forward(&self.pictures, self.shape, true).expect("it runs");
        let outputs = &self.model.detect.outputs;
        let maps: Vec<Map<T>> = outputs
            .iter()
            .map(|id| {
                let map = self.trainer.output(*id).expect("an output");
                Map { values: &map.data, ny: map.shape[2], nx: map.shape[3] }
            })
            .collect();
        let loss = self.loss.compute(&maps, self.shape[0], &self.targets)?;
        let given: Vec<_> = outputs.iter().copied().zip(loss.grads.iter().map(Vec::as_slice)).collect();
        self.trainer.backward(&given).expect("it runs back");
        Ok(loss)
    }

    /// A step of SGD.
    pub fn step(&mut self, rates: &Rates) {
        self.sgd.step(&mut self.trainer, rates);
    }
}
