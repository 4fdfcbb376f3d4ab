//! Which model a name means: a file, one of the folder `models`, or one that is built in.

use super::{Error, Spec};
use crate::near::near;
use std::path::{Component, Path, PathBuf};

/// The files of `models/`: names and texts.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/models.rs"));

impl Spec {
    /// The models that are built in: names of files, and their texts.
    pub fn built_in() -> &'static [(&'static str, &'static str)] {
        BUILT_IN
    }

    /// Reads the model that `path` means: the file as it stands, the one of that name in the folder `models` of the current
    /// folder, or the one that is built in (`yolov5s.yaml`, and upstream's places `models/…` and `models/hub/…`). The
    /// suffix may be left out.
    ///
    /// # Errors
    /// [`Error::NoSuchModel`] when there is none, and those of [`Spec::read`].
    pub fn find(path: &Path) -> Result<Self, Error> {
        let mut whole = path.as_os_str().to_owned();
        whole.push(".yaml");
        let named = [path.to_path_buf(), PathBuf::from(whole)];
        let places = named.iter().cloned().chain(named.iter().map(|file| Path::new("models").join(file)));
        // A pipe is read as well; a folder is something else that has the name by chance.
        if let Some(file) = places.into_iter().find(|file| file.exists() && !file.is_dir()) {
            return Self::read(&file);
        }
        if path.is_dir() {
            return Self::read(path);
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let known = || BUILT_IN.iter().map(|(file, _)| file.trim_end_matches(".yaml"));
        let place = BUILT_IN.iter().zip(known()).find(|(_, known)| *known == name);
        if let Some(((file, text), _)) = place.filter(|_| in_upstreams_folders(path)) {
            return Self::parse(text, &format!("{file} (built in)"));
        }
        let near = near(&name, known());
        let named = if near.is_empty() { known().collect() } else { near };
        Err(Error::NoSuchModel { file: path.into(), built_in: named.join(", ") })
    }
}

/// Whether a file lies where upstream has its models, or nowhere in particular.
fn in_upstreams_folders(file: &Path) -> bool {
    let folders = file.parent().unwrap_or(Path::new("")).components();
    folders.into_iter().all(|part| match part {
        Component::CurDir => true,
        Component::Normal(name) => name == "models" || name == "hub",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_models_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap().to_string();
            let text = std::fs::read_to_string(&file).unwrap();
            // The current folder of a test is the crate's, which has no models/.
            for path in [name.clone(), name.replace(".yaml", ""), format!("models/hub/{name}")] {
                assert_eq!(Spec::find(Path::new(&path)).unwrap().text, text, "{path}");
            }
            count += 1;
        }
        assert_eq!(count, Spec::built_in().len());
    }

    #[test]
    fn a_file_goes_before_what_is_built_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("yolov5s.yaml");
        let elsewhere = Spec::find(&file).unwrap_err().to_string();
        assert!(elsewhere.contains("no such model file") && elsewhere.contains("yolov5s, "), "{elsewhere}");
        let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "yolov5n.yaml").unwrap();
        std::fs::write(&file, text).unwrap();
        assert_eq!(Spec::find(&file).unwrap().text, *text);
        assert_eq!(Spec::find(&folder.path().join("yolov5s")).unwrap().text, *text);
        let unlike = Spec::find(Path::new("q")).unwrap_err().to_string();
        assert!(BUILT_IN.iter().all(|(name, _)| unlike.contains(name.trim_end_matches(".yaml"))), "{unlike}");
    }
}
