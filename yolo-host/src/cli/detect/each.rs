//! What is done with each image: objects found, files written, a line printed.

use super::super::output::{general, line};
use super::super::progress::{bar, interrupted_after};
use super::super::run_folder::RunFolder;
use super::super::sizes::rounded;
use super::super::{Outcome, classes};
use super::DetectArgs;

use crate::detector::{Detector, Found};
use crate::draw;
use crate::eval::{Detection, NmsOptions};
use crate::image::Image;
use anyhow::Context;
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Images, read ahead.
type Photos<'a> = &'a mut dyn Iterator<Item = Result<Image, crate::image::Error>>;

/// Everything that stays the same from image to image.
pub struct Command {
    args: DetectArgs,
    detector: Detector,
    options: NmsOptions,
    size: (usize, usize),
    /// None where nothing is to be written.
    folder: Option<RunFolder>,
}

impl Command {
    pub fn new(args: DetectArgs, detector: Detector, asked: [usize; 2]) -> anyhow::Result<Self> {
        let [height, width] = asked.map(|side| detector.round_size(side));
        rounded(asked, [height, width]).inspect(|note| eprintln!("note: {note}"));
        let only = classes::numbers(&args.classes, detector.names())?;
        let options = NmsOptions {
            conf_thres: args.thresholds.conf_thres,
            iou_thres: args.thresholds.iou_thres,
            max_det: args.max_det,
            classes: (!only.is_empty()).then_some(only),
            agnostic: args.agnostic_nms,
            multi_label: false,
        };
        let writes = args.save_txt || args.save_crop || !args.nosave;
        let folder = writes.then(|| args.results.create()).transpose()?;
        Ok(Command { args, detector, options, size: (height, width), folder })
    }

    pub fn all(&self, files: &[PathBuf], photos: Photos) -> anyhow::Result<Outcome> {
        let bar = bar(files.len(), "detect");
        let interrupted = interrupted_after("image");
        let (mut times, mut done, mut failed) = ([0.0; 3], 0, 0);
        for (i, (file, photo)) in files.iter().zip(photos).enumerate() {
            let count = format!("image {}/{} {}", i + 1, files.len(), file.display());
            match self.one(file, photo) {
                Ok((report, found)) => {
                    done += 1;
                    bar.suspend(|| self.report(&count, &report, &found))?;
                    for (total, time) in times.iter_mut().zip(found.times) {
                        *total += time.as_secs_f64() * 1e3;
                    }
                }
                Err(error) => {
                    failed += 1;
                    bar.suspend(|| eprintln!("error: {error:#}"));
                }
            }
            bar.inc(1);
            if interrupted.load(Ordering::Relaxed) {
                break;
            }
        }
        bar.finish_and_clear();
        let stopped = done + failed < files.len();
        if stopped {
            eprintln!("stopped after {} of {} images", done + failed, files.len());
        }
        self.summary(done, failed, times)?;
        Ok(match (stopped, failed) {
            (true, _) => Outcome::Interrupted,
            (false, 0) => Outcome::Done,
            (false, _) => Outcome::SomeFailed,
        })
    }

    /// Finds and writes; returns the JSON object of the image.
    fn one(
        &self,
        file: &Path,
        photo: Result<Image, crate::image::Error>,
    ) -> anyhow::Result<(serde_json::Value, Found)> {
        let photo = photo?;
        let found = self
            .detector
            .detect(&photo, self.size, &self.options)
            .with_context(|| file.display().to_string())?;
        let (width, height) = (photo.width, photo.height);
        if let Some(folder) = &self.folder {
            self.write(folder, file, photo, &found.detections)?;
        }
        let detections: Vec<_> = found.detections.iter().map(|d| self.detection_json(d)).collect();
        let path = file.display().to_string();
        Ok((json!({ "path": path, "width": width, "height": height, "detections": detections }), found))
    }

