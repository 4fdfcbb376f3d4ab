//! Detections as COCO's results, the file that `--save-json` writes and pycocotools reads (v6.1 `save_one_json`).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::Error;
use super::number::rounded;
use crate::atomic;
use crate::eval::Detection;

/// The categories of COCO for its 80 classes: 1 to 90, of which ten were never used.
const UNUSED: [usize; 10] = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];

/// What `category_id` says of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Categories {
    /// The class itself, counted from 0.
    Classes,
    /// COCO's own number, 1 to 90 (v6.1 `coco80_to_coco91_class`).
    Coco91,
}

impl Categories {
    fn id(self, class: usize) -> usize {
        match self {
            Categories::Classes => class,
            Categories::Coco91 => (1..=90).filter(|id| !UNUSED.contains(id)).nth(class).unwrap_or(class + 11),
        }
    }
}

/// Gathers detections, image by image.
#[derive(Clone, Debug)]
pub struct CocoResults {
    categories: Categories,
    json: String,
}

impl CocoResults {
    /// None yet.
    pub fn new(categories: Categories) -> Self {
        CocoResults { categories, json: String::new() }
    }

    /// Adds the detections of an image, boxes in its pixels. The image's id is its name without the extension, a
    /// number if that is all digits. Boxes become `[left, top, width, height]` of three decimals, scores have five.
    ///
    /// What is not finite has no place in JSON and is left out.
    pub fn add(&mut self, image: &Path, detections: &[Detection]) {
        let stem = image.file_stem().unwrap_or_default().to_string_lossy();
        let digits = stem.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u64> = digits.then(|| stem.parse().ok()).flatten();
        let id = number.map_or_else(|| serde_json::Value::from(&*stem), serde_json::Value::from);
        for Detection { rect: [x1, y1, x2, y2], confidence, class } in detections {
            // By way of the centre, in single precision, as the reference.
            let (width, height) = (x2 - x1, y2 - y1);
            let (left, top) = ((x1 + x2) / 2.0 - width / 2.0, (y1 + y2) / 2.0 - height / 2.0);
            let sides = [left, top, width, height];
            if !sides.iter().chain([confidence]).all(|value| value.is_finite()) {
                continue;
            }
            let [left, top, width, height] = sides.map(|side| rounded(f64::from(side), 3));
            let separator = if self.json.is_empty() { "" } else { ", " };
            let _ = write!(
                self.json,
                "{separator}{{\"image_id\": {id}, \"category_id\": {}, \
                 \"bbox\": [{left}, {top}, {width}, {height}], \"score\": {}}}",
                self.categories.id(*class),
                rounded(f64::from(*confidence), 5),
            );
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        atomic::replace(path, |file| write!(file, "[{}]", self.json)).map_err(Error::write(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_reference() {
        let mut results = CocoResults::new(Categories::Coco91);
        let detection =
            Detection { rect: [258.152, 41.294, 606.414, 285.07], confidence: 0.236_004, class: 16 };
        results.add(Path::new("a/000000000042.jpg"), &[detection]);
        results.add(Path::new("a/b\"7.jpg"), &[Detection { confidence: f32::NAN, ..detection }, detection]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.json");
        results.write(&path).unwrap();
        let rest = "\"category_id\": 18, \"bbox\": [258.152, 41.294, 348.262, 243.776], \"score\": 0.236}";
        let expected = format!("[{{\"image_id\": 42, {rest}, {{\"image_id\": \"b\\\"7\", {rest}]");
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
    }

    #[test]
    fn categories_are_coco_s() {
        let ids = |classes: [usize; 6]| classes.map(|class| Categories::Coco91.id(class));
        assert_eq!(ids([0, 10, 11, 24, 78, 79]), [1, 11, 13, 27, 89, 90]);
        assert_eq!(Categories::Classes.id(11), 11);
    }
}
