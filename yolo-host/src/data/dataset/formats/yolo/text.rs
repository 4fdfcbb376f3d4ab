//! YOLO's label files: a line an object, its class and its box or its outline.

use std::path::{Path, PathBuf};

use crate::data::dataset::entry::Labels;
use crate::data::dataset::files;
use crate::data::dataset::frame::{Head, Row};
use crate::data::dataset::trouble::{Fault, TroubleKind};

/// The text file of an image.
pub struct Txt(PathBuf);

impl Txt {
    /// As an image has it.
    pub fn of(file: PathBuf) -> Box<dyn Labels> {
        Box::new(Txt(file))
    }
}

impl Labels for Txt {
    fn file(&self) -> &Path {
        &self.0
    }

    fn place(&self) -> String {
        format!("'{}' (or as XML beside the image, or in a folder Annotations)", self.0.display())
    }

    fn rows(&self, _: Head, _: &[String], faults: &mut Vec<Fault>) -> Option<Result<Vec<Row>, Fault>> {
        self.0.is_file().then(|| rows(&self.0, faults))
    }
}

/// The rows of a file, or the fault that makes it unreadable. Bad rows become faults of their own.
fn rows(file: &Path, faults: &mut Vec<Fault>) -> Result<Vec<Row>, Fault> {
    let text = files::text(file).map_err(|cause| (TroubleKind::BrokenLabels, cause.to_string()))?;
    Ok(parse(&text, faults))
}

/// Rows of `class x y width height`, and outlines `class x1 y1 x2 y2 …`, whose boxes are what surrounds them: each row by
/// its own length. Upstream takes all rows for outlines where one has more than six columns.
fn parse(text: &str, faults: &mut Vec<Fault>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        match words(text).and_then(|words| row(&words)) {
            Ok(Some(row)) => rows.push(Row { line: Some(line), ..row }),
            Ok(None) => {}
            Err((kind, text)) => faults.push((kind, format!("line {line}: {text}"))),
        }
    }
    rows
}

/// The columns of a line, with a point in every number. Spreadsheets put commas or semicolons between columns, quotes around
/// them, and in many countries a comma into the numbers.
fn words(line: &str) -> Result<Vec<String>, Fault> {
    let semicolons = line.contains(';');
    let words = line.split(|letter: char| letter.is_whitespace() || matches!(letter, ';' | '"' | '\''));
    let words: Vec<&str> = words.map(|word| word.trim_matches(',')).filter(|word| !word.is_empty()).collect();
    let mut with_commas = words.iter().filter(|word| word.contains(',')).peekable();
    if with_commas.peek().is_none() {
        return Ok(words.into_iter().map(str::to_owned).collect());
    }
    let decimal = |word: &&str| word.matches(',').count() == 1 && !word.contains('.');
    if with_commas.all(decimal) && words.len() > 1 && (semicolons || is_length(words.len())) {
        return Ok(words.into_iter().map(|word| word.replace(',', ".")).collect());
    }
    // Without a point anywhere, `0,1` may be two numbers or one.
    if !words.iter().any(|word| word.contains(['.', 'e', 'E'])) {
        let text = "commas may stand between numbers or in them here: write numbers with a point".into();
        return Err((TroubleKind::NotANumber, text));
    }
    Ok(words.iter().flat_map(|word| word.split(',')).map(str::to_owned).collect())
}

/// Whether a row can have so many columns: a box five, an outline a class and at least three points.
fn is_length(columns: usize) -> bool {
    columns == 5 || columns > 6 && columns % 2 == 1
}

/// The row that these columns are; nothing for an empty line.
fn row(words: &[String]) -> Result<Option<Row>, Fault> {
    if words.is_empty() {
        return Ok(None);
    }
    if let Err(fault) = number(&words[0]) {
        let text = format!("{}: a class is given by its number, from 0", fault.1);
        return Err((fault.0, text));
    }
    let numbers = words.iter().map(|word| number(word)).collect::<Result<Vec<f32>, Fault>>()?;
    if !is_length(numbers.len()) {
        let what = match numbers.len() {
            6 => "a box has 5 (class x y width height, no confidence)",
            0..=5 => "a box has 5 (class x y width height)",
            _ => "an outline has a class and pairs of numbers",
        };
        return Err((TroubleKind::Columns, format!("{} columns, but {what}", numbers.len())));
    }
    Ok(Some(match numbers.as_slice() {
        &[class, x, y, width, height] => {
            Row { class, rect: [x, y, width, height], segment: vec![], line: None }
        }
        numbers => {
            let points = numbers[1..].as_chunks::<2>().0;
            Row { class: numbers[0], rect: surrounding(points), segment: points.to_vec(), line: None }
        }
    }))
}

fn number(word: &str) -> Result<f32, Fault> {
    // By way of double precision, as Python goes.
    let number: Result<f64, _> = word.parse();
    number
        .map(|number| number as f32)
        .map_err(|_| (TroubleKind::NotANumber, format!("'{word}' is not a number")))
}

/// Centre, width and height of what surrounds the points: upstream's `segments2boxes`.
fn surrounding(points: &[[f32; 2]]) -> [f32; 4] {
    let nan = |f: fn(f32, f32) -> f32| {
        move |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { f(a, b) }
    };
    let along = |axis: usize| {
        let values = points.iter().map(|point| point[axis]);
        let least = values.clone().fold(f32::INFINITY, nan(f32::min));
        (least, values.fold(f32::NEG_INFINITY, nan(f32::max)))
    };
    let ((left, right), (top, bottom)) = (along(0), along(1));
    [(left + right) / 2.0, (top + bottom) / 2.0, right - left, bottom - top]
}
