//! What `yolo val` leaves in its folder of each batch: label files, COCO's results, images.

use super::album::{Album, BATCHES};
use super::output::general;
use super::run_folder::RunFolder;
use crate::data::Loader;
use crate::report::coco::{Categories, CocoResults};
use crate::report::html::Facts;
use crate::validation::{ValidatedBatch, Validation};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Files of a validation in the making.
pub struct ValFiles {
    folder: RunFolder,
    /// Label files, with confidences or without.
    txt: Option<bool>,
    json: Option<CocoResults>,
    album: Option<Album>,
}

impl ValFiles {
    /// None of them.
    pub fn new(folder: RunFolder) -> Self {
        ValFiles { folder, txt: None, json: None, album: None }
    }

    /// With `labels/NAME.txt`.
    pub fn txt(self, confidences: bool) -> Self {
        ValFiles { txt: Some(confidences), ..self }
    }

    /// With `WEIGHTS_predictions.json`.
    pub fn json(self, categories: Categories) -> Self {
        ValFiles { json: Some(CocoResults::new(categories)), ..self }
    }

    /// With images and a report.
    pub fn images(self, names: &[String], facts: Facts) -> Self {
        let mut album = Album::new(self.folder.path(), names);
        album.facts([facts]);
        ValFiles { album: Some(album), ..self }
    }

    /// Takes in a batch.
    pub fn add(&mut self, loader: &Loader, validated: &ValidatedBatch) -> anyhow::Result<()> {
        if let Some(confidences) = self.txt {
            self.labels(loader, validated, confidences)?;
        }
        if let Some(json) = &mut self.json {
            for (index, found) in validated.batch.images.iter().zip(validated.native) {
                json.add(&loader.items()[*index].image, found);
            }
        }
        match &mut self.album {
            Some(album) if validated.index < BATCHES => album.validated(loader, validated),
            _ => Ok(()),
        }
    }

    /// Writes what speaks of all batches, and says where it is.
    pub fn finish(mut self, validation: &Validation, weights: &[PathBuf]) -> anyhow::Result<()> {
        if let Some(json) = &self.json {
            let first = weights.first().and_then(|file| file.file_stem());
            let stem = first.unwrap_or_default().to_string_lossy();
            json.write(&self.folder.path().join(format!("{stem}_predictions.json")))?;
        }
        if let Some(album) = &mut self.album {
            album.curves(&validation.summary)?;
            album.report(&validation.summary)?;
        }
        eprintln!("results are in {}", self.folder.path().display());
        Ok(())
    }

    /// Lines `class x y w h [confidence]` for every image of a batch (v6.1 `save_one_txt`).
    fn labels(&self, loader: &Loader, validated: &ValidatedBatch, confidences: bool) -> anyhow::Result<()> {
        for (image, found) in validated.native.iter().enumerate() {
            let (height, width) = validated.batch.geometry[image].original;
            let mut lines = String::new();
            for detection in found {
                let [x1, y1, x2, y2] = detection.rect.map(f64::from);
                let (w, h) = (width as f64, height as f64);
                let values = [(x1 + x2) / 2.0 / w, (y1 + y2) / 2.0 / h, (x2 - x1) / w, (y2 - y1) / h];
                write!(lines, "{}", detection.class)?;
                values.iter().try_for_each(|value| write!(lines, " {}", general(*value)))?;
                if confidences {
                    write!(lines, " {}", general(f64::from(detection.confidence)))?;
                }
                lines.push('\n');
            }
            self.folder.write_labels(&loader.items()[validated.batch.images[image]].image, &lines)?;
        }
        Ok(())
    }
}
