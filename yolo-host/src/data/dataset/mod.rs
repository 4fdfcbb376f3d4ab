//! Labelled images: where a dataset's parts are, and what is in them once checked.
//!
//! Three forms are read: YOLO (images under `images`, text files under `labels`), Pascal VOC (folders
//! `JPEGImages`, `Annotations`, `ImageSets/Main`) and COCO (one JSON file a part). All become [`Item`]s, with
//! the same checks. A form is a [`formats::Format`].
//!
//! ```text
//! files, item, trouble                       what all use
//!  ├─ parts, names ─ description             what a dataset is said to hold
//!  ├─ frame ─ entry                          an image and its labels
//!  │   └─ formats (yolo, voc, coco)          their forms on the disk
//!  ├─ keys ─ yaml, folder                    what is given ─▶ a description
//!  ├─ places, divide ─ find                  a description ─▶ images
//!  └─ cache ─ check                          images ─▶ items and a report
//! ```

mod cache;
mod check;
mod description;
mod divide;
mod entry;
mod files;
mod find;
mod folder;
mod formats;
mod frame;
mod item;
mod keys;
mod names;
mod parts;
mod places;
mod trouble;
mod yaml;

use std::path::Path;

use super::Error;
pub use description::Dataset;
pub use item::{Item, Label, Split, SplitName, SplitOptions};
pub use trouble::{Costs, Report, Trouble, TroubleKind};

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
            return folder::folder(path);
        }
        let other = formats::FORMATS.iter().find_map(|format| format.file(path));
        other.unwrap_or_else(|| yaml::read(path))
    }

    /// Finds and checks the images of one part, on all cores.
    ///
    /// An image or an object that does not pass is left out, counted by its kind and listed in the report. Checks are those
    /// of upstream's `verify_image_label`, but for: a bad row costs itself rather than its image, or, for a class beyond the
    /// names, the run; each row is a box or an outline by its own length; no image is rewritten.
    ///
    /// # Errors
    /// [`Error::NoSplit`], [`Error::Missing`], [`Error::NoImages`], [`Error::NoLabels`],
    /// [`Error::NoObjects`], [`Error::AllBroken`]; [`Error::Read`], [`image::Error::Glob`](crate::image::Error::Glob) and
    /// [`Error::Description`] for a list, a glob or a JSON file that cannot be understood.
    pub fn split(&self, which: SplitName, options: SplitOptions<'_>) -> Result<Split, Error> {
        let mut notes = Vec::new();
        let entries = entry::unique(find::of(self, which, options.share, &mut notes)?);
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
            let place = entries.first().map(|entry| entry.labels.place()).unwrap_or_default();
            return Err(Error::NoLabels { split: which, images: entries.len(), place });
        }
        Ok(split)
    }
}
