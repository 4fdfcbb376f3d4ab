//! What training does to images and their boxes: YOLOv5's `utils/augmentations.py` and the mosaics of
//! `utils/datasets.py`.
//!
//! Each step is a value that says what is to be done, made by its `draw` from random numbers, and a pure
//! transform by that value, which is held against the reference. Boxes are single-precision numbers computed
//! as NumPy computes them.
//!
//! Upstream's optional Albumentations are left out: v6.1 skips them where the package is not installed.

mod copy_paste;
mod flip;
mod hsv;
mod mixup;
mod mosaic;
mod perspective;
mod polygon;
mod quad;
#[cfg(test)]
mod tests;
mod warp;

pub use copy_paste::{copy_paste, draw as draw_pasted};
pub use flip::{flip_left_right, flip_up_down};
pub use hsv::HsvGains;
pub use mixup::{draw_ratio, mixup};
pub use mosaic::{Tile, mosaic4, mosaic9};
pub use perspective::Perspective;
pub use polygon::fill_polygon;
pub use quad::{enlarge, join};
pub use warp::{Matrix, warp_affine, warp_perspective};

use super::Label;
use crate::image::Image;

/// How much of what; all zero leaves images as they are. Names and meanings are those of upstream's
/// `hyp.*.yaml`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AugmentHyper {
    /// Greatest change of hue, as a share of itself.
    pub hsv_h: f64,
    /// Greatest change of saturation, as a share of itself.
    pub hsv_s: f64,
    /// Greatest change of brightness, as a share of itself.
    pub hsv_v: f64,
    /// Greatest turn in degrees, either way.
    pub degrees: f64,
    /// Greatest shift as a share of the side, either way.
    pub translate: f64,
    /// Greatest change of scale, as a share of itself.
    pub scale: f64,
    /// Greatest shear in degrees, either way.
    pub shear: f64,
    /// Greatest perspective, 0 to 0.001.
    pub perspective: f64,
    /// Probability of standing on the head.
    pub flipud: f64,
    /// Probability of left and right exchanged.
    pub fliplr: f64,
    /// Probability of a mosaic of four images.
    pub mosaic: f64,
    /// Probability of a second mosaic mixed into the first.
    pub mixup: f64,
    /// Share of the outlined objects that are pasted a second time.
    pub copy_paste: f64,
}

/// An object within a [`Scene`], in its pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Index of the class.
    pub class: usize,
    /// Left, top, right and bottom.
    pub corners: [f32; 4],
    /// The outline; empty where only the box is known.
    pub segment: Vec<[f32; 2]>,
}

/// An image on its way through augmentation, with its objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// The pixels.
    pub image: Image,
    /// The objects.
    pub objects: Vec<Object>,
}

impl Object {
    /// A label in an image scaled to `width` by `height` pixels whose corner lies at `offset`: upstream's
    /// `xywhn2xyxy` and `xyn2xy`.
    pub fn placed(label: &Label, (width, height): (f64, f64), offset: (f64, f64)) -> Self {
        let [x, y, w, h] = label.rect.map(|share| share as f32);
        let (width, height) = (width as f32, height as f32);
        let (left, top) = (offset.0 as f32, offset.1 as f32);
        let corners = [
            width * (x - w / 2.0) + left,
            height * (y - h / 2.0) + top,
            width * (x + w / 2.0) + left,
            height * (y + h / 2.0) + top,
        ];
        let segment = label.segment.iter().map(|[x, y]| [width * x + left, height * y + top]).collect();
        Self { class: label.class, corners, segment }
    }

    /// The box as shares of an image, clipped to it: upstream's `xyxy2xywhn(…, clip=True, eps=1e-3)`.
    pub fn label(&self, (width, height): (usize, usize)) -> Label {
        let (across, down) = (width as f64 - 1e-3, height as f64 - 1e-3);
        let [left, top, right, bottom] = self.corners;
        let x = |x: f32| x.clamp(0.0, across as f32);
        let y = |y: f32| y.clamp(0.0, down as f32);
        let (left, top, right, bottom) = (x(left), y(top), x(right), y(bottom));
        let (width, height) = (width as f32, height as f32);
        let rect = [
            (left + right) / 2.0 / width,
            (top + bottom) / 2.0 / height,
            (right - left) / width,
            (bottom - top) / height,
        ];
        Label { class: self.class, rect: rect.map(f64::from), segment: vec![] }
    }
}
