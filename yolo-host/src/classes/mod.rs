//! Which class of some weights is which class of a dataset: by name, wherever both have names, never by number alone.
//!
//! A VOC folder sorts its classes, a data.yaml has an order of its own, and weights that were trained on one are validated on the
//! other. By number alone every object would be of the wrong class, without a word.

mod error;
mod head;
mod names;
mod palette;
#[cfg(test)]
mod tests;

pub use error::Error;
pub(crate) use head::{drop_head, fits_head, head_parameters};
pub(crate) use names::list;
pub use palette::{COLOURS, colour};

use crate::data::Item;
use names::{matched, same};

/// How classes were matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Names and order are the same.
    Order,
    /// By name: another order, or some of the names.
    Name,
    /// By number, since one side has no names.
    Number,
}

/// For each class that is wanted, the one of that name among those that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassMap {
    from: Vec<Option<usize>>,
    /// Classes that are there.
    count: usize,
    by: By,
    /// Wanted names that are not there.
    missing: Vec<String>,
}

impl ClassMap {
    /// Matches the classes that weights have, `count` of them, with those of a dataset. Names are compared without the
    /// spaces around them, and where that finds none and there is no other such name, without regard to capitals. Names that
    /// only stand for numbers (`0`, `class0`, `item`) match by number if no name fits.
    ///
    /// # Errors
    /// [`Error`] when no name is known on the other side, or when there are no names and other numbers of classes.
    pub fn new(have: Option<&[String]>, count: usize, want: &[String]) -> Result<Self, Error> {
        let have = have.filter(|names| names.len() == count).unwrap_or_default();
        let from = if same(have, want) { (0..count).map(Some).collect() } else { matched(have, want) };
        let known = from.iter().flatten().count();
        if known > 0 {
            let ordered = count == want.len() && from.iter().enumerate().all(|(i, from)| *from == Some(i));
            let missing = want.iter().zip(&from).filter(|(_, from)| from.is_none());
            let missing = missing.map(|(name, _)| name.trim().to_string()).collect();
            return Ok(ClassMap { from, count, by: if ordered { By::Order } else { By::Name }, missing });
        }
        if !names::placeholders(have) && !names::placeholders(want) {
            return Err(Error::Strangers { have: list(have), want: list(want) });
        }
        if count != want.len() {
            return Err(Error::Counts { have: count, want: want.len() });
        }
        Ok(ClassMap { from: (0..count).map(Some).collect(), count, by: By::Number, missing: vec![] })
    }

    /// How they were matched.
    pub fn by(&self) -> By {
        self.by
    }

    /// Whether every class keeps its number, and none is missing or left over.
    pub fn is_identity(&self) -> bool {
        self.by != By::Name
    }

    /// Number of classes that are wanted.
    pub fn wanted(&self) -> usize {
        self.from.len()
    }

    /// For each class that is wanted the one that is there.
    pub fn from(&self) -> &[Option<usize>] {
        &self.from
    }

    /// Wanted names that are not there.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// How many classes are there that nobody wants.
    pub fn unwanted(&self) -> usize {
        self.count - self.from.iter().flatten().count()
    }

    /// Whether both sides have the same names.
    pub fn is_permutation(&self) -> bool {
        self.missing.is_empty() && self.unwanted() == 0
    }

    /// What is to be said when weights are validated on a dataset; nothing where all is as expected.
    pub fn note(&self) -> Option<String> {
        let known = self.wanted() - self.missing.len();
        match self.by {
            By::Order => None,
            By::Number => {
                Some("classes are matched by number, since the weights or the data have no names".into())
            }
            By::Name if self.is_permutation() => {
                Some("the weights have the data's classes in another order; they are matched by name".into())
            }
            By::Name => {
                let mut text =
                    format!("the weights know {known} of the data's {} classes by name", self.wanted());
                if !self.missing.is_empty() {
                    text += &format!("; never found: {}", list(&self.missing));
                }
                if self.unwanted() > 0 {
                    text += &format!("; {} others that they find are left out", self.unwanted());
                }
                Some(text)
            }
        }
    }

    /// Names of the classes that are wanted: the dataset's, unless only the weights have any.
    pub fn names(&self, have: Option<&[String]>, want: &[String]) -> Vec<String> {
        match have {
            Some(have) if self.by == By::Number && names::placeholders(want) => have.to_vec(),
            _ => want.to_vec(),
        }
    }

    /// Rows `[x, y, w, h, objectness, classes …]` of what is there as rows of what is wanted; a class that is not there has
    /// the confidence 0.
    pub fn rows(&self, rows: Vec<f32>) -> Vec<f32> {
        if self.is_identity() {
            return rows;
        }
        let mut mapped = Vec::with_capacity(rows.len() / (5 + self.count) * (5 + self.wanted()));
        for row in rows.chunks_exact(5 + self.count) {
            let (start, classes) = row.split_at(5);
            mapped.extend_from_slice(start);
            mapped.extend(self.from.iter().map(|from| from.map_or(0.0, |class| classes[class])));
        }
        mapped
    }

    /// Gives the objects of a dataset the numbers of what is there; those of classes that are not there are dropped.
    pub fn relabel(&self, items: &mut [Item]) {
        if self.is_identity() {
            return;
        }
        for item in items {
            item.labels.retain_mut(|label| match self.from.get(label.class).copied().flatten() {
                Some(class) => {
                    label.class = class;
                    true
                }
                None => false,
            });
        }
    }
}
