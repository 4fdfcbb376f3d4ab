//! What a folder without a data.yaml holds: Pascal VOC and COCO as tools lay them out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::parts::{Places, by_part, complete, part_of, stem};
use super::voc::{self, Root, is_xml};
use super::{Dataset, Error, SplitName, coco, describe, listing, plain};
use crate::image::sources::is_image;

/// More JSON files than COCO's annotations have: then there is one for each image, which is another form.
const MOST_JSON: usize = 50;

/// Folders that hold nothing but the next one.
const DEPTH: usize = 4;

/// Reads a folder.
pub fn folder(path: &Path) -> Result<Dataset, Error> {
    if let Some(yaml) = own_yaml(path)? {
        return describe::yaml(&yaml);
    }
    if let Some(places) = voc(path, DEPTH)? {
        let mut names = BTreeSet::new();
        voc::collect_names(&listing::below(path, is_xml)?, &mut names);
        if names.is_empty() {
            let why = "no objects in the XML files of its folder Annotations".into();
            return Err(Error::Description { path: path.to_path_buf(), why });
        }
        return Ok(dataset(path, path, places, names.into_iter().collect()));
    }
    let mut files = listing::below(path, is_json)?;
    files.retain(|file| coco_part(path, file).is_some());
    if files.iter().any(|file| is_instances(file)) {
        files.retain(|file| is_instances(file));
    }
    files.sort();
    if !files.is_empty() && files.len() <= MOST_JSON {
        return json(path, path, &files);
    }
    if let Some((places, names)) = plain::folder(path)? {
        return Ok(dataset(path, path, places, names));
    }
    Err(Error::Description { path: path.to_path_buf(), why: unknown(path)? })
}

/// Reads a COCO JSON named in place of a data.yaml, and those beside it that are of other parts.
pub fn file(path: &Path) -> Result<Dataset, Error> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut files = vec![path.to_path_buf()];
    let part = |file: &Path| coco_part(folder, file).flatten();
    if let Some(own) = part(path) {
        // instances_train.json and instances_val.json differ in the part alone.
        let like = |file: &Path| stem(file).replace(own, "");
        let named = |file: &Path, other: &str| stem(file).replace(other, "") == like(path);
        let beside = listing::listed(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
        let others = beside.into_iter().filter(|file| is_json(file) && file != path);
        files.extend(others.filter(|file| part(file).is_some_and(|other| named(file, other))));
    }
    json(path, folder, &files)
}

fn json(path: &Path, folder: &Path, files: &[PathBuf]) -> Result<Dataset, Error> {
    let mut places = [const { Vec::new() }; 3];
    for file in files {
        let at = match coco_part(folder, file).flatten() {
            Some("val") => SplitName::Val,
            Some("test") => SplitName::Test,
            _ => SplitName::Train,
        };
        places[at as usize].push(file.clone());
    }
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let names = coco::names(&paths)?;
    if names.is_empty() {
        let why = "has no `categories` with names: name them in a data.yaml".into();
        return Err(Error::Description { path: files[0].clone(), why });
    }
    let divided = complete(&mut places);
    Ok(dataset(path, folder, (places, divided), names))
}

fn dataset(path: &Path, folder: &Path, (places, divided): Places, names: Vec<String>) -> Dataset {
    let within = |place: PathBuf| place.strip_prefix(folder).unwrap_or(&place).display().to_string();
    let places = places.map(|places| places.into_iter().map(within).collect());
    Dataset {
        names,
        file: path.to_path_buf(),
        bases: vec![folder.to_path_buf()],
        places,
        divided,
        notes: vec![],
    }
}

/// A data.yaml within the folder.
fn own_yaml(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let mut files = listing::listed(folder)?;
    files.retain(|file| {
        let yaml =
            |suffix: &std::ffi::OsStr| ["yaml", "yml"].iter().any(|known| suffix.eq_ignore_ascii_case(known));
        let says = |text: String| {
            ["names:", "train:"].iter().all(|key| text.lines().any(|line| line.starts_with(key)))
        };
        file.extension().is_some_and(yaml) && listing::text(file).is_ok_and(says)
    });
    let data = files.iter().find(|file| ["data", "dataset"].contains(&stem(file).as_str()));
    if data.is_none() && files.len() > 1 {
        files.sort();
        let named = files.iter().map(|file| format!("'{}'", file.display())).collect::<Vec<_>>().join(", ");
        let why = format!("holds several descriptions of datasets: give one of {named}");
        return Err(Error::Description { path: folder.to_path_buf(), why });
    }
    Ok(data.or(files.first()).cloned())
}

