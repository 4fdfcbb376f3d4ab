//! YOLOv5's loss with its gradient, on plain slices (v6.1 `utils/loss.py`, `ComputeLoss`).
//!
//! ```text
//! targets ─ targets (who answers for what) ─┬─ iou (box loss, IoU) ──┐
//!                                            │     │ objectness      ├─▶ items, total, d total / d logits
//! raw maps ──────────────────────────────────┴─────┴─ bce (classes) ─┘
//! ```
//!
//! Logits and gradients are `T`, everything between is computed in `f64`, one sum after the other: the bits depend on
//! nothing but the input.

mod bce;
mod dual;
mod error;
mod hyper;
mod iou;
mod targets;

pub use error::LossError;
pub use hyper::LossHyper;
pub use iou::IouKind;
pub use targets::Target;

use crate::raw_map::RawMap;
use bce::Criterion;
use targets::{Grid, Match};

/// Values of an anchor before the classes: x, y, w, h and objectness.
const BOX: usize = 5;

/// What maps and gradients may be made of: `f32` and `f64`.
pub trait Number:
    num_traits::Float + num_traits::NumAssign + Send + Sync + std::fmt::Debug + 'static
{
}

impl<T: num_traits::Float + num_traits::NumAssign + Send + Sync + std::fmt::Debug + 'static> Number for T {}

fn wide<T: Number>(x: T) -> f64 {
    x.to_f64().unwrap_or(f64::NAN)
}

fn narrow<T: Number>(x: f64) -> T {
    T::from(x).unwrap_or_else(T::nan)
}

/// The loss of a batch.
#[derive(Clone, Debug)]
pub struct Loss<T> {
    /// Box, objectness and class loss of an image, each times its gain.
    pub items: [T; 3],
    /// Their sum times the number of images: what is minimised.
    pub total: T,
    /// Derivatives of `total` by each map's logits, laid out as the maps are.
    pub grads: Vec<Vec<T>>,
}

/// Computes losses; its only state are the weights that auto-balance moves.
#[derive(Clone, Debug)]
pub struct ComputeLoss {
    hyper: LossHyper,
    anchors: Vec<Vec<[f64; 2]>>,
    nc: usize,
    balance: Vec<f64>,
    /// The layer whose weight auto-balance holds at 1.
    fixed: Option<usize>,
}

/// One layer's share of the loss: means, before gains and the layer's weight.
struct Part<T> {
    boxes: f64,
    objectness: f64,
    classes: f64,
    grads: Vec<T>,
}

impl ComputeLoss {
    /// A loss for layers with these anchors (width and height in cells, a list for each layer) and strides (pixels of a
    /// cell), and `nc` classes.
    ///
    /// # Errors
    /// Settings out of range, lists of different lengths, sizes that are not positive, auto-balance without stride 16.
    pub fn new(
        hyper: LossHyper,
        anchors: &[Vec<[f64; 2]>],
        strides: &[f64],
        nc: usize,
    ) -> Result<Self, LossError> {
        hyper.check()?;
        if nc == 0 {
            return Err(LossError::NoClasses);
        }
        if !(1..=5).contains(&anchors.len()) || strides.len() != anchors.len() {
            return Err(LossError::Layers { anchors: anchors.len(), strides: strides.len() });
        }
        for (layer, anchors) in anchors.iter().enumerate() {
            let positive = |side: &f64| *side > 0.0 && side.is_finite();
            if anchors.is_empty() || !anchors.iter().flatten().all(positive) {
                return Err(LossError::Anchors { layer, anchors: anchors.clone() });
            }
        }
        let balance = if anchors.len() == 3 { vec![4.0, 1.0, 0.4] } else { vec![4.0, 1.0, 0.25, 0.06, 0.02] };
        let fixed = if hyper.autobalance {
            let place = strides.iter().position(|&stride| stride == 16.0);
            Some(place.ok_or_else(|| LossError::NoStride16(strides.to_vec()))?)
        } else {
            None
        };
        Ok(ComputeLoss { hyper, anchors: anchors.to_vec(), nc, balance, fixed })
    }

    /// The weights of the layers' objectness losses.
    pub fn balance(&self) -> &[f64] {
        &self.balance[..self.anchors.len()]
    }

