//! Bars for long work, and Ctrl-C.

use super::hints::flags;
use super::output::{columns, line};
use crate::data::{Split, SplitName, Trouble, TroubleKind};
use crate::report::general;
use crate::text::counted;
use crate::train::{BatchReport, EpochReport, Observer};
use indicatif::{FormattedDuration, ProgressBar, ProgressState, ProgressStyle};
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// So many images are named for each reason.
const SHOWN: usize = 3;

/// A bar with rate and time left; hidden by itself where standard error is not a terminal.
pub fn bar(len: usize, prefix: &str) -> ProgressBar {
    let style = style("{prefix} {bar:20} {pos}/{len} {rate} {eta} left {msg}");
    ProgressBar::new(len as u64).with_style(style).with_prefix(prefix.to_string())
}

/// A bar's style, where `{rate}` is steps a second with one decimal.
pub fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
        let _ = write!(text, "{:.1}/s", state.per_sec());
    })
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
    report.notes.iter().for_each(|note| eprintln!("note: {}", flags(note)));
    by_reason(&report.messages).iter().for_each(|text| eprintln!("{text}"));
}

/// Findings by kind, most frequent first: of each how many there are, and the first three.
fn by_reason(messages: &[Trouble]) -> Vec<String> {
    let mut kinds: Vec<(usize, Vec<&Trouble>)> = Vec::new();
    for trouble in messages {
        match kinds.iter_mut().find(|(_, of)| of[0].kind == trouble.kind) {
            Some((count, of)) => {
                *count += trouble.count;
                of.push(trouble);
            }
            None => kinds.push((trouble.count, vec![trouble])),
        }
    }
    kinds.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let mut lines = Vec::new();
    for (count, of) in kinds {
        lines.push(format!("  {} ({count}):", reason(of[0].kind)));
        lines.extend(of.iter().take(SHOWN).map(|trouble| format!("    {trouble}")));
        if of.len() > SHOWN {
            lines.push(format!("    … and {} more: `yolo data check` prints them all", of.len() - SHOWN));
        }
    }
    lines
}

/// A kind of finding, as the head of its group.
fn reason(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::BrokenImage => "images that cannot be read",
        TroubleKind::SmallImage => "images under 10 pixels wide or high",
        TroubleKind::CutImage => "JPEG files that are cut short; what is there is used",
        TroubleKind::BrokenLabels => "label files that cannot be read",
        TroubleKind::Columns => "rows without the columns of a box or an outline",
        TroubleKind::NotANumber => "rows with what is no number",
        TroubleKind::Negative => "objects with negative numbers",
        TroubleKind::OutOfRange => "objects that reach out of their image",
        TroubleKind::UnknownClass => "objects of a class beyond the names",
        TroubleKind::OtherClass => "objects of a class that the names lack",
        TroubleKind::Unusable => "objects that cannot be used",
        TroubleKind::Difficult => "objects marked difficult",
        TroubleKind::Mended => "boxes put right",
        TroubleKind::Turned => {
            "annotations made before the camera's orientation was applied: their boxes are turned"
        }
        TroubleKind::OtherSize => "annotations of another size than their image",
        TroubleKind::Duplicate => "objects that repeat another",
        TroubleKind::Degenerate => "boxes without width or height",
    }
}

/// Whether Ctrl-C was pressed; the second time it ends the process.
pub fn interrupted() -> &'static AtomicBool {
    interrupted_after("batch")
}

