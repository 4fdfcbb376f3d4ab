//! Names most like one that is not known, for messages.

/// No message names more.
const MOST: usize = 5;

/// The known names that are like `name`, the most like it first; none if all are unlike it.
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&name, &known.to_lowercase());
    let mut rated: Vec<(f64, &str)> =
        known.into_iter().map(|known| (likeness(known), known)).filter(|(like, _)| *like > 0.7).collect();
    rated.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    rated.into_iter().take(MOST).map(|(_, known)| known).collect()
}
