//! Which XML file belongs to which image: by name, whatever the case and the suffix.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::data::Error;
use crate::data::dataset::files;

/// Names of folders of images, VOC's own first, in lower case.
pub const IMAGES: [&str; 6] = ["jpegimages", "images", "image", "imgs", "img", "photos"];

/// Names of folders of XML files, VOC's own first, in lower case.
pub const ANNOTATIONS: [&str; 6] = ["annotations", "annotation", "xmls", "xml", "annots", "labels"];

/// Of these files and folders the folder of that name, in whatever case.
pub fn subfolder(listed: &[PathBuf], name: &str) -> Option<PathBuf> {
    let like = |path: &&PathBuf| path.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name));
    let differs = |path: &&PathBuf| path.file_name().is_some_and(|own| own != name);
    let found = listed.iter().filter(like).filter(|path| path.is_dir());
    found.min_by_key(|path| (differs(path), path.as_os_str().to_owned())).cloned()
}

/// Whether a file is XML by its suffix.
pub fn is_xml(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"))
}

/// Files below a folder, to be found by their names without suffix.
pub struct Index {
    /// By the path within the folder, in lower case.
    paths: HashMap<String, Vec<PathBuf>>,
    /// The keys of `paths` by their last part.
    stems: HashMap<String, Vec<String>>,
}

/// A path within a folder without suffix, its parts divided by `/`.
fn key(folder: &Path, file: &Path) -> String {
    let within = file.strip_prefix(folder).unwrap_or(file).with_extension("");
    let parts: Vec<_> = within.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

impl Index {
    /// Of these files, which lie below `folder`.
    pub fn new(folder: &Path, files: Vec<PathBuf>) -> Self {
        let mut index = Index { paths: HashMap::new(), stems: HashMap::new() };
        for file in files {
            let key = key(folder, &file).to_lowercase();
            let of_key = index.paths.entry(key.clone()).or_default();
            if of_key.is_empty() {
                let stem = key.rsplit('/').next().unwrap_or_default().to_owned();
                index.stems.entry(stem).or_default().push(key);
            }
            of_key.push(file);
        }
        index
    }

    /// Of all files below `folder` that `keep` takes.
    pub fn below(folder: &Path, keep: fn(&Path) -> bool) -> Result<Self, Error> {
        Ok(Self::new(folder, files::below(folder, keep)?))
    }

    /// The file of a name without suffix, or of a path that ends in it, where only one folder has it.
    pub fn get(&self, name: &str) -> Option<&PathBuf> {
        let key = name.to_lowercase();
        let stem = key.rsplit('/').next().unwrap_or_default();
        let files = self.paths.get(&key).or_else(|| match self.stems.get(stem)?.as_slice() {
            [only] => self.paths.get(only),
            _ => None,
        })?;
        let own = name.rsplit('/').next().unwrap_or_default();
        let differs = |file: &PathBuf| file.file_stem().is_none_or(|stem| stem != own);
        let no_jpeg =
            |file: &PathBuf| file.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("jpg"));
        files.iter().min_by_key(|file| (differs(file), no_jpeg(file), file.as_os_str().to_owned()))
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.values().flatten()
    }

    /// The file that belongs to another one, which lies below `folder`.
    pub fn partner(&self, folder: &Path, file: &Path) -> Option<&PathBuf> {
        self.get(&key(folder, file))
    }
}

/// The XML files of images, which lie beside them, or in a folder of annotations beside the folder of images. Nothing where
/// there is not one; where only some have none, where they should be.
pub fn beside(images: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let mut known: HashMap<PathBuf, Vec<Index>> = HashMap::new();
    let mut any = false;
    let mut find = |image: &PathBuf| {
        let folder = image.parent().unwrap_or(Path::new("")).to_path_buf();
        let indices = known.entry(folder).or_insert_with_key(|folder| {
            let listed = |folder: PathBuf| {
                let mut files = files::listed(&folder).unwrap_or_default();
                files.retain(|file| is_xml(file));
                Index::new(&folder, files)
            };
            folders(folder).into_iter().map(listed).collect()
        });
        let stem = image.file_stem().unwrap_or_default().to_string_lossy();
        let found = indices.iter().find_map(|index| index.get(&stem)).cloned();
        any |= found.is_some();
        found.unwrap_or_else(|| image.with_extension("xml"))
    };
    let files = images.iter().map(&mut find).collect();
    any.then_some(files)
}

/// Where the XML files of a folder of images may be.
fn folders(images: &Path) -> Vec<PathBuf> {
    let mut folders = vec![images.to_path_buf()];
    for above in images.ancestors() {
        let name = above.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if let Some(parent) = above.parent()
            && IMAGES.contains(&name.as_str())
        {
            let deeper = images.strip_prefix(above).unwrap_or(Path::new(""));
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            let listed = files::listed(parent).unwrap_or_default();
            for annotations in ANNOTATIONS.iter().filter_map(|name| subfolder(&listed, name)) {
                folders.extend([annotations.join(deeper), annotations]);
            }
        }
    }
    folders
}
