//! Lists of images, `ImageSets/Main/*.txt`: a line is a name, which may hold spaces; in VOC's lists of a class a mark
//! follows.

use std::path::{Path, PathBuf};

use super::files::{Index, is_xml};
use crate::data::Error;
use crate::data::dataset::files;
use crate::image::sources::is_image;

/// The images that a list names, and where those should be that are not there.
pub fn images(
    list: &Path,
    images: &Index,
    folder: &Path,
    notes: &mut Vec<String>,
) -> Result<Vec<PathBuf>, Error> {
    let text = files::text(list)?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let there = |name: &str| find(name, images);
    // `cells 1` may be the image `cells 1.jpg`, or `cells.jpg` with the mark 1: the files decide, for the whole list.
    let marks: Option<Vec<(&str, &str)>> = lines.iter().map(|line| marked(line)).collect();
    let marks = marks.filter(|marks| {
        let names = lines.iter().filter(|line| there(line).is_some()).count();
        names == 0 || marks.iter().filter(|(name, _)| there(name).is_some()).count() > names
    });
    let Some(marks) = marks else {
        return Ok(lines.iter().flat_map(|line| unmarked(line, images, folder)).collect());
    };
    let (others, names): (Vec<_>, Vec<_>) = marks.into_iter().partition(|(_, mark)| *mark == "-1");
    if !others.is_empty() {
        let (count, list) = (others.len(), list.display());
        let images = if count == 1 { "1 image" } else { &format!("{count} images") };
        notes.push(format!("{images} marked -1 (without the class of the list) in '{list}' left out"));
    }
    Ok(names.into_iter().flat_map(|(name, _)| unmarked(name, images, folder)).collect())
}

/// A name and its mark: the class is there (1), only as difficult objects (0), or not (-1).
fn marked(line: &str) -> Option<(&str, &str)> {
    let (name, mark) = line.rsplit_once(char::is_whitespace)?;
    ["1", "0", "-1", "+1"].contains(&mark).then_some((name.trim_end(), mark))
}

/// The image of a line without mark. Where there is none of that name, the line may be an image and its XML file, as
/// PaddleDetection writes them, or several names.
fn unmarked(line: &str, images: &Index, folder: &Path) -> Vec<PathBuf> {
    if let Some(image) = find(line, images) {
        return vec![image.clone()];
    }
    let words: Vec<&str> = line.split_whitespace().filter(|word| !is_xml(Path::new(word))).collect();
    let found: Option<Vec<_>> = words.iter().map(|word| find(word, images).cloned()).collect();
    found.filter(|found| !found.is_empty()).unwrap_or_else(|| {
        // One that is not there is told of under the name that it should have.
        let name = bare(line);
        let name = name.rsplit('/').next().unwrap_or_default();
        vec![folder.join(name).with_added_extension("jpg")]
    })
}

/// The image of a name, with or without folders and suffix.
fn find<'a>(name: &str, images: &'a Index) -> Option<&'a PathBuf> {
    images.get(name).or_else(|| images.get(&bare(name)))
}

fn bare(name: &str) -> String {
    let name = name.trim_matches(['"', '\'']).replace('\\', "/");
    let path = Path::new(&name);
    match is_image(path) || is_xml(path) {
        true => path.with_extension("").to_string_lossy().into_owned(),
        false => name,
    }
}