fn voc(folder: &Path, depth: usize) -> Result<Option<Places>, Error> {
    if let Some(root) = Root::find(folder) {
        let mut places = by_part(&root.images)?;
        if root.train().is_none() && root.val().is_none() && !places[0].is_empty() {
            let divided = complete(&mut places);
            return Ok(Some((places, divided)));
        }
        let own = || vec![folder.to_path_buf()];
        return Ok(Some(([own(), own(), if root.test().is_some() { own() } else { vec![] }], false)));
    }
    let holds_xml = |folder: &PathBuf| listing::below(folder, is_xml).is_ok_and(|files| !files.is_empty());
    let mut places = by_part(folder)?;
    places.iter_mut().for_each(|places| places.retain(holds_xml));
    if !places[0].is_empty() {
        let divided = complete(&mut places);
        return Ok(Some((places, divided)));
    }
    let mut folders = listing::listed(folder)?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    let roots: Vec<Root> = folders.iter().filter_map(|folder| Root::find(folder)).collect();
    if !roots.is_empty() {
        let lists = |pick: fn(&Root) -> Option<&PathBuf>| roots.iter().filter_map(pick).cloned().collect();
        let places: [Vec<PathBuf>; 3] = [lists(Root::train), lists(Root::val), lists(Root::test)];
        let folders: Vec<PathBuf> = roots.iter().map(|root| root.folder.clone()).collect();
        return Ok(Some(match places[1].is_empty() {
            true => ([folders.clone(), folders, vec![]], false),
            false => (places, false),
        }));
    }
    let own = listing::listed(folder)?.iter().any(|file| is_image(file) && file.is_file());
    if let [only] = folders.as_slice()
        && depth > 0
        && !own
        && let found @ Some(_) = voc(only, depth - 1)?
    {
        return Ok(found);
    }
    let images = listing::below(folder, is_image)?;
    let flat = voc::beside(&images).is_some();
    Ok(flat.then(|| ([vec![folder.to_path_buf()], vec![folder.to_path_buf()], vec![]], true)))
}

fn is_json(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

fn is_instances(file: &Path) -> bool {
    stem(file).starts_with("instances")
}

/// The part that a JSON file is of, if its name or its folder's says so; nothing at all for COCO's files of other tasks.
fn coco_part(folder: &Path, file: &Path) -> Option<Option<&'static str>> {
    const OTHERS: [&str; 6] =
        ["captions", "person_keypoints", "panoptic", "stuff", "image_info", "predictions"];
    let name = stem(file);
    if OTHERS.iter().any(|other| name.starts_with(other)) || name.ends_with(".cache") {
        return None;
    }
    let within = file.parent().and_then(|parent| parent.strip_prefix(folder).ok());
    let above = within.map(|within| within.to_string_lossy().to_lowercase());
    Some(part_of(&name).or_else(|| part_of(&above.unwrap_or_default())))
}

/// What is in a folder that is no dataset, and what was looked for.
fn unknown(folder: &Path) -> Result<String, Error> {
    let (mut folders, mut files) = (Vec::new(), BTreeMap::new());
    for path in listing::listed(folder)? {
        if path.is_dir() {
            folders.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        } else {
            let suffix = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            *files.entry(suffix).or_insert(0_usize) += 1;
        }
    }
    folders.sort();
    let kinds = files.iter().map(|(suffix, count)| match suffix.is_empty() {
        true => format!("{count} without suffix"),
        false => format!("{count} .{suffix}"),
    });
    let mut there: Vec<String> = kinds.collect();
    if !folders.is_empty() {
        let shown = folders.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        there.insert(0, format!("the folders {shown}{}", if folders.len() > 8 { ", …" } else { "" }));
    }
    let there = if there.is_empty() { "nothing".into() } else { there.join(", ") };
    Ok(format!(
        "not a dataset: it holds {there}; expected a data.yaml, a Pascal VOC folder with JPEGImages and Annotations (or images \
         and annotations, or XML files beside the images), COCO's annotations/*.json, or images and YOLO's labels with a classes.txt"
    ))
}
