//! What the checks of a dataset have to say: counts, and findings by image and by kind.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// So many faults of a kind in one image are told one by one.
const MOST_OF_A_KIND: usize = 20;

/// What the checks of a [`Split`](super::Split) met, in upstream's counts and one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Images with a file of labels, empty ones included.
    pub found: usize,
    /// Images without one: background.
    pub missing: usize,
    /// Files of labels without an object: background.
    pub empty: usize,
    /// Images left out because they or their labels are broken.
    pub corrupt: usize,
    /// Everything worth knowing, by image.
    pub messages: Vec<Trouble>,
    /// What concerns the part as a whole: objects left out, how it was divided.
    pub notes: Vec<String>,
}

impl Report {
    /// How many images or objects are of this kind.
    pub fn count(&self, kind: TroubleKind) -> usize {
        self.messages.iter().filter(|trouble| trouble.kind == kind).map(|trouble| trouble.count).sum()
    }

    /// How many objects are left out of images that are kept.
    pub fn objects_left_out(&self) -> usize {
        let of = |trouble: &&Trouble| trouble.kind.costs() == Costs::Object;
        self.messages.iter().filter(of).map(|trouble| trouble.count).sum()
    }
}

/// One finding of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The image.
    pub image: PathBuf,
    /// Of which kind.
    pub kind: TroubleKind,
    /// What is wrong.
    pub text: String,
    /// Of how many objects, or 1 where the image itself is meant.
    pub count: usize,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = match self.kind.costs() {
            Costs::Image => " (image left out)",
            Costs::Object if self.count > 1 => " (objects left out)",
            Costs::Object => " (object left out)",
            Costs::Nothing => "",
        };
        write!(f, "{}: {}{fate}", self.image.display(), self.text)
    }
}

/// What a [`Trouble`] leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Costs {
    /// The image with all of its objects.
    Image,
    /// These objects; the image stays.
    Object,
    /// Nothing.
    Nothing,
}

/// The kinds of [`Trouble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TroubleKind {
    /// The image cannot be read or its head is damaged.
    BrokenImage,
    /// The image is under 10 pixels wide or high.
    SmallImage,
    /// A JPEG ends without its end mark: what is there is used.
    CutImage,
    /// The label file cannot be read, or is not of its form.
    BrokenLabels,
    /// A row has neither the five columns of a box nor those of an outline.
    Columns,
    /// A word in a row is not a number.
    NotANumber,
    /// A number is negative.
    Negative,
    /// A coordinate is above 1, that is, outside the image.
    OutOfRange,
    /// A class beyond the dataset's names.
    UnknownClass,
    /// Objects of a named class that the dataset's names lack: only these objects are left out.
    OtherClass,
    /// Objects that cannot be used, as those without a box or outside the image: only these are left out.
    Unusable,
    /// Objects marked difficult, which are left out as upstream leaves them.
    Difficult,
    /// Boxes put right: corners in the wrong order, cut at the image's edge, a class written in another case.
    Mended,
    /// The annotation was made on the image as stored, before the camera's orientation: its boxes are turned.
    Turned,
    /// The annotation gives a size that is not the image's.
    OtherSize,
    /// Rows that repeat another, and are left out.
    Duplicate,
    /// Boxes without width or height: kept, as upstream keeps them, though nothing can match them.
    Degenerate,
}

impl TroubleKind {
    /// What it leaves out. A bad object never costs its image, as it does upstream.
    pub fn costs(self) -> Costs {
        use TroubleKind::*;
        match self {
            BrokenImage | SmallImage | BrokenLabels => Costs::Image,
            Columns | NotANumber | Negative | OutOfRange | UnknownClass => Costs::Object,
            OtherClass | Unusable | Difficult | Duplicate => Costs::Object,
            CutImage | Mended | Turned | OtherSize | Degenerate => Costs::Nothing,
        }
    }

    /// What it is, in a few words.
    pub fn reason(self) -> &'static str {
        use TroubleKind::*;
        match self {
            BrokenImage => "images that cannot be read",
            SmallImage => "images that are too small",
            CutImage => "JPEG files that are cut short",
            BrokenLabels => "label files that cannot be read",
            Columns => "rows with a wrong number of columns",
            NotANumber => "rows with a word that is no number",
            Negative => "rows with a negative number",
            OutOfRange => "rows with numbers out of the image",
            UnknownClass => "objects of a class beyond the names",
            OtherClass => "objects of a class that is not named",
            Unusable => "objects that cannot be used",
            Difficult => "objects marked difficult",
            Mended => "boxes put right",
            Turned => "images annotated before they were turned",
            OtherSize => "annotations that give another size",
            Duplicate => "objects given twice",
            Degenerate => "boxes without width or height",
        }
    }

    /// Whether it costs the image.
    pub fn is_fatal(self) -> bool {
        self.costs() == Costs::Image
    }
}

/// Why an object, an image or its labels are of no use: for objects, one fault each.
pub type Fault = (TroubleKind, String);

/// What concerns many images alike is told once, with the first of them.
#[derive(Default)]
pub struct Together {
    /// Where among the messages it is told, and in how many more images it is so.
    told: HashMap<(TroubleKind, String), (usize, usize)>,
}

impl Together {
    /// Adds a message, or counts it with the one that says the same.
    pub fn tell(&mut self, messages: &mut Vec<Trouble>, trouble: Trouble) {
        use TroubleKind::{Difficult, OtherClass, OtherSize, Turned};
        if matches!(trouble.kind, Difficult | OtherClass | OtherSize | Turned) {
            let key = (trouble.kind, trouble.text.clone());
            if let Some((at, more)) = self.told.get_mut(&key) {
                *more += 1;
                messages[*at].count += trouble.count;
                return;
            }
            self.told.insert(key, (messages.len(), 0));
        }
        messages.push(trouble);
    }

    /// Says how often each was met.
    pub fn end(self, messages: &mut [Trouble]) {
        for (at, more) in self.told.into_values().filter(|(_, more)| *more > 0) {
            messages[at].text += &format!(" ({more} more alike)");
        }
    }
}

/// Faults as messages: of each kind so many one by one, the rest of an image as a number.
pub fn summed(faults: Vec<Fault>) -> Vec<(TroubleKind, String, usize)> {
    let mut messages: Vec<(TroubleKind, String, usize)> = Vec::new();
    let mut counts: Vec<(TroubleKind, usize)> = Vec::new();
    for (kind, text) in faults {
        let place = counts.iter().position(|(known, _)| *known == kind).unwrap_or(counts.len());
        if place == counts.len() {
            counts.push((kind, 0));
        }
        counts[place].1 += 1;
        if counts[place].1 <= MOST_OF_A_KIND {
            messages.push((kind, text, 1));
        }
    }
    let rest = counts.into_iter().filter(|(_, count)| *count > MOST_OF_A_KIND);
    messages.extend(rest.map(|(kind, count)| {
        let more = count - MOST_OF_A_KIND;
        (kind, format!("{more} more of this kind"), more)
    }));
    messages
}
