//! Which files a `--source` names: one picture, a folder of them, or a glob.

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

/// The pictures that `source` names, sorted by path, as YOLOv5's `LoadImages` finds them.
///
/// - a file: itself;
/// - a folder: the pictures right in it, hidden ones left out;
/// - a glob (`*`, `?`, `[…]`, and `**` for folders at any depth, links to folders not followed): what it matches.
///
/// A name that exists is taken as it stands, so that `photo[1].jpg` needs no escaping. Only files with one of
/// [`EXTENSIONS`] count, upper or lower case; content is not looked at.
///
/// # Errors
/// [`Error::NoSuchSource`] when nothing has that name, [`Error::Glob`] for a malformed pattern,
/// [`Error::Read`] for a folder that cannot be listed, and [`Error::NoPictures`] when no picture is left.
pub fn sources(source: &str) -> Result<Vec<PathBuf>, Error> {
    let path = Path::new(source);
    let mut files = if path.is_dir() {
        listed(path)?
    } else if path.exists() {
        vec![path.to_path_buf()]
    } else if source.contains(['*', '?', '[']) {
        matched(source)?
    } else {
        return Err(Error::NoSuchSource { named: source.to_owned() });
    };
    files.retain(|file| is_picture(file) && file.is_file());
    // As strings, as upstream sorts them: `Path` compares folder by folder and orders "a/x" before "a-b/x".
    files.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    if files.is_empty() { Err(Error::NoPictures { named: source.to_owned() }) } else { Ok(files) }
}

/// The entries of a folder that are not hidden, in no order.
pub(super) fn listed(folder: &Path) -> Result<Vec<PathBuf>, Error> {
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
pub(super) fn matched(pattern: &str) -> Result<Vec<PathBuf>, Error> {
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

pub(super) fn is_picture(file: &Path) -> bool {
    let extension = file.extension().unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The extension in lower case, without what a site's downloads have behind it: `jpg` of `a.JPG_large`.
pub(super) fn plain_extension(file: &Path) -> String {
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
    fn a_folder_gives_its_pictures_in_order_of_bytes() {
        assert_eq!(found(&FILES, "").expect("pictures"), ["B.jpeg", "a.PNG", "b.jpg"]);
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
        assert_eq!(
            found(&["photo[1].jpg", "photo1.jpg"], "photo[1].jpg").expect("picture"),
            ["photo[1].jpg"]
        );
    }

    #[test]
    fn a_glob_stays_in_its_folder_unless_told() {
        assert_eq!(found(&FILES, "*.jp*g").expect("pictures"), ["B.jpeg", "b.jpg"]);
        assert_eq!(found(&FILES, "?.jpg").expect("pictures"), ["b.jpg"]);
        let all = ["B.jpeg", "a.PNG", "b.jpg", "deep-er/d.jpg", "deep/c.webp", "deep/er/e.tif"];
        assert_eq!(found(&FILES, "**/*.*").expect("pictures"), all);
        assert_eq!(found(&FILES, "**").expect("pictures"), all);
    }

    #[test]
    fn nothing_found_says_why() {
        let message = |pattern| found(&FILES, pattern).expect_err("nothing there").to_string();
        assert!(message("missing.jpg").contains("does not exist"));
        assert!(message("*.avif").contains("no pictures in"));
        assert!(message("note.txt").contains("bmp, dib, gif"));
        assert!(message("***.jpg").contains("not a valid glob"));
        assert!(sources("0").expect_err("no camera").to_string().contains("cameras"));
    }
}
