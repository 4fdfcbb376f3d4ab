//! Which files a source names: one image, a folder of them, a glob, or a list in a text file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Error;

/// Extensions of image files, in lower case without the dot: those that upstream's `IMG_FORMATS` and OpenCV know and that
/// are read here. They only select files; what a file is is told from its content. An `mpo` is a JPEG with more images
/// behind it, `jfif`, `jpe` and `jpg_large` are JPEG by other names.
pub const EXTENSIONS: [&str; 16] = [
    "bmp",
    "dib",
    "gif",
    "j2k",
    "jfif",
    "jp2",
    "jpe",
    "jpeg",
    "jpg",
    "jpg_large",
    "mpo",
    "png",
    "png_large",
    "tif",
    "tiff",
    "webp",
];

/// Suffixes of videos, which people give for images.
const VIDEOS: [&str; 12] =
    ["asf", "avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ts", "webm", "wmv"];

/// What sources name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Image files, those of each source sorted by path.
    pub files: Vec<PathBuf>,
    /// How many files of folders and globs were passed over, by suffix, as they are no images.
    pub others: BTreeMap<String, usize>,
}

impl Sources {
    /// What several sources name, one after another. Each is
    ///
    /// - a file: itself;
    /// - a folder: the images right in it, hidden ones left out, as YOLOv5's `LoadImages` finds them;
    /// - a glob (`*`, `?`, `[…]`, and `**` for folders at any depth, links to folders not followed): what it matches;
    /// - a file `….txt`: a list of these, one a line. What is not there as it stands is looked for beside the list.
    ///
    /// A name that exists is taken as it stands, so that `photo[1].jpg` needs no escaping. Only files with one of
    /// [`EXTENSIONS`] count, upper or lower case; content is not looked at.
    ///
    /// # Errors
    /// [`Error::NoSuchSource`] when nothing has that name, [`Error::SourceKind`] for a video, a camera or an address,
    /// [`Error::Glob`] for a malformed pattern, [`Error::Read`] for a folder or a list that cannot be read,
    /// [`Error::List`] for a line of a list, and [`Error::NoImages`] when no image is left.
    pub fn find<S: AsRef<str>>(named: &[S]) -> Result<Self, Error> {
        let mut found = Sources::default();
        named.iter().try_for_each(|source| found.add(source.as_ref()))?;
        Ok(found)
    }

    fn add(&mut self, named: &str) -> Result<(), Error> {
        let list = Path::new(named);
        if !has_suffix(list, &["txt"]) || !list.is_file() {
            return self.add_files(named);
        }
        let text = crate::text::read(list)?;
        let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
        let before = self.files.len();
        for (i, line) in lines {
            let beside = list.parent().unwrap_or(Path::new("")).join(line);
            let there = Path::new(line).exists() || !beside.exists();
            let line = if there { line.into() } else { beside.to_string_lossy() };
            self.add_files(&line).map_err(|cause| Error::List {
                path: list.to_path_buf(),
                line: i + 1,
                cause: Box::new(cause),
            })?;
        }
        match self.files.len() > before {
            true => Ok(()),
            false => Err(Error::NoImages { named: named.to_owned(), there: String::new() }),
        }
    }

    fn add_files(&mut self, named: &str) -> Result<(), Error> {
        let path = Path::new(named);
        let found = if path.is_dir() {
            listed(path)?
        } else if path.exists() {
            vec![path.to_path_buf()]
        } else if named.contains(['*', '?', '[']) && !named.contains("://") {
            matched(named)?
        } else {
            return Err(not_there(named));
        };
        let whole = found.into_iter().filter(|file| file.is_file());
        let (mut files, others): (Vec<_>, Vec<_>) = whole.partition(|file| is_image(file));
        if files.is_empty() {
            let video = others.iter().any(|file| has_suffix(file, &VIDEOS));
            return Err(if video { kind(named, "a video", FRAMES) } else { no_images(named, &others) });
        }
        // As strings, as upstream sorts them: `Path` compares folder by folder and orders "a/x" before "a-b/x".
        files.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        self.files.append(&mut files);
        others.iter().for_each(|file| *self.others.entry(suffix(file)).or_default() += 1);
        Ok(())
    }
}

