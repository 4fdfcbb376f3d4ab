//! Bars for long work, and Ctrl-C.

use super::output::line;
use crate::data::{Split, SplitName};
use crate::text::counted;
use crate::train::{BatchReport, EpochReport, Observer};
use indicatif::{FormattedDuration, ProgressBar, ProgressStyle};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// So many messages of the data's checks are shown.
const SHOWN: usize = 10;

/// A bar with rate and time left; hidden by itself where standard error is not a terminal.
pub fn bar(len: usize, prefix: &str) -> ProgressBar {
    let template = "{prefix} {bar:20} {pos}/{len} {per_sec} {eta} left {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len as u64).with_style(style).with_prefix(prefix.to_string())
}

/// What the checks of a part of a dataset found.
pub fn report_split(which: SplitName, split: &Split) {
    let report = &split.report;
    let objects: usize = split.items.iter().map(|item| item.labels.len()).sum();
    eprintln!(
        "{which}: {}, {}; {} without objects; left out: {}, {}",
        counted(split.items.len(), "image"),
        counted(objects, "object"),
        counted(report.missing + report.empty, "image"),
        counted(report.corrupt, "image"),
        counted(report.objects_left_out(), "object")
    );
    report.notes.iter().for_each(|note| eprintln!("note: {note}"));
    report.messages.iter().take(SHOWN).for_each(|trouble| eprintln!("  {trouble}"));
    if let Some(more) = report.messages.len().checked_sub(SHOWN + 1) {
        eprintln!("  … and {} more: `yolo data check` prints them all", more + 1);
    }
}

/// Whether Ctrl-C was pressed; the second time it ends the process.
pub fn interrupted() -> &'static AtomicBool {
    static PRESSED: OnceLock<AtomicBool> = OnceLock::new();
    PRESSED.get_or_init(|| {
        // Without a handler Ctrl-C ends the process, and the last checkpoint is what a resume goes on from.
        let _ = ctrlc::set_handler(|| {
            if interrupted().swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            eprintln!("\nstopping after this batch; press again to end at once");
        });
        AtomicBool::new(false)
    })
}

/// Shows a training on the terminal.
pub struct Watch {
    bar: Option<ProgressBar>,
    header: bool,
    /// When the first batch of this process was done, and its number among those of all epochs.
    first: Option<(Instant, usize)>,
}

impl Watch {
    /// A watch, which takes Ctrl-C from here on.
    pub fn new() -> Self {
        interrupted();
        Watch { bar: None, header: false, first: None }
    }

    /// Time to the last epoch's end, by the pace so far.
    fn left(&mut self, done: usize, all: usize) -> String {
        // A generation of an evolution begins anew.
        let (start, first) = match self.first {
            Some((start, first)) if first <= done => (start, first),
            _ => *self.first.insert((Instant::now(), done)),
        };
        if done == first {
            return String::new();
        }
        let left = start.elapsed().mul_f64((all - done) as f64 / (done - first) as f64);
        format!(", {} to the end", FormattedDuration(left))
    }

    fn done(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Watch {
    fn note(&mut self, text: &str) {
        eprintln!("{text}");
    }

    fn split(&mut self, which: SplitName, split: &Split) {
        report_split(which, split);
    }

    fn batch(&mut self, report: &BatchReport) {
        let [epoch, epochs] = report.epoch;
        let [batch, batches] = report.batch;
        let left = self.left(epoch * batches + batch + 1, epochs * batches);
        let bar = self
            .bar
            .get_or_insert_with(|| bar(batches, &format!("{:>9}", format!("{}/{epochs}", epoch + 1))));
        let [boxes, objectness, classes] = report.mean;
        let [_, _, height, width] = report.data.shape;
        bar.set_message(format!(
            "box {boxes:.4} obj {objectness:.4} cls {classes:.4}, {} objects, {height}×{width}{}{left}",
            report.data.targets.len(),
            memory("self/status", "VmRSS").map_or(String::new(), |bytes| format!(", {} MB", bytes >> 20))
        ));
        bar.set_position(batch as u64 + 1);
        if batch + 1 == batches {
            self.done();
        }
    }

    fn validated(&mut self, batch: usize, batches: usize) {
        let bar = self.bar.get_or_insert_with(|| bar(batches, "      val"));
        bar.set_position(batch as u64 + 1);
        if batch + 1 == batches {
            self.done();
        }
    }

    fn epoch(&mut self, report: &EpochReport) {
        self.done();
        if !std::mem::replace(&mut self.header, true) {
            let names = [
                "epoch", "box", "obj", "cls", "P", "R", "mAP50", "mAP50-95", "val box", "val obj", "val cls",
                "s",
            ];
            let _ = line(&names.map(|name| format!("{name:>9}")).concat());
        }
        let row = &report.row;
        let mut text = format!("{:>9}", format!("{}/{}", row.epoch + 1, report.epochs));
        let validated = report.validation.is_some();
        text += &row.train.map(|value| format!("{value:>9.4}")).concat();
        for value in row.metrics.iter().chain(&row.val) {
            text += &if validated { format!("{value:>9.4}") } else { format!("{:>9}", "–") };
        }
        text += &format!("{:>9.1}{}", report.seconds, if report.best { "  best" } else { "" });
        // A closed pipe must not stop a training.
        let _ = line(&text);
    }

    fn stop(&self) -> bool {
        interrupted().load(Ordering::Relaxed)
    }
}

/// A number of bytes in a file of `/proc`, where there is one: of `self/status` for example VmRSS, what this process holds.
pub fn memory(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}
