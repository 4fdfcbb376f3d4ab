//! What an evolution leaves behind: `evolve.csv`, a line a generation, and `hyp_evolve.yaml`, the best of them
//! (v6.1 `print_mutation`).

use std::fmt::Write as _;
use std::path::Path;

use super::csv::{content, fields, lines, whole_lines, write, wrong};
use super::number::{general, yaml};
use super::{COLUMNS, EpochRow, Error};

/// Columns before the hyperparameters: precision, recall, mAP50, mAP50-95, and the three losses in validation.
pub const RESULTS: usize = 7;

/// One generation of an evolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// Precision, recall, mAP50, mAP50-95, and the losses in validation: box, objectness, class.
    pub results: [f64; RESULTS],
    /// The hyperparameters, in the order of their names.
    pub values: Vec<f64>,
}

impl Generation {
    /// What it is measured by: 0.1 mAP50 + 0.9 mAP50-95 (v6.1 `fitness`); 0 where these are no numbers.
    pub fn fitness(&self) -> f64 {
        let [_, _, map50, map, ..] = self.results;
        let row = EpochRow { metrics: [0.0, 0.0, map50, map], ..EpochRow::default() };
        row.fitness().max(0.0)
    }
}

/// The place of the fittest, the first of equals.
pub fn best(generations: &[Generation]) -> Option<usize> {
    let fitter = |best: usize, i: usize| match generations[i].fitness() > generations[best].fitness() {
        true => i,
        false => best,
    };
    (0..generations.len()).reduce(fitter)
}

/// Adds a generation to the file, which is made if it is not there, and gives all of them back as they are written: with
/// five significant digits. The file is replaced as a whole.
///
/// # Errors
/// Those of [`read`], [`Error::Write`].
pub fn append(path: &Path, names: &[&str], generation: &Generation) -> Result<Vec<Generation>, Error> {
    let mut text = content(path)?;
    text.truncate(whole_lines(&text).len());
    let row = |cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>20}")).collect();
        cells.join(",") + "\n"
    };
    if lines(&text).next().is_none() {
        text.extend(row(columns(names).map(str::to_string).collect()).bytes());
    }
    let values = generation.results.iter().chain(&generation.values);
    text.extend(row(values.map(|value| general(*value, 5)).collect()).bytes());
    let all = parse(&text, path, names)?;
    write(path, |file| file.write_all(&text))?;
    Ok(all)
}

/// The generations of a file, none if it is not there. A last line without its end is torn and left out.
///
/// # Errors
/// [`Error::Read`], and [`Error::Line`] for other columns than those of `names`, or what is no number.
pub fn read(path: &Path, names: &[&str]) -> Result<Vec<Generation>, Error> {
    parse(&content(path)?, path, names)
}

/// As [`read`], of what is in memory; `path` is for messages.
///
/// # Errors
/// [`Error::Line`].
pub fn parse(bytes: &[u8], path: &Path, names: &[&str]) -> Result<Vec<Generation>, Error> {
    let mut lines = lines(whole_lines(bytes));
    let Some((line, header)) = lines.next() else { return Ok(Vec::new()) };
    if !fields(header).eq(columns(names).map(str::to_string)) {
        let what = "these are not the columns of this evolution; move the file away";
        return Err(wrong(path, line, what));
    }
    let generation = |(line, text): (usize, &[u8])| {
        let number = |(name, field): (&str, String)| match field.parse::<f64>() {
            Ok(value) => Ok(value),
            Err(_) => Err(wrong(path, line, format!("'{name}' is not a number: {field}"))),
        };
        let count = fields(text).count();
        if count != RESULTS + names.len() {
            let what = format!("{count} fields, but the header has {}", RESULTS + names.len());
            return Err(wrong(path, line, what));
        }
        let all: Vec<f64> = columns(names).zip(fields(text)).map(number).collect::<Result<_, _>>()?;
        let (results, values) = all.split_at(RESULTS);
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(wrong(path, line, format!("'{}' is {}", names[at], values[at])));
        }
        let mut generation = Generation { results: [0.0; RESULTS], values: values.to_vec() };
        generation.results.copy_from_slice(results);
        Ok(generation)
    };
    lines.map(generation).collect()
}

/// Writes the best generation as a file of hyperparameters, with what it came to as a comment.
///
/// # Errors
/// [`Error::Write`].
pub fn write_best(path: &Path, names: &[&str], generations: &[Generation]) -> Result<(), Error> {
    let Some(at) = best(generations) else { return Ok(()) };
    let best = &generations[at];
    let comment = |cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>20}")).collect();
        format!("# {}\n", cells.join(", "))
    };
    let mut text = format!("# YOLOv5 Hyperparameter Evolution Results\n# Best generation: {at}\n");
    text += &format!("# Last generation: {}\n", generations.len() - 1);
    text += &comment(columns(&[]).map(str::to_string).collect());
    text += &comment(best.results.iter().map(|value| general(*value, 5)).collect());
    text += "\n";
    for (name, value) in names.iter().zip(&best.values) {
        // A string takes everything.
        let _ = writeln!(text, "{name}: {}", yaml(*value));
    }
    write(path, |file| file.write_all(text.as_bytes()))
}

/// Names of all columns.
fn columns<'a>(names: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    COLUMNS[3..3 + RESULTS].iter().chain(names).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 2] = ["lr0", "box"];

    fn generation(map: f64, lr0: f64) -> Generation {
        Generation { results: [0.1, 0.2, 0.3, map, 1.0, 2.0, f64::NAN], values: vec![lr0, 0.05] }
    }

    #[test]
    fn a_torn_line_is_left_out_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evolve.csv");
        assert_eq!(read(&path, &NAMES).unwrap(), []);
        append(&path, &NAMES, &generation(0.1, 0.0123456)).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{first}        0.1,     0.")).unwrap();
        assert_eq!(read(&path, &NAMES).unwrap()[0].values, [0.012346, 0.05]);
        let all = append(&path, &NAMES, &generation(0.2, 0.5)).unwrap();
        assert_eq!((all.len(), best(&all)), (2, Some(1)));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn foreign_files_are_told_and_left_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evolve.csv");
        append(&path, &NAMES, &generation(0.1, 0.01)).unwrap();
        let sound = std::fs::read_to_string(&path).unwrap();
        for (text, want) in [
            (sound.replace("box,", "cls,").replace(" box\n", " cls\n"), "line 1: these are not the columns"),
            (sound.replace("0.01,", "high,"), "line 2: 'lr0' is not a number: high"),
            (sound.replace("0.01,", "inf,"), "line 2: 'lr0' is inf"),
            (format!("{sound}1,2\n"), "line 3: 2 fields, but the header has 9"),
        ] {
            std::fs::write(&path, &text).unwrap();
            for told in [read(&path, &NAMES), append(&path, &NAMES, &generation(0.5, 0.5))] {
                let told = told.unwrap_err().to_string();
                assert!(told.contains(want) && told.contains("evolve.csv"), "{told}");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn the_first_of_equals_is_best_and_nothing_beats_no_number() {
        let of = |maps: &[f64]| best(&maps.iter().map(|map| generation(*map, 0.1)).collect::<Vec<_>>());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[0.1, 0.3, 0.3, 0.2]), Some(1));
        assert_eq!(of(&[f64::NAN, 0.1]), Some(1));
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes, Path::new(""), &NAMES);
        }
    }
}
