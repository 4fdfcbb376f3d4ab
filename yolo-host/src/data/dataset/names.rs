//! Names of classes: files of them, and the class that a name means.

use std::path::Path;

use super::files::suffix;
use crate::text;

/// Files of class names, a name a line, in lower case.
const NAMES: [&str; 5] = ["classes.txt", "names.txt", "labels.txt", "class_names.txt", "obj.names"];

/// Whether a file is one of class names by its own name.
pub fn is_names(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    NAMES.contains(&name.as_str()) || ["names", "labels"].contains(&suffix(file).as_str())
}

/// The names in a file, a name a line.
pub fn names(file: &Path) -> Result<Vec<String>, text::Error> {
    let text = text::read(file)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The class of a name, and whether it is written so: else case does not matter, where only one name fits.
pub fn class_of(name: &str, names: &[String]) -> Option<(usize, bool)> {
    if let Some(class) = names.iter().position(|known| known == name) {
        return Some((class, true));
    }
    let folded = |text: &str| text.trim().to_lowercase();
    let wanted = folded(name);
    let mut like = (0..names.len()).filter(|&class| folded(&names[class]) == wanted);
    match (like.next(), like.next()) {
        (Some(class), None) => Some((class, false)),
        _ => None,
    }
}
