//! The block families of this repository, also those that a program does not link: from where a missing block would come.

/// Each with its folder in `plugins/`, which is its cargo feature, and the names of its blocks; made by the build script.
const FAMILIES: &[(&str, &[&str])] = include!(concat!(env!("OUT_DIR"), "/families.rs"));

/// The families and their blocks.
pub fn families() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    FAMILIES.iter().copied()
}

/// The family, by its cargo feature, that has a block of this name.
pub fn family_of(block: &str) -> Option<&'static str> {
    families().find(|(_, blocks)| blocks.contains(&block)).map(|(feature, _)| feature)
}