    /// Writes the files that are asked for.
    fn write(
        &self,
        folder: &RunFolder,
        file: &Path,
        photo: Image,
        detections: &[Detection],
    ) -> anyhow::Result<()> {
        if self.args.save_txt {
            folder.write_labels(file, &self.labels(&photo, detections))?;
        }
        // Weakest first, so that the best box lies on top.
        if self.args.save_crop {
            for detection in detections.iter().rev() {
                let crop = draw::crop(&photo, detection.rect, 1.02, 10.0);
                folder.write_crop(file, &self.detector.names()[detection.class], &crop)?;
            }
        }
        if !self.args.nosave {
            let labels: Vec<draw::Label> = detections.iter().rev().map(|d| self.label(d)).collect();
            let mut annotated = photo;
            draw::boxes(&mut annotated, &labels, self.args.line_thickness);
            folder.write_image(file, &annotated)?;
        }
        Ok(())
    }

    fn detection_json(&self, detection: &Detection) -> serde_json::Value {
        json!({
            "class": detection.class,
            "name": self.detector.names()[detection.class],
            "confidence": detection.confidence,
            "box": detection.rect,
        })
    }

    fn label(&self, detection: &Detection) -> draw::Label {
        let name = &self.detector.names()[detection.class];
        let text = match (self.args.hide_labels, self.args.hide_conf) {
            (true, _) => None,
            (false, true) => Some(name.clone()),
            (false, false) => Some(format!("{name} {:.2}", detection.confidence)),
        };
        draw::Label { class: detection.class, text, rect: detection.rect }
    }

    /// Lines `class x y w h [confidence]`, weakest first as `detect.py` writes them.
    fn labels(&self, photo: &Image, detections: &[Detection]) -> String {
        let (width, height) = (photo.width as f32, photo.height as f32);
        let mut text = String::new();
        for Detection { rect: [x1, y1, x2, y2], confidence, class } in detections.iter().rev() {
            let shares =
                [(x1 + x2) / 2.0 / width, (y1 + y2) / 2.0 / height, (x2 - x1) / width, (y2 - y1) / height];
            let _ = write!(text, "{class}");
            let confidence = self.args.save_conf.then_some(*confidence);
            for value in shares.into_iter().chain(confidence) {
                let _ = write!(text, " {}", general(f64::from(value)));
            }
            text.push('\n');
        }
        text
    }

    fn report(&self, count: &str, report: &serde_json::Value, found: &Found) -> std::io::Result<()> {
        let mut classes = vec![0; self.detector.names().len()];
        for detection in &found.detections {
            classes[detection.class] += 1;
        }
        let counted = classes.iter().zip(self.detector.names()).filter(|(n, _)| **n > 0);
        // Names as they are: upstream's `s` makes "2 Plateletss".
        let counted: Vec<String> = counted.map(|(n, name)| format!("{n} {name}")).collect();
        let counted = if counted.is_empty() { "no detections".to_string() } else { counted.join(", ") };
        let (height, width) = found.network;
        let took = found.times[1].as_secs_f64() * 1e3;
        let text = format!("{count}: {height}×{width} {counted}, {took:.1} ms");
        if self.args.json {
            eprintln!("{text}");
            line(&report.to_string())
        } else {
            line(&text)
        }
    }

    fn summary(&self, done: usize, failed: usize, times: [f64; 3]) -> std::io::Result<()> {
        draw::font_note().inspect(|note| eprintln!("note: {note}"));
        let mut text = String::new();
        if done > 0 {
            let [pre, network, nms] = times.map(|total| total / done as f64);
            let _ = writeln!(
                text,
                "Speed: {pre:.1} ms pre-process, {network:.1} ms inference, {nms:.1} ms NMS per image"
            );
        }
        if failed > 0 {
            let _ = writeln!(text, "{failed} of {} images failed, see above", done + failed);
        }
        if let Some(folder) = &self.folder {
            let _ = writeln!(text, "Results saved to {}", folder.path().display());
        }
        let text = text.trim_end();
        if text.is_empty() {
            Ok(())
        } else if self.args.json {
            eprintln!("{text}");
            Ok(())
        } else {
            line(text)
        }
    }
}