const FRAMES: &str =
    "take its frames as images, for example with `ffmpeg -i VIDEO frames/%06d.png`, and give that folder";

/// What is wrong with a source that is no file here.
fn not_there(named: &str) -> Error {
    let scheme = named.split_once("://").map(|(scheme, _)| scheme.to_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => {
            kind(named, "an address", "nothing is downloaded: save the image, and give the file")
        }
        Some(_) => kind(named, "a stream", FRAMES),
        None if !named.is_empty() && named.bytes().all(|byte| byte.is_ascii_digit()) => {
            kind(named, "a camera", "only images in files are: save its images to a folder, and give that")
        }
        None => Error::NoSuchSource { named: named.to_owned() },
    }
}

fn kind(named: &str, what: &'static str, instead: &'static str) -> Error {
    Error::SourceKind { named: named.to_owned(), what, instead }
}

fn no_images(named: &str, others: &[PathBuf]) -> Error {
    let mut counts = BTreeMap::new();
    others.iter().for_each(|file| *counts.entry(suffix(file)).or_default() += 1);
    Error::NoImages { named: named.to_owned(), there: counted(&counts) }
}

/// Numbers of files by suffix as a message shows them: `3 .txt, 1 .mp4`.
pub fn counted(others: &BTreeMap<String, usize>) -> String {
    let parts: Vec<String> = others.iter().map(|(suffix, count)| format!("{count} {suffix}")).collect();
    parts.join(", ")
}

/// A file's suffix as messages show it.
fn suffix(file: &Path) -> String {
    match file.extension() {
        Some(extension) => format!(".{}", extension.to_string_lossy().to_lowercase()),
        None => "without a suffix".to_string(),
    }
}