/// The same, where the work stops after something else than a batch. Who asks first says what.
pub fn interrupted_after(what: &'static str) -> &'static AtomicBool {
    static PRESSED: OnceLock<AtomicBool> = OnceLock::new();
    PRESSED.get_or_init(|| {
        // Without a handler Ctrl-C ends the process, and the last checkpoint is what a resume goes on from.
        let _ = ctrlc::set_handler(move || {
            if interrupted().swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            eprintln!("\nstopping after this {what}; press again to end at once");
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
        eprintln!("{}", flags(text));
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
        let wide = columns().is_none_or(|columns| columns >= WIDE);
        if !std::mem::replace(&mut self.header, true) {
            let _ = line(&header(wide));
        }
        let text = row(report, wide);
        // A closed pipe must not stop a training.
        let _ = line(&text);
    }

    fn stop(&self) -> bool {
        interrupted().load(Ordering::Relaxed)
    }
}

/// Columns of the whole table; a narrower terminal has none for the losses of validation.
const WIDE: usize = 100;

fn header(wide: bool) -> String {
    let losses = if wide { " val box val obj val cls" } else { "" };
    format!("  epoch     box     obj     cls       P       R   mAP50 mAP50-95{losses}      s")
}

/// Five digits, or two and an exponent: a column of eight keeps a space before it.
fn five_digits(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => format!("{value:.4}"),
        size if size < 99_999.5 => general(value, 5),
        _ => general(value, 2),
    }
}

/// One epoch in the table's columns.
fn row(report: &EpochReport, wide: bool) -> String {
    let row = &report.row;
    let mut text = format!("{:>7}", format!("{}/{}", row.epoch + 1, report.epochs));
    let validated = report.validation.is_some();
    let number = |value: f64, width: usize| match validated {
        true => format!("{:>width$}", five_digits(value)),
        false => format!("{:>width$}", "–"),
    };
    text += &row.train.map(|value| format!("{:>8}", five_digits(value))).concat();
    let [p, r, map50, map] = row.metrics;
    text += &[(p, 8), (r, 8), (map50, 8), (map, 9)].map(|(value, width)| number(value, width)).concat();
    if wide {
        text += &row.val.map(|value| number(value, 8)).concat();
    }
    // An epoch of hours needs no tenths.
    let decimals = usize::from(report.seconds < 1000.0);
    text + &format!("{:>7.decimals$}{}", report.seconds, if report.best { " best" } else { "" })
}

/// A number of bytes in a file of `/proc`, where there is one: of `self/status` for example VmRSS, what this process holds.
pub fn memory(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Metrics;
    use crate::report::EpochRow;
    use crate::validation::Validation;
    use std::time::Duration;

    #[test]
    fn findings_are_told_by_reason() {
        let of = |kind, count: usize| {
            (0..count).map(move |i| Trouble {
                image: format!("{i}.jpg").into(),
                kind,
                text: "x".into(),
                count: 1,
            })
        };
        let messages: Vec<Trouble> =
            of(TroubleKind::BrokenImage, 1).chain(of(TroubleKind::UnknownClass, 5)).collect();
        let lines = by_reason(&messages);
        assert_eq!(lines[0], "  objects of a class beyond the names (5):", "the most frequent first");
        assert_eq!(lines[1], "    0.jpg: x (object left out)");
        assert!(lines[4].contains("… and 2 more"), "{lines:?}");
        assert_eq!(lines[5], "  images that cannot be read (1):");
        assert_eq!(lines.len(), 7);
        assert!(by_reason(&[]).is_empty());
    }

    #[test]
    fn the_table_fits_its_terminal() {
        let row_of = |value: f64| EpochRow {
            epoch: 299,
            train: [value; 3],
            metrics: [0.12345; 4],
            val: [value; 3],
            rates: [0.01; 3],
        };
        let validation =
            Validation { summary: Metrics::new(1).summary(), loss: [0.0; 3], times: [Duration::ZERO; 2] };
        for value in [0.123_456, 12.345_678, 123_456.789, f64::NAN] {
            for validation in [None, Some(&validation)] {
                let report =
                    EpochReport { row: row_of(value), epochs: 300, validation, best: true, seconds: 12345.6 };
                for (wide, most) in [(true, 100), (false, 80)] {
                    let text = row(&report, wide);
                    assert!(text.chars().count() <= most, "{}: {text}", text.chars().count());
                    let words = text.split_whitespace().count();
                    assert_eq!(words, if wide { 13 } else { 10 }, "columns run together: {text}");
                    assert_eq!(header(wide).chars().count() + " best".len(), text.chars().count());
                }
            }
        }
    }
}
