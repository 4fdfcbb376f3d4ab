//! A run as one HTML file that needs no other: final metrics, curves, classes, images, options.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::escape::escaped;
use super::svg::{Chart, Line};
use super::{EpochRow, Error};
use crate::atomic;
use crate::classes::colour;
use crate::eval::{ClassRow, Summary};

/// With more classes than these their curves are grey, as upstream's.
const MOST_NAMED: usize = 20;

const STYLE: &str = include_str!("report.css");

/// What a report tells. Whatever is empty has no section.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Such as the name of the run's folder.
    pub title: &'a str,
    /// What is to be known of the run, such as its options.
    pub facts: &'a [Facts],
    /// The epochs of a training run.
    pub epochs: &'a [EpochRow],
    /// The metrics of the final validation.
    pub summary: Option<&'a Summary>,
    /// Names of the classes.
    pub names: &'a [String],
    /// Images to show.
    pub figures: &'a [Figure],
}

/// A section of names and values.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What they tell of.
    pub title: String,
    /// Names and values.
    pub rows: Vec<(String, String)>,
}

/// An image of a report.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it shows.
    pub title: String,
    /// The bytes of a PNG, JPEG or WebP file.
    pub encoded: Vec<u8>,
}

impl Report<'_> {
    /// Writes the report.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let html = self.html();
        atomic::replace(path, |file| file.write_all(html.as_bytes())).map_err(Error::write(path))
    }

    /// The report as text.
    pub fn html(&self) -> String {
        let title = escaped(self.title);
        let body =
            [self.tiles(), self.training(), self.curves(), self.classes(), self.images(), self.facts()];
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{}</body>\n</html>\n",
            body.concat()
        )
    }

    fn tiles(&self) -> String {
        let best = self.epochs.iter().filter(|row| row.fitness().is_finite());
        // Of equal ones the last, as the weights in `best` are.
        let best = best.reduce(|best, row| if row.fitness() >= best.fitness() { row } else { best });
        let mut tiles = Vec::new();
        let metrics = self.summary.map(|s| [s.precision, s.recall, s.map50, s.map]);
        if let Some(metrics) = metrics.or(best.map(|row| row.metrics)) {
            let names = ["precision", "recall", "mAP 0.5", "mAP 0.5:0.95"];
            tiles.extend(names.into_iter().zip(metrics.map(|value| format!("{value:.3}"))));
        }
        if let Some(summary) = self.summary {
            tiles.push(("images", summary.images.to_string()));
            tiles.push(("labels", summary.labels.to_string()));
        }
        if let Some(best) = best {
            tiles.push(("epochs", self.epochs.len().to_string()));
            // People count from 1, as the command does; results.csv from 0, as upstream's.
            tiles.push(("best epoch", (best.epoch + 1).to_string()));
        }
        let tile = |(name, value): &(&str, String)| {
            format!("<div class=\"tile\"><b>{value}</b><span>{name}</span></div>\n")
        };
        let tiles: String = tiles.iter().map(tile).collect();
        if tiles.is_empty() { tiles } else { format!("<div class=\"tiles\">\n{tiles}</div>\n") }
    }

    fn training(&self) -> String {
        if self.epochs.is_empty() {
            return String::new();
        }
        let line = |name: &str, style, value: &dyn Fn(&EpochRow) -> f64| Line {
            name: name.to_string(),
            style,
            colour: None,
            points: self.epochs.iter().map(|row| (row.epoch as f64 + 1.0, value(row))).collect(),
        };
        // One epoch alone stands in the middle.
        let only = match self.epochs {
            [row] => Some(row.epoch as f64 + 0.5..row.epoch as f64 + 1.5),
            _ => None,
        };
        let chart = |title: &str, lines| {
            let (title, x_range) = (title.to_string(), only.clone());
            Chart { title, x: "epoch", x_range, y_range: None, whole: true, lines }.html()
        };
        let mut charts = String::new();
        for (i, loss) in ["Box loss", "Objectness loss", "Class loss"].into_iter().enumerate() {
            let lines =
                vec![line("train", "one", &|row| row.train[i]), line("val", "two", &|row| row.val[i])];
            charts += &chart(loss, lines);
        }
        charts += &chart(
            "Precision and recall",
            vec![line("P", "one", &|row| row.metrics[0]), line("R", "two", &|row| row.metrics[1])],
        );
        charts += &chart(
            "mAP",
            vec![line("0.5", "one", &|row| row.metrics[2]), line("0.5:0.95", "two", &|row| row.metrics[3])],
        );
        let rates = ["one", "two", "three"].into_iter().enumerate();
        let rates = rates.map(|(i, style)| line(&format!("lr{i}"), style, &|row| row.rates[i])).collect();
        charts += &chart("Learning rates", rates);
        let note = "<p class=\"note\">Epochs are counted from 1 here, from 0 in results.csv.</p>\n";
        section("Training", &format!("<div class=\"charts\">\n{charts}</div>\n{note}"))
    }

    fn curves(&self) -> String {
        let Some(summary) = self.summary.filter(|summary| !summary.classes.is_empty()) else {
            return String::new();
        };
        let curves = &summary.curves;
        let chart = |title: &str, x, of_classes: &[Vec<f64>]| {
            let points = |curve: &[f64]| curves.x.iter().copied().zip(curve.iter().copied()).collect();
            let named = summary.classes.len() <= MOST_NAMED;
            let class = |(row, curve): (&ClassRow, &Vec<f64>)| Line {
                name: self.name(row.class),
                style: if named { "own" } else { "faint" },
                colour: named.then(|| colour(row.class)),
                points: points(curve),
            };
            let mut lines: Vec<Line> = summary.classes.iter().zip(of_classes).map(class).collect();
            let sum = |at: usize| of_classes.iter().filter_map(|curve| curve.get(at)).sum::<f64>();
            let mean: Vec<f64> = (0..curves.x.len()).map(|at| sum(at) / of_classes.len() as f64).collect();
            lines.push(Line {
                name: "mean of the classes".into(),
                style: "one",
                colour: None,
                points: points(&mean),
            });
            let (title, unit) = (title.to_string(), Some(0.0..1.0));
            Chart { title, x, x_range: unit.clone(), y_range: unit, whole: false, lines }.html()
        };
        let charts = [
            chart("Precision over recall", "recall", &curves.precision_over_recall),
            chart("F1", "confidence", &curves.f1),
            chart("Precision", "confidence", &curves.precision),
            chart("Recall", "confidence", &curves.recall),
        ];
        section("Curves at IoU 0.5", &format!("<div class=\"charts\">\n{}</div>\n", charts.concat()))
    }

    fn classes(&self) -> String {
        let Some(summary) = self.summary.filter(|summary| !summary.classes.is_empty()) else {
            return String::new();
        };
        let row = |name: &str, labels: usize, values: [f64; 4]| {
            let values: String = values.iter().map(|value| format!("<td>{value:.3}</td>")).collect();
            format!("<tr><td>{}</td><td>{labels}</td>{values}</tr>\n", escaped(name))
        };
        let mut rows =
            row("all", summary.labels, [summary.precision, summary.recall, summary.map50, summary.map]);
        for class in &summary.classes {
            let values = [class.precision, class.recall, class.ap50, class.ap];
            rows += &row(&self.name(class.class), class.labels, values);
        }
        let head =
            "<tr><th>Class</th><th>Labels</th><th>P</th><th>R</th><th>AP 0.5</th><th>AP 0.5:0.95</th></tr>";
        let table = format!(
            "<div class=\"scroll\"><table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody></table></div>\n"
        );
        section("Classes", &table)
    }

    fn images(&self) -> String {
        let mut figures = String::new();
        for figure in self.figures {
            let kind = match image::guess_format(&figure.encoded) {
                Ok(format) => format.to_mime_type(),
                Err(_) => continue,
            };
            let (title, data) = (escaped(&figure.title), BASE64_STANDARD.encode(&figure.encoded));
            let _ = writeln!(
                figures,
                "<figure><figcaption>{title}</figcaption><img alt=\"{title}\" loading=\"lazy\" \
                 src=\"data:{kind};base64,{data}\"/></figure>"
            );
        }
        if figures.is_empty() {
            return figures;
        }
        section("Images", &format!("<div class=\"images\">\n{figures}</div>\n"))
    }

    fn facts(&self) -> String {
        let row = |(name, value): &(String, String)| {
            format!("<tr><td>{}</td><td>{}</td></tr>\n", escaped(name), escaped(value))
        };
        let facts = |facts: &Facts| {
            let rows: String = facts.rows.iter().map(row).collect();
            let table = format!("<table class=\"options\"><tbody>\n{rows}</tbody></table>\n");
            section(&escaped(&facts.title), &table)
        };
        self.facts.iter().filter(|facts| !facts.rows.is_empty()).map(facts).collect()
    }

    fn name(&self, class: usize) -> String {
        self.names.get(class).cloned().unwrap_or_else(|| class.to_string())
    }
}

fn section(title: &str, content: &str) -> String {
    format!("<h2>{title}</h2>\n{content}")
}