fn has_suffix(file: &Path, suffixes: &[&str]) -> bool {
    let extension = file.extension().unwrap_or_default();
    suffixes.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The images that one source names; see [`Sources::find`].
///
/// # Errors
/// Those of [`Sources::find`].
pub fn sources(source: &str) -> Result<Vec<PathBuf>, Error> {
    Ok(Sources::find(&[source])?.files)
}

/// The entries of a folder that are not hidden, in no order.
pub(crate) fn listed(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |cause| Error::Read { path: folder.to_path_buf(), cause };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// What a glob matches, by the rules of Python's `glob.glob(…, recursive=True)`: hidden names need their dot,
/// and folders that cannot be read are passed over.
pub(crate) fn matched(pattern: &str) -> Result<Vec<PathBuf>, Error> {
    let rules = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    // A closing `**` stands for folders only in this crate, for files as well in Python.
    let files = if pattern.ends_with("**") { format!("{pattern}/*") } else { pattern.to_owned() };
    let paths =
        glob::glob_with(&files, rules).map_err(|cause| Error::Glob { named: pattern.to_owned(), cause })?;
    Ok(paths.filter_map(Result::ok).collect())
}

pub(crate) fn is_image(file: &Path) -> bool {
    has_suffix(file, &EXTENSIONS)
}

/// The extension in lower case, without what a site's downloads have behind it: `jpg` of `a.JPG_large`.
pub(crate) fn plain_extension(file: &Path) -> String {
    let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    extension.split('_').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the given empty files, and the names that `sources` finds by `pattern` below it.
    fn found(files: &[&str], pattern: &str) -> Result<Vec<String>, Error> {
        let root = tempfile::tempdir().expect("temporary folder");
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(path, []).expect("file");
        }
        let names = sources(&format!("{}/{pattern}", root.path().display()))?;
        Ok(names
            .iter()
            .map(|name| name.strip_prefix(root.path()).expect("below root").display().to_string())
            .collect())
    }

    const FILES: [&str; 9] = [
        "b.jpg",
        "a.PNG",
        "B.jpeg",
        "note.txt",
        ".hidden.jpg",
        "raw.dng",
        "deep/c.webp",
        "deep-er/d.jpg",
        "deep/er/e.tif",
    ];

    #[test]
    fn a_folder_gives_its_images_in_order_of_bytes() {
        assert_eq!(found(&FILES, "").expect("images"), ["B.jpeg", "a.PNG", "b.jpg"]);
    }

    #[test]
    fn every_name_of_an_image_counts() {
        let files = [
            "a.jfif",
            "b.JPE",
            "c.JPG_large",
            "d.gif",
            "e.JP2",
            "f.dib",
            "g.avif",
            "h.jpg~",
            "i.jpg_original",
        ];
        assert_eq!(found(&files, "").expect("images"), &files[..6]);
    }

    #[test]
    fn a_file_gives_itself_whatever_its_name_means_as_a_glob() {
        assert_eq!(found(&["photo[1].jpg", "photo1.jpg"], "photo[1].jpg").expect("image"), ["photo[1].jpg"]);
    }

    #[test]
    fn a_glob_stays_in_its_folder_unless_told() {
        assert_eq!(found(&FILES, "*.jp*g").expect("images"), ["B.jpeg", "b.jpg"]);
        assert_eq!(found(&FILES, "?.jpg").expect("images"), ["b.jpg"]);
        let all = ["B.jpeg", "a.PNG", "b.jpg", "deep-er/d.jpg", "deep/c.webp", "deep/er/e.tif"];
        assert_eq!(found(&FILES, "**/*.*").expect("images"), all);
        assert_eq!(found(&FILES, "**").expect("images"), all);
    }

    #[test]
    fn nothing_found_says_why() {
        let message = |pattern| found(&FILES, pattern).expect_err("nothing there").to_string();
        assert!(message("missing.jpg").contains("does not exist"));
        assert!(message("*.avif").contains("no images in"));
        assert!(message("note.*").contains("(there: 1 .txt)"), "{}", message("note.*"));
        assert!(message("raw.dng").contains("bmp, dib, gif"));
        assert!(message("***.jpg").contains("not a valid glob"));
        let other = |source| sources(source).expect_err("no file").to_string();
        assert!(other("0").contains("camera"));
        assert!(other("https://a.org/b.jpg?c=1").contains("downloaded"));
        assert!(other("rtsp://a.org/b").contains("stream"));
        assert!(found(&["a.MP4"], "a.MP4").expect_err("a video").to_string().contains("ffmpeg"));
    }

    #[test]
    fn several_sources_follow_one_another() {
        let root = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| root.path().join(name).display().to_string();
        for name in ["a.jpg", "z.png", "sub/b.jpg", "sub/b.txt", "sub/c.xml", "sub/d.txt", "sub/e"] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(path, []).expect("file");
        }
        fs::write(root.path().join("list.txt"), format!("z.png\r\n\n  {}\nsub\n", at("a.jpg")))
            .expect("list");
        let found = Sources::find(&[at("list.txt"), at("a.jpg")]).expect("images");
        assert_eq!(found.files, ["z.png", "a.jpg", "sub/b.jpg", "a.jpg"].map(|name| PathBuf::from(at(name))));
        assert_eq!(counted(&found.others), "2 .txt, 1 .xml, 1 without a suffix");
        fs::write(root.path().join("list.txt"), "a.jpg\nlost.jpg\n").expect("list");
        let wrong = Sources::find(&[at("list.txt")]).expect_err("a line").to_string();
        assert!(wrong.contains("list.txt', line 2") && wrong.contains("lost.jpg"), "{wrong}");
        fs::write(root.path().join("list.txt"), "\n").expect("list");
        assert!(Sources::find(&[at("list.txt")]).is_err());
    }
}