    /// Sets those weights, as a resumed run needs them; a list of another length changes nothing.
    pub fn set_balance(&mut self, balance: &[f64]) {
        if balance.len() == self.anchors.len() {
            self.balance[..balance.len()].copy_from_slice(balance);
        }
    }

    /// The loss of a batch's raw `maps`, one a layer, against `targets`, which may be none.
    ///
    /// The gradient is that of v6.1's autograd: objectness targets and CIoU's `alpha` are constants to it. Where a
    /// prediction answers for several objects, the last match in the order step, anchor, target sets its objectness,
    /// as PyTorch's indexed assignment does on a CPU.
    ///
    /// # Errors
    /// Maps and targets that do not fit the layers, classes and batch, that are not finite, or whose loss is not.
    /// The weights of the layers are then as they were.
    pub fn compute<T: Number>(
        &mut self,
        maps: &[RawMap<T>],
        targets: &[Target],
    ) -> Result<Loss<T>, LossError> {
        let batch = maps.first().map_or(0, |map| map.batch);
        self.check_maps(maps, batch)?;
        self.check_targets(targets, batch)?;
        let mut sums = [0.0; 3];
        let mut grads = Vec::with_capacity(maps.len());
        let mut objectness = Vec::with_capacity(maps.len());
        for (layer, map) in maps.iter().enumerate() {
            let part = self.part(layer, map, batch, targets);
            sums[0] += part.boxes;
            sums[1] += part.objectness * self.balance[layer];
            sums[2] += part.classes;
            grads.push(part.grads);
            objectness.push(part.objectness);
        }
        let gains = [self.hyper.box_gain, self.hyper.obj_gain, self.hyper.cls_gain];
        let items: [f64; 3] = std::array::from_fn(|i| sums[i] * gains[i]);
        let total: T = narrow(items.iter().sum::<f64>() * batch as f64);
        if !total.is_finite() {
            return Err(LossError::Overflow { items });
        }
        self.rebalance(&objectness);
        Ok(Loss { items: items.map(narrow), total, grads })
    }

    fn part<T: Number>(&self, layer: usize, map: &RawMap<T>, batch: usize, targets: &[Target]) -> Part<T> {
        let anchors = &self.anchors[layer];
        let no = BOX + self.nc;
        let cells = map.values.len() / no;
        let grid = Grid { ny: map.ny, nx: map.nx, anchors };
        let matches = targets::assign::<T>(targets, grid, self.hyper.anchor_t);
        let mut part =
            Part { boxes: 0.0, objectness: 0.0, classes: 0.0, grads: vec![T::zero(); map.values.len()] };
        let mut wanted = vec![0.0; cells];
        let mean = 1.0 / matches.len().max(1) as f64;
        for found in &matches {
            let place = found.cell * no..(found.cell + 1) * no;
            let (logits, grads) = (&map.values[place.clone()], &mut part.grads[place]);
            let scale = self.hyper.box_gain * batch as f64 * mean;
            let likeness = self.box_part(found, &logits[..4], &mut grads[..4], scale);
            part.boxes += (1.0 - likeness) * mean;
            wanted[found.cell] = (1.0 - self.hyper.gr) + self.hyper.gr * likeness.max(0.0);
            if self.nc > 1 {
                part.classes += self.class_part(found.class, &logits[BOX..], &mut grads[BOX..], mean, batch);
            }
        }
        let criterion = Criterion { pos_weight: self.hyper.obj_pw, gamma: self.hyper.fl_gamma };
        let mean = 1.0 / cells as f64;
        let scale = self.hyper.obj_gain * self.balance[layer] * batch as f64 * mean;
        let rows = map.values.chunks_exact(no).zip(part.grads.chunks_exact_mut(no));
        for ((logits, grads), &target) in rows.zip(&wanted) {
            let (loss, slope) = criterion.at(wide(logits[4]), target);
            part.objectness += loss;
            grads[4] = narrow(slope * scale);
        }
        part.objectness *= mean;
        part
    }

    /// Likeness of the predicted box to the object's; adds `scale` times the derivatives of its negative to `grads`.
    fn box_part<T: Number>(&self, found: &Match, logits: &[T], grads: &mut [T], scale: f64) -> f64 {
        let mut decoded = [0.0; 4];
        let mut slopes = [0.0; 4];
        for i in 0..4 {
            let p = sigmoid(wide(logits[i]));
            let rise = p * sigmoid(-wide(logits[i]));
            (decoded[i], slopes[i]) = if i < 2 {
                (2.0 * p - 0.5, 2.0 * rise)
            } else {
                (4.0 * p * p * found.anchor[i - 2], 8.0 * p * rise * found.anchor[i - 2])
            };
        }
        let (likeness, by_box) = self.hyper.iou.compare(decoded, found.rect);
        for i in 0..4 {
            grads[i] += narrow(-scale * by_box[i] * slopes[i]);
        }
        likeness
    }

