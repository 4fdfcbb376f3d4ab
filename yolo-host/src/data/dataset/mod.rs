//! Labelled images: where a dataset's parts are, and what is in them once checked.
//!
//! Three forms are read: YOLO (images under `images`, text files under `labels`), Pascal VOC (folders
//! `JPEGImages`, `Annotations`, `ImageSets/Main`) and COCO (one JSON file a part). All become [`Item`]s, with
//! the same checks.

mod cache;
mod check;
mod coco;
mod describe;
mod divide;
mod entries;
mod entry;
mod frame;
mod keys;
mod layout;
mod leftover;
mod listing;
mod parts;
mod places;
mod plain;
mod row;
mod trouble;
mod voc;
mod yolo;

use std::fmt;
use std::path::{Path, PathBuf};

use super::Error;
pub use trouble::{Costs, Report, Trouble, TroubleKind};

/// One object in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Index into the dataset's names.
    pub class: usize,
    /// Centre x, centre y, width and height as shares of the image's. Single-precision numbers, as
    /// upstream keeps them.
    pub rect: [f64; 4],
    /// The outline as shares of the image's sides; empty where only the box is known.
    pub segment: Vec<[f32; 2]>,
}

/// An image that passed the checks, and its objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The file.
    pub image: PathBuf,
    /// Height and width in pixels, after the camera's orientation.
    pub size: (usize, usize),
    /// The objects; none in an image of background.
    pub labels: Vec<Label>,
}

/// A part of a dataset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Split {
    /// The images that passed, sorted by path.
    pub items: Vec<Item>,
    /// What the checks met.
    pub report: Report,
}

/// Which part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SplitName {
    /// Images to learn from.
    Train,
    /// Images to watch training by.
    Val,
    /// Images for the final measurement.
    Test,
}

impl SplitName {
    /// All of them.
    pub const ALL: [SplitName; 3] = [SplitName::Train, SplitName::Val, SplitName::Test];

    fn name(self) -> &'static str {
        match self {
            SplitName::Train => "train",
            SplitName::Val => "val",
            SplitName::Test => "test",
        }
    }
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How [`Dataset::split`] goes about it.
#[derive(Clone, Copy)]
pub struct SplitOptions<'a> {
    /// Keep the checks' results beside the labels, so that the next time only changed files are checked. A
    /// folder that cannot be written to is no error.
    pub cache: bool,
    /// Every object is of class 0, whatever the labels say.
    pub single_cls: bool,
    /// Where no list says which images are for training and which for validation: the share for training.
    pub share: f64,
    /// Called with the number of images checked and of all, from any thread.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

impl Default for SplitOptions<'_> {
    fn default() -> Self {
        Self { cache: true, single_cls: false, share: divide::SHARE, progress: None }
    }
}

/// A dataset's names and the places of its parts; no image is touched before [`Dataset::split`].
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Names of the classes, by index.
    pub names: Vec<String>,
    /// The data.yaml, or the folder given in its place.
    pub file: PathBuf,
    /// What is to be told of the description itself, as keys without effect.
    pub notes: Vec<String>,
    /// The folders that places are relative to, the better one first.
    bases: Vec<PathBuf>,
    /// Of train, val and test: folders, lists, globs or JSON files as written.
    places: [Vec<String>; 3],
    /// Whether train and val name the same images, which are to be divided.
    divided: bool,
}

impl Dataset {
    /// Reads a data.yaml as upstream's `check_dataset`, a COCO JSON, or a folder: of a data.yaml, of Pascal VOC, of several such,
    /// of COCO, or of images with YOLO's labels and a file of names such as `classes.txt`.
    ///
    /// In YAML, `train`, `val` and `test` are each a place or a list of places: a folder of images (those in
    /// its folders, too), a text file with an image a line, a glob, a VOC folder or one of its
    /// `ImageSets/Main/*.txt`, or a COCO JSON file. Places are relative to `path`, and that to the YAML's own
    /// folder, or where nothing is there, to the current one. `names` is a list or a map from index to name;
    /// `nc` may be left out. `download` is never run. A place that leads nowhere is looked for where it must have been meant
    /// (without `../`, in the YAML's own folder, `valid` for `val`), which is told, and so are keys without effect.
    ///
    /// For a VOC folder the names are those of all its objects, sorted; train is the list `train` or else
    /// `trainval`, val is `val` or else `test`. Where there is none for val, the images are divided by [`SplitOptions::share`].
    /// Other tools' layouts are read alike: `images` beside `annotations`, XML files beside the images, folders `train`, `valid`
    /// and `test` of these. For COCO, the names are those of its categories by id.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Description`].
    pub fn read(path: &Path) -> Result<Dataset, Error> {
        if path.is_dir() {
            layout::folder(path)
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            layout::file(path)
        } else {
            describe::yaml(path)
        }
    }

    /// Whether a place is named for this part.
    pub fn has(&self, which: SplitName) -> bool {
        !self.places[which as usize].is_empty()
    }

    /// Whether it is validated on COCO's own images, whose results have COCO's categories (v6.1 `is_coco`): by the list
    /// `coco/val2017.txt`, or by `instances_val2017.json`.
    pub fn is_coco(&self) -> bool {
        let list = |place: &str| self.bases.iter().any(|base| base.join(place).ends_with("coco/val2017.txt"));
        let own = |place: &String| list(place) || Path::new(place).ends_with("instances_val2017.json");
        self.places[SplitName::Val as usize].iter().any(own)
    }

    /// Finds and checks the images of one part, on all cores.
    ///
    /// An image or an object that does not pass is left out, counted by its kind and listed in the report. Checks are those
    /// of upstream's `verify_image_label`, but for: a bad row costs itself rather than its image, or, for a class beyond the
    /// names, the run; each row is a box or an outline by its own length; no image is rewritten.
    ///
    /// # Errors
    /// [`Error::NoSplit`], [`Error::Missing`], [`Error::NoImages`], [`Error::NoLabels`],
    /// [`Error::NoObjects`], [`Error::AllBroken`]; [`Error::Read`], [`Error::Glob`] and [`Error::Description`] for a list, a glob or
    /// a JSON file that cannot be understood.
    pub fn split(&self, which: SplitName, options: SplitOptions<'_>) -> Result<Split, Error> {
        let mut notes = Vec::new();
        let entries = entries::unique(entries::of(self, which, options.share, &mut notes)?);
        let mut split = check::all(self, which, &entries, &options);
        split.report.notes.splice(0..0, notes);
        if options.single_cls {
            let labels = split.items.iter_mut().flat_map(|item| &mut item.labels);
            labels.for_each(|label| label.class = 0);
        }
        let report = &split.report;
        if split.items.is_empty() {
            let first = report.messages.iter().find(|trouble| trouble.kind.is_fatal());
            let first = first.map(ToString::to_string).unwrap_or_default();
            return Err(Error::AllBroken { split: which, images: entries.len(), first });
        }
        let left_out = report.objects_left_out();
        if left_out > 0 && split.items.iter().all(|item| item.labels.is_empty()) {
            let first = report.messages.iter().find(|trouble| trouble.kind.costs() == Costs::Object);
            let first = first.map(ToString::to_string).unwrap_or_default();
            return Err(Error::NoObjects { split: which, left_out, first });
        }
        if report.found == 0 {
            let place = entries.first().map(|entry| entry.place()).unwrap_or_default();
            return Err(Error::NoLabels { split: which, images: entries.len(), place });
        }
        Ok(split)
    }
}
