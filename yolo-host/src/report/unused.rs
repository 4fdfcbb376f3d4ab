//! Names for the files of a run, each given once: images of one name in several folders keep apart.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The names that a run has given.
#[derive(Debug, Default)]
pub struct UnusedNames {
    given: HashSet<PathBuf>,
    /// The last number of each name that was asked for more than once.
    last: HashMap<PathBuf, usize>,
    /// Names that were looked up so far.
    tried: usize,
}

impl UnusedNames {
    /// The path, or where it is given already one with a number: `cat.jpg`, `cat2.jpg`, …
    pub fn give(&mut self, path: PathBuf) -> PathBuf {
        self.tried += 1;
        if self.given.insert(path.clone()) {
            return path;
        }
        let mut count = self.last.get(&path).copied().unwrap_or(1);
        loop {
            count += 1;
            self.tried += 1;
            let free = numbered(&path, count);
            if self.given.insert(free.clone()) {
                self.last.insert(path, count);
                return free;
            }
        }
    }

    /// How many names were looked up for all that were given.
    pub fn tried(&self) -> usize {
        self.tried
    }
}

fn numbered(path: &Path, count: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(count.to_string());
    path.with_file_name(name).with_added_extension(path.extension().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once() {
        let mut names = UnusedNames::default();
        let mut give = |name: &str| names.give(name.into()).display().to_string();
        let given = ["a.jpg", "a.jpg", "b/a.jpg", "a3.jpg", "a.jpg", "a", "a", "a.jpg"].map(&mut give);
        assert_eq!(given, ["a.jpg", "a2.jpg", "b/a.jpg", "a3.jpg", "a4.jpg", "a", "a2", "a5.jpg"]);
    }

    #[test]
    fn many_of_one_name_cost_a_look_each() {
        let mut names = UnusedNames::default();
        // The worst: its numbers are names of other files.
        let taken = (2..2_000).map(|count| format!("a{count}.jpg"));
        let asked = taken.chain(std::iter::repeat_n("a.jpg".to_string(), 2_000));
        let given: HashSet<PathBuf> = asked.map(|name| names.give(name.into())).collect();
        assert_eq!(given.len(), 3_998);
        assert!(names.tried() < 4 * given.len(), "{}", names.tried());
    }
}
