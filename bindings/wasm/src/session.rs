//! A detector that is loaded from bytes, and asked with pixels; answers are JSON.

use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use yolo_host::detector::Detector;
use yolo_host::eval::{Detection, NmsOptions};
use yolo_host::exec::Device;
use yolo_host::image::Image;
use yolo_host::model;
use yolo_host::plugin::Registry;

/// The largest side into which a photograph is fitted: memory grows with its square, and a page has at most 4 GB.
pub const MAX_SIDE: usize = 2048;

/// A side for weights that do not say theirs.
const SIDE: usize = 640;

/// How a photograph is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Side in pixels into which photographs are fitted, rounded up to what the model takes.
    pub side: usize,
    /// Confidence below which nothing is told, 0 to 1.
    pub confidence: f32,
    /// Overlap with a better box above which a box is dropped, 0 to 1.
    pub iou: f32,
}

/// The detector of a page, once weights are loaded.
#[derive(Default)]
pub struct Session {
    detector: Option<Detector>,
}

impl Session {
    /// Without weights.
    pub const fn new() -> Self {
        Session { detector: None }
    }

    /// Takes a weights file that carries its model; `name` is for messages. The weights before stay if it is none.
    ///
    /// Tells `{"model", "names", "side", "licence", "notes"}`.
    ///
    /// # Errors
    /// What is wrong with the file, as text.
    pub fn load(&mut self, weights: &[u8], name: &str) -> Result<Value, String> {
        let mut registry = Registry::linked().map_err(whole)?;
        let loaded = model::load_bytes(weights, Path::new(name), None, &mut registry).map_err(whole)?;
        let meta = loaded.meta;
        let detector = Detector::new(loaded.model, loaded.state, meta.names, Device::Cpu).map_err(whole)?;
        let told = json!({
            "model": detector.model().spec.file,
            "names": detector.names(),
            "side": detector.round_size(meta.imgsz.unwrap_or(SIDE).min(MAX_SIDE)),
            "licence": meta.licence,
            "notes": registry.take_notes(),
        });
        self.detector = Some(detector);
        Ok(told)
    }

    /// Finds objects in a photograph of so many rows of red, green, blue and alpha, which is not looked at.
    ///
    /// Tells `{"network": [height, width], "detections": [{"rect": [left, top, right, bottom], "confidence", "class"}]}`, best
    /// first, in pixels of the photograph.
    ///
    /// # Errors
    /// As text: no weights are loaded, the pixels are not so many, an option is out of its range, or the network fails.
    pub fn detect(
        &self,
        rgba: &[u8],
        width: usize,
        height: usize,
        options: Options,
    ) -> Result<Value, String> {
        let Options { side, confidence, iou } = options;
        let detector = self.detector.as_ref().ok_or("no weights are loaded")?;
        let bytes = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(4));
        if bytes != Some(rgba.len()) || rgba.is_empty() {
            return Err(format!("{} bytes are not a photograph of {width}×{height} pixels", rgba.len()));
        }
        if side == 0 || side > MAX_SIDE {
            return Err(format!("photographs are fitted into 1 to {MAX_SIDE} pixels, not {side}"));
        }
        for (name, share) in [("confidence", confidence), ("overlap", iou)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("the {name} must be from 0 to 1, not {share}"));
            }
        }
        let rgb = rgba.as_chunks().0.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect();
        let photo = Image { width, height, rgb };
        let nms = NmsOptions { conf_thres: confidence, iou_thres: f64::from(iou), ..NmsOptions::default() };
        let side = detector.round_size(side);
        let found = detector.detect(&photo, (side, side), &nms).map_err(whole)?;
        let told = |Detection { rect, confidence, class }: &Detection| json!({ "rect": rect, "confidence": confidence, "class": class });
        let detections: Vec<Value> = found.detections.iter().map(told).collect();
        Ok(json!({ "network": [found.network.0, found.network.1], "detections": detections }))
    }
}

/// An error with its causes in one line.
fn whole(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
