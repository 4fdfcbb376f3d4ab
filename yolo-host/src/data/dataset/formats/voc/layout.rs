//! Where the parts of a Pascal VOC folder are, as tools lay them out.

use std::path::{Path, PathBuf};

use super::files::{beside, is_xml};
use super::root::Root;
use crate::data::Error;
use crate::data::dataset::files;
use crate::data::dataset::parts::{Places, by_part};
use crate::image::sources::is_image;

/// Folders that hold nothing but the next one.
const DEPTH: usize = 4;

/// The parts of a folder; nothing where it has no XML files in any layout that is known.
pub fn places(folder: &Path) -> Result<Option<Places>, Error> {
    within(folder, DEPTH)
}

fn within(folder: &Path, depth: usize) -> Result<Option<Places>, Error> {
    let listed = |of| Ok(Some(Places { of, divided: false }));
    if let Some(root) = Root::find(folder) {
        let places = by_part(&root.images)?;
        if root.train().is_none() && root.val().is_none() && !places[0].is_empty() {
            return Ok(Some(Places::completed(places)));
        }
        let own = || vec![folder.to_path_buf()];
        return listed([own(), own(), if root.test().is_some() { own() } else { vec![] }]);
    }
    let holds_xml = |folder: &PathBuf| files::below(folder, is_xml).is_ok_and(|files| !files.is_empty());
    let mut places = by_part(folder)?;
    places.iter_mut().for_each(|places| places.retain(holds_xml));
    if !places[0].is_empty() {
        return Ok(Some(Places::completed(places)));
    }
    let mut folders = files::listed(folder)?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    let roots: Vec<Root> = folders.iter().filter_map(|folder| Root::find(folder)).collect();
    if !roots.is_empty() {
        let lists = |pick: fn(&Root) -> Option<&PathBuf>| roots.iter().filter_map(pick).cloned().collect();
        let places: [Vec<PathBuf>; 3] = [lists(Root::train), lists(Root::val), lists(Root::test)];
        let folders: Vec<PathBuf> = roots.iter().map(|root| root.folder.clone()).collect();
        return listed(if places[1].is_empty() { [folders.clone(), folders, vec![]] } else { places });
    }
    let own = files::listed(folder)?.iter().any(|file| is_image(file) && file.is_file());
    if let [only] = folders.as_slice()
        && depth > 0
        && !own
        && let found @ Some(_) = within(only, depth - 1)?
    {
        return Ok(found);
    }
    let images = files::below(folder, is_image)?;
    let flat = beside(&images).is_some();
    Ok(flat.then(|| Places::shared(folder.to_path_buf())))
}
