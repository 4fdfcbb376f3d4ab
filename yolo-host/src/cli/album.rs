//! The images and the report that a run leaves in its folder.

use crate::data::{Batch, Loader};
use crate::draw::{
    self,
    plots::{self, BatchBox},
};
use crate::eval::{Detection, Summary};
use crate::image::Image;
use crate::report::html::{Facts, Figure, Report};
use crate::report::{EpochRow, csv};
use crate::validation::ValidatedBatch;
use anyhow::Context;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// So many batches of a sort are drawn.
pub const BATCHES: usize = 3;

/// A folder's images, kept for its report.
pub struct Album {
    folder: PathBuf,
    names: Vec<String>,
    figures: Vec<Figure>,
    facts: Vec<Facts>,
}

impl Album {
    /// Images for a folder, with these names of classes.
    pub fn new(folder: &Path, names: &[String]) -> Self {
        Album { folder: folder.into(), names: names.to_vec(), figures: vec![], facts: vec![] }
    }

    /// Writes an image and keeps it for the report.
    fn add(&mut self, name: &str, title: &str, image: Image) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        image.write(&path)?;
        let encoded = std::fs::read(&path).with_context(|| path.display().to_string())?;
        self.figures.push(Figure { title: title.into(), encoded });
        Ok(())
    }

    /// What the report tells of the run.
    pub fn facts(&mut self, facts: impl IntoIterator<Item = Facts>) {
        self.facts.extend(facts);
    }

    /// The labels to learn from.
    pub fn labels(&mut self, loader: &Loader) -> anyhow::Result<()> {
        let row = |label: &crate::data::Label| {
            let [x, y, w, h] = label.rect.map(|side| side as f32);
            [label.class as f32, x, y, w, h]
        };
        let rows: Vec<[f32; 5]> = loader.items().iter().flat_map(|item| &item.labels).map(row).collect();
        self.add("labels.png", "Labels", plots::labels(&rows, &self.names)?)?;
        let correlogram = plots::labels_correlogram(&rows)?;
        self.add("labels_correlogram.jpg", "How places and sizes of the labels go together", correlogram)
    }

    /// A batch with its labels.
    pub fn batch(&mut self, name: &str, title: &str, batch: &Batch, titles: &[String]) -> anyhow::Result<()> {
        let [_, channels, height, width] = batch.shape;
        let (h, w) = (height as f32, width as f32);
        let label = |(image, label): &(usize, crate::data::Label)| {
            let [x, y, bw, bh] = label.rect.map(|side| side as f32);
            let rect = [(x - bw / 2.0) * w, (y - bh / 2.0) * h, (x + bw / 2.0) * w, (y + bh / 2.0) * h];
            BatchBox { image: *image, class: label.class, rect, confidence: None }
        };
        let boxes: Vec<BatchBox> = batch.targets.iter().map(label).collect();
        let pixels = coloured(&batch.pixels, channels);
        self.add(name, title, plots::batch(&pixels, (height, width), &boxes, titles, &self.names))
    }

    /// A batch of validation: its labels, and what was found.
    pub fn validated(&mut self, loader: &Loader, validated: &ValidatedBatch) -> anyhow::Result<()> {
        let (batch, index) = (validated.batch, validated.index);
        let titles = titles(loader, batch);
        let title = format!("Validation batch {}: labels", index + 1);
        self.batch(&format!("val_batch{index}_labels.jpg"), &title, batch, &titles)?;
        let found = |(image, found): (usize, &Vec<Detection>)| {
            let of = |d: &Detection| BatchBox {
                image,
                class: d.class,
                rect: d.rect,
                confidence: Some(d.confidence),
            };
            found.iter().map(of).collect::<Vec<_>>()
        };
        let boxes: Vec<BatchBox> = validated.detections.iter().enumerate().flat_map(found).collect();
        let [_, channels, height, width] = batch.shape;
        let pixels = coloured(&batch.pixels, channels);
        let image = plots::batch(&pixels, (height, width), &boxes, &titles, &self.names);
        let title = format!("Validation batch {}: what was found", index + 1);
        self.add(&format!("val_batch{index}_pred.jpg"), &title, image)
    }

    /// Curves and confusion of a validation.
    pub fn curves(&mut self, summary: &Summary) -> anyhow::Result<()> {
        self.add(
            "confusion_matrix.png",
            "Confusion",
            plots::confusion_matrix(&summary.confusion, &self.names)?,
        )?;
        // The report has the curves as lines of its own.
        for (name, curve) in [
            ("PR_curve.png", plots::pr_curve(summary, &self.names)?),
            ("F1_curve.png", plots::f1_curve(summary, &self.names)?),
            ("P_curve.png", plots::p_curve(summary, &self.names)?),
            ("R_curve.png", plots::r_curve(summary, &self.names)?),
        ] {
            curve.write(self.folder.join(name))?;
        }
        Ok(())
    }

    /// `results.png` and `report.html`, from the folder's results.csv where it has one.
    pub fn report(&mut self, summary: &Summary) -> anyhow::Result<()> {
        let results = self.folder.join("results.csv");
        let epochs: Vec<EpochRow> = if results.exists() { csv::read(&results)? } else { vec![] };
        if !epochs.is_empty() {
            plots::results(&epochs)?.write(self.folder.join("results.png"))?;
        }
        let title = self.folder.display().to_string();
        let report = Report {
            title: &title,
            facts: &self.facts,
            epochs: &epochs,
            summary: Some(summary),
            names: &self.names,
            figures: &self.figures,
        };
        report.write(&self.folder.join("report.html"))?;
        draw::font_note().inspect(|note| eprintln!("note: {note}"));
        Ok(())
    }
}

/// Three bytes a pixel, also where the network is given grey ones.
fn coloured(pixels: &[u8], channels: usize) -> Cow<'_, [u8]> {
    match channels {
        1 => pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
        _ => pixels.into(),
    }
}

/// Names of a batch's images.
pub fn titles(loader: &Loader, batch: &Batch) -> Vec<String> {
    let name = |index: &usize| {
        let file = loader.items().get(*index).and_then(|item| item.image.file_name());
        file.map_or(String::new(), |name| name.to_string_lossy().into_owned())
    };
    batch.images.iter().map(name).collect()
}
