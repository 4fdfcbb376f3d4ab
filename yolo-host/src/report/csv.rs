//! `results.csv`: a line an epoch, with upstream's columns and widths (v6.1 `Loggers.on_fit_epoch_end`).

use std::io::{self, Write};
use std::path::Path;

use super::number::general;
use super::{COLUMNS, EpochRow, Error};
use crate::atomic;

/// Adds an epoch to the file, which is made if it is not there. What is there is kept byte for byte, save for a torn
/// last line. The file is replaced as a whole, so that it is never found half written.
///
/// # Errors
/// [`Error::Line`] if the file has other columns, [`Error::Read`], [`Error::Write`].
pub fn append(path: &Path, row: &EpochRow) -> Result<(), Error> {
    let content = content(path)?;
    let whole = whole_lines(&content);
    if let Some((line, header)) = lines(whole).next() {
        let names: Vec<String> = fields(header).collect();
        if !names.iter().map(String::as_str).eq(["epoch"].into_iter().chain(COLUMNS)) {
            return Err(wrong(path, line, "these are not the columns of results.csv; move the file away"));
        }
    }
    let header = if lines(whole).next().is_some() { String::new() } else { header() };
    write(path, |file| {
        file.write_all(whole)?;
        file.write_all(header.as_bytes())?;
        file.write_all(line(row).as_bytes())
    })
}

