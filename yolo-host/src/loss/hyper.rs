//! The loss's settings: upstream's defaults, its rules of scaling, and what each may be.

use super::{IouKind, LossError};

/// Settings of the loss; names in upstream's hyperparameter files in parentheses.
#[derive(Clone, Debug, PartialEq)]
pub struct LossHyper {
    /// Gain of the box loss (`box`).
    pub box_gain: f64,
    /// Gain of the class loss (`cls`).
    pub cls_gain: f64,
    /// Gain of the objectness loss (`obj`).
    pub obj_gain: f64,
    /// Weight of the positives in the class loss (`cls_pw`).
    pub cls_pw: f64,
    /// Weight of the positives in the objectness loss (`obj_pw`).
    pub obj_pw: f64,
    /// Exponent of the focal loss, 0 for none (`fl_gamma`).
    pub fl_gamma: f64,
    /// Sides of a box and of its anchor differ by less than this factor (`anchor_t`).
    pub anchor_t: f64,
    /// Classes are 1 − ε/2 and ε/2 instead of 1 and 0 (`label_smoothing`).
    pub label_smoothing: f64,
    /// The box loss's likeness of boxes.
    pub iou: IouKind,
    /// Share of the IoU in objectness, the rest being 1 (`gr`).
    pub gr: f64,
    /// Whether the layers' weights in the objectness loss follow their losses (upstream's argument `autobalance`).
    pub autobalance: bool,
}

impl Default for LossHyper {
    /// Those of v6.1 `hyp.scratch-low.yaml`, not yet scaled.
    fn default() -> Self {
        LossHyper {
            box_gain: 0.05,
            cls_gain: 0.5,
            obj_gain: 1.0,
            cls_pw: 1.0,
            obj_pw: 1.0,
            fl_gamma: 0.0,
            anchor_t: 4.0,
            label_smoothing: 0.0,
            iou: IouKind::Ciou,
            gr: 1.0,
            autobalance: false,
        }
    }
}

impl LossHyper {
    /// Gains for `nl` layers, `nc` classes and training images of `imgsz` pixels a side, as v6.1 `train.py` scales
    /// them: the defaults are for 3 layers, 80 classes and 640 pixels.
    pub fn scaled(self, nl: usize, nc: usize, imgsz: usize) -> Self {
        let layers = 3.0 / nl as f64;
        LossHyper {
            box_gain: self.box_gain * layers,
            cls_gain: self.cls_gain * nc as f64 / 80.0 * layers,
            obj_gain: self.obj_gain * (imgsz as f64 / 640.0).powi(2) * layers,
            ..self
        }
    }

    /// What classes are, right and wrong ones (v6.1 `smooth_BCE`).
    pub(super) fn class_targets(&self) -> [f64; 2] {
        [1.0 - 0.5 * self.label_smoothing, 0.5 * self.label_smoothing]
    }

    pub(super) fn check(&self) -> Result<(), LossError> {
        let from_zero = [
            ("box", self.box_gain),
            ("cls", self.cls_gain),
            ("obj", self.obj_gain),
            ("cls_pw", self.cls_pw),
            ("obj_pw", self.obj_pw),
            ("fl_gamma", self.fl_gamma),
            ("anchor_t", self.anchor_t),
        ];
        for (name, value) in from_zero {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(LossError::Hyper { name, value, range: "a number from 0" });
            }
        }
        for (name, value) in [("label_smoothing", self.label_smoothing), ("gr", self.gr)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(LossError::Hyper { name, value, range: "0 to 1" });
            }
        }
        Ok(())
    }
}
