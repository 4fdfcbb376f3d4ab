//! Labels as read, and what is known of an image once they are checked.

use super::{Label, TroubleKind};

/// One line of labels, as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// A whole number, hopefully.
    pub class: f32,
    pub rect: [f32; 4],
    pub segment: Vec<[f32; 2]>,
    /// The line of the file, where it has lines that matter.
    pub line: Option<usize>,
}

/// What is known of an image once checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Height and width, and the labels; nothing for a broken one.
    pub item: Option<((usize, usize), Vec<Label>)>,
    /// Whether there is a file of labels; not looked for where the image is broken.
    pub found: Option<bool>,
    /// Kind, what is wrong, and of how many objects.
    pub messages: Vec<(TroubleKind, String, usize)>,
}