    /// One match's share of the layer's class loss; adds its derivatives to `grads`.
    fn class_part<T: Number>(
        &self,
        class: usize,
        logits: &[T],
        grads: &mut [T],
        mean: f64,
        batch: usize,
    ) -> f64 {
        let criterion = Criterion { pos_weight: self.hyper.cls_pw, gamma: self.hyper.fl_gamma };
        let [right, wrong] = self.hyper.class_targets();
        let share = mean / self.nc as f64;
        let mut sum = 0.0;
        for (k, (&logit, grad)) in logits.iter().zip(grads).enumerate() {
            let (loss, slope) = criterion.at(wide(logit), if k == class { right } else { wrong });
            sum += loss * share;
            *grad += narrow(slope * share * self.hyper.cls_gain * batch as f64);
        }
        sum
    }

    /// Moves each layer's weight a little towards the inverse of its loss. Weights that would not stay finite, which
    /// a loss of 0 asks for, stay as they were.
    fn rebalance(&mut self, objectness: &[f64]) {
        let Some(fixed) = self.fixed else { return };
        let mut balance = self.balance.clone();
        for (weight, loss) in balance.iter_mut().zip(objectness) {
            *weight = *weight * 0.9999 + 0.0001 / loss;
        }
        let unit = balance[fixed];
        balance.iter_mut().for_each(|weight| *weight /= unit);
        if balance.iter().all(|weight| weight.is_finite()) {
            self.balance = balance;
        }
    }

    fn check_maps<T: Number>(&self, maps: &[RawMap<T>], batch: usize) -> Result<(), LossError> {
        if maps.len() != self.anchors.len() {
            return Err(LossError::Maps { need: self.anchors.len(), have: maps.len() });
        }
        for (map, (RawMap { values, ny, nx, .. }, anchors)) in maps.iter().zip(&self.anchors).enumerate() {
            let (ny, nx) = (*ny, *nx);
            if batch == 0 || ny == 0 || nx == 0 {
                return Err(LossError::Empty { map, batch, ny, nx });
            }
            let channels = anchors.len().saturating_mul(self.nc.saturating_add(BOX));
            let need = [batch, ny, nx].iter().fold(channels, |product, &n| product.saturating_mul(n));
            if values.len() != need {
                let have = values.len();
                return Err(LossError::Values { map, batch, ny, nx, channels, need, have });
            }
            // No early end: so the compiler checks many at once.
            if !values.iter().fold(true, |finite, value| finite & value.is_finite()) {
                let index = values.iter().position(|value| !value.is_finite()).unwrap_or_default();
                return Err(LossError::Logit { map, index, value: wide(values[index]) });
            }
        }
        Ok(())
    }

    fn check_targets(&self, targets: &[Target], batch: usize) -> Result<(), LossError> {
        for (target, &Target { image, class, rect }) in targets.iter().enumerate() {
            if class >= self.nc {
                return Err(LossError::Class { target, class, nc: self.nc });
            }
            if image >= batch {
                return Err(LossError::Image { target, image, batch });
            }
            if !rect.iter().all(|side| side.is_finite()) || rect[2] < 0.0 || rect[3] < 0.0 {
                return Err(LossError::Rect { target, rect });
            }
        }
        Ok(())
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_balance_is_taken_if_it_is_of_as_many_layers() {
        let anchors = vec![vec![[1.0, 2.0]]; 3];
        let mut loss = ComputeLoss::new(LossHyper::default(), &anchors, &[8.0, 16.0, 32.0], 1).unwrap();
        assert_eq!(loss.balance(), [4.0, 1.0, 0.4]);
        loss.set_balance(&[3.0, 2.0, 1.0]);
        assert_eq!(loss.balance(), [3.0, 2.0, 1.0]);
        loss.set_balance(&[9.0]);
        assert_eq!(loss.balance(), [3.0, 2.0, 1.0]);
    }
}