/// The epochs of a file in its order. Columns are told by their names, so that files with more of them can be read. A
/// last line without its end is torn and left out; spaces and empty lines do not matter.
///
/// # Errors
/// [`Error::Read`], and [`Error::Line`] for a missing column or what is no number.
pub fn read(path: &Path) -> Result<Vec<EpochRow>, Error> {
    let bytes = std::fs::read(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
    parse(&bytes, path)
}

/// Leaves the epochs before `epoch`, for a run that goes on from there. A file that is not there stays away.
///
/// # Errors
/// Those of [`read`], and [`Error::Write`].
pub fn truncate(path: &Path, epoch: usize) -> Result<(), Error> {
    let content = content(path)?;
    let rows = parse(&content, path)?;
    if content.is_empty() {
        return Ok(());
    }
    // Lines, not numbers written anew: what stays keeps every digit. The first line is the header.
    let whole = whole_lines(&content);
    let stays = lines(whole).zip([true].into_iter().chain(rows.iter().map(|row| row.epoch < epoch)));
    let kept: Vec<&[u8]> = stays.filter(|(_, stays)| *stays).map(|((_, line), _)| line).collect();
    write(path, |file| {
        for line in &kept {
            file.write_all(line)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// As [`read`], of what is in memory; `path` is for messages.
pub fn parse(bytes: &[u8], path: &Path) -> Result<Vec<EpochRow>, Error> {
    let mut lines = lines(whole_lines(bytes));
    let Some((line, header)) = lines.next() else {
        return Ok(Vec::new());
    };
    let names: Vec<String> = fields(header).collect();
    let place = |name: &str| {
        let place = names.iter().position(|found| found == name);
        place.ok_or_else(|| wrong(path, line, format!("there is no column '{name}'")))
    };
    let epochs = place("epoch")?;
    let mut places = [0; COLUMNS.len()];
    for (to, name) in places.iter_mut().zip(COLUMNS) {
        *to = place(name)?;
    }
    let row = |(line, text): (usize, &[u8])| {
        let fields: Vec<String> = fields(text).collect();
        if fields.len() != names.len() {
            let what = format!("{} fields, but the header has {}", fields.len(), names.len());
            return Err(wrong(path, line, what));
        }
        let number = |place: usize| {
            let field = &fields[place];
            field
                .parse()
                .map_err(|_| wrong(path, line, format!("'{}' is not a number: {field}", names[place])))
        };
        let epoch: f64 = number(epochs)?;
        if epoch.fract() != 0.0 || !(0.0..=1e9).contains(&epoch) {
            return Err(wrong(path, line, format!("{epoch} is no epoch")));
        }
        let mut values = [0.0; COLUMNS.len()];
        for (to, place) in values.iter_mut().zip(places) {
            *to = number(place)?;
        }
        Ok(EpochRow::from_values(epoch as usize, values))
    };
    lines.map(row).collect()
}

fn header() -> String {
    let names: Vec<String> = ["epoch"].into_iter().chain(COLUMNS).map(|name| format!("{name:>20}")).collect();
    names.join(",") + "\n"
}

fn line(row: &EpochRow) -> String {
    let values = [row.epoch as f64].into_iter().chain(row.values());
    let values: Vec<String> = values.map(|value| format!("{:>20}", general(value, 5))).collect();
    values.join(",") + "\n"
}

/// The bytes of a file, none if it is not there.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, Error> {
    match std::fs::read(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(Error::Read { path: path.to_path_buf(), cause })
        }
        read => Ok(read.unwrap_or_default()),
    }
}

/// Up to the last end of a line.
pub(super) fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Lines that are not empty, each with its number from 1.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let numbered = bytes.split(|byte| *byte == b'\n').enumerate().map(|(i, line)| (i + 1, line));
    numbered.filter(|(_, line)| !line.trim_ascii().is_empty())
}

/// What stands between commas, without the spaces around.
pub(super) fn fields(line: &[u8]) -> impl Iterator<Item = String> {
    line.split(|byte| *byte == b',').map(|field| String::from_utf8_lossy(field.trim_ascii()).into_owned())
}

pub(super) fn wrong(path: &Path, line: usize, what: impl Into<String>) -> Error {
    Error::Line { path: path.to_path_buf(), line, what: what.into() }
}

pub(super) fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    atomic::replace(path, |file| content(file)).map_err(Error::write(path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Header and first line of a run of the reference.
    const REFERENCE: &str = concat!(
        "               epoch,      train/box_loss,      train/obj_loss,      train/cls_loss,",
        "   metrics/precision,      metrics/recall,     metrics/mAP_0.5,metrics/mAP_0.5:0.95,",
        "        val/box_loss,        val/obj_loss,        val/cls_loss,",
        "               x/lr0,               x/lr1,               x/lr2\n",
        "                   0,             0.11006,             0.15442,            0.037352,",
        "            0.023145,             0.18689,             0.02156,           0.0043832,",
        "            0.095286,             0.12818,            0.035264,",
        "             0.00012,             0.00012,             0.09892\n",
    );

    fn row(epoch: usize) -> EpochRow {
        EpochRow { epoch, ..parse(REFERENCE.as_bytes(), Path::new("")).unwrap()[0] }
    }

    #[test]
    fn the_reference_s_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        append(&path, &row(0)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), REFERENCE);
        append(&path, &row(1)).unwrap();
        assert_eq!(read(&path).unwrap(), [row(0), row(1)]);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_torn_line_is_left_out_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        for torn in ["  1,  0.5", "\0\0\0\0", "          1,"] {
            std::fs::write(&path, format!("{REFERENCE}{torn}")).unwrap();
            assert_eq!(read(&path).unwrap(), [row(0)]);
            append(&path, &row(1)).unwrap();
            assert_eq!(read(&path).unwrap(), [row(0), row(1)]);
        }
        std::fs::write(&path, "          epoch, train/bo").unwrap();
        append(&path, &row(0)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), REFERENCE);
    }

    #[test]
    fn a_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        truncate(&path, 0).unwrap();
        assert!(!path.exists());
        for epoch in 0..5 {
            append(&path, &row(epoch)).unwrap();
        }
        truncate(&path, 3).unwrap();
        assert_eq!(read(&path).unwrap(), [row(0), row(1), row(2)]);
        truncate(&path, 0).unwrap();
        append(&path, &row(0)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), REFERENCE);
    }

    #[test]
    fn foreign_files_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        for (content, expected) in [
            ("a,b\n1,2\n", "line 1: there is no column 'epoch'"),
            (&*REFERENCE.replace("0.11006", "x"), "line 2: 'train/box_loss' is not a number: x"),
            (&*REFERENCE.replace("  0,", "0.5,"), "line 2: 0.5 is no epoch"),
            (&*format!("{REFERENCE}1,2\n"), "line 3: 2 fields, but the header has 14"),
        ] {
            std::fs::write(&path, content).unwrap();
            assert!(read(&path).unwrap_err().to_string().ends_with(expected), "{:?}", read(&path));
        }
        let wider = REFERENCE.replace('\n', ", metrics/cat_mAP_50\n").replacen(
            "0.09892, metrics/cat_mAP_50",
            "0.09892, 1",
            1,
        );
        std::fs::write(&path, &wider).unwrap();
        assert_eq!(read(&path).unwrap(), [row(0)]);
        assert!(
            append(&path, &row(1)).unwrap_err().to_string().contains("line 1: these are not the columns")
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), wider);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0..REFERENCE.len()) {
            let _ = parse(&bytes, Path::new(""));
            let mut mixed = REFERENCE.as_bytes().to_vec();
            mixed.splice(at..at, bytes);
            let _ = parse(&mixed, Path::new(""));
        }

        #[test]
        fn what_is_written_is_read(values: [f64; COLUMNS.len()], epoch in 0_usize..90_000) {
            let row = EpochRow::from_values(epoch, values);
            let read = parse((header() + &line(&row)).as_bytes(), Path::new("")).unwrap();
            prop_assert_eq!(line(&read[0]), line(&row));
        }
    }
}
