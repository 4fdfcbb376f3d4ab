//! Steps on the CPU: one pass over a parameter, its gradient and its moments, parameters side by side.

use super::{BETA2, EPS, Optimizer, Rates, Update};
use crate::graph::ParamId;
use rayon::prelude::*;
use yolo_kernels::Float;

impl<T: Float> Optimizer<Vec<T>> {
    /// Moves parameters, given with their values and gradients, along the gradients.
    pub fn step<'a>(&mut self, params: impl Iterator<Item = (ParamId, &'a mut [T], &'a [T])>, rates: &Rates) {
        let moving = self.next(params.map(|(id, values, grads)| (id, (values, grads))), rates);
        moving.into_par_iter().for_each(|(update, (values, grads), [first, second])| match update {
            Update::Sgd { rate, momentum, decay } => sgd(values, grads, first, [rate, momentum, decay]),
            adam => step_adam(adam, values, grads, first, second),
        });
    }
}

fn sgd<T: Float>(values: &mut [T], grads: &[T], momentum: &mut Vec<T>, factors: [f64; 3]) {
    let [rate, keep, decay] = factors.map(T::of);
    let first = momentum.is_empty();
    momentum.resize(values.len(), T::zero());
    for ((value, grad), moving) in values.iter_mut().zip(grads).zip(momentum) {
        let grad = *grad + decay * *value;
        *moving = if first { grad } else { keep * *moving + grad };
        *value -= rate * (grad + keep * *moving);
    }
}

fn step_adam<T: Float>(
    update: Update,
    values: &mut [T],
    grads: &[T],
    first: &mut Vec<T>,
    second: &mut Vec<T>,
) {
    let Update::Adam { step, root, beta1, shrink, added } = update else { return };
    let [step, root, beta1, shrink, added] = [step, root, beta1, shrink, added].map(T::of);
    let [beta2, eps, one] = [BETA2, EPS, 1.0].map(T::of);
    first.resize(values.len(), T::zero());
    second.resize(values.len(), T::zero());
    for (((value, grad), m), v) in values.iter_mut().zip(grads).zip(first).zip(second) {
        let grad = *grad + added * *value;
        *value *= shrink;
        *m += (one - beta1) * (grad - *m);
        *v = beta2 * *v + (one - beta2) * grad * grad;
        *value -= step * *m / (v.sqrt() / root + eps);
    }
}
