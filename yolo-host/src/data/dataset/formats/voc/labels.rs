//! The XML file of an image as rows: objects in pixels, as the script in upstream's `VOC.yaml` converts them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::xml::{self, Annotation, number};
use crate::data::dataset::entry::Labels;
use crate::data::dataset::frame::{self, Counted, Head, Object, Row};
use crate::data::dataset::names::class_of;
use crate::data::dataset::trouble::{Fault, TroubleKind};
use crate::text;

/// The XML file of an image.
pub struct Xml(PathBuf);

impl Xml {
    /// As an image has it.
    pub fn of(file: PathBuf) -> Box<dyn Labels> {
        Box::new(Xml(file))
    }
}

impl Labels for Xml {
    fn file(&self) -> &Path {
        &self.0
    }

    fn rows(&self, head: Head, names: &[String], faults: &mut Vec<Fault>) -> Option<Result<Vec<Row>, Fault>> {
        self.0.is_file().then(|| rows(&self.0, head, names, faults))
    }
}

/// Adds the names of all objects in XML files. Broken files are left to the checks.
pub fn collect_names(files: &[PathBuf], names: &mut BTreeSet<String>) {
    for file in files {
        if let Ok(bytes) = text::bytes(file)
            && let Ok(annotation) = Annotation::read(&bytes)
        {
            let named = annotation.objects.into_iter().filter_map(|object| object.name);
            names.extend(named.filter(|name| !name.is_empty()));
        }
    }
}

/// The objects of an XML file as rows: those that cannot be used, those marked difficult and those of other names are left
/// out, with a message each kind.
fn rows(file: &Path, head: Head, names: &[String], faults: &mut Vec<Fault>) -> Result<Vec<Row>, Fault> {
    let broken = |why: String| (TroubleKind::BrokenLabels, why);
    let bytes = text::bytes(file).map_err(|cause| broken(cause.to_string()))?;
    let annotation =
        Annotation::read(&bytes).map_err(|why| broken(format!("'{}': {why}", file.display())))?;

    let mut objects = Vec::new();
    let most = head.size.0.max(head.size.1) as f64;
    for object in &annotation.objects {
        match read(object, names, most) {
            Ok((object, told)) => {
                faults.extend(told.map(|told| (TroubleKind::Mended, told)));
                objects.push(object);
            }
            Err(fault) => faults.push(fault),
        }
    }
    Ok(frame::rows(objects, size(&annotation, faults), Counted::FromOne, head, faults))
}

/// The size given, where it is one.
fn size(annotation: &Annotation, faults: &mut Vec<Fault>) -> Option<[f64; 2]> {
    let [width, height] = annotation.size.each_ref().map(|side| side.as_deref().unwrap_or_default());
    match (number(width, f64::MAX), number(height, f64::MAX)) {
        (Ok(width), Ok(height)) if width > 0.0 && height > 0.0 => Some([width, height]),
        // Tools that did not open the image write nothing or nought.
        (width_, height_) => {
            let absent = |text: &str, side: Result<f64, _>| text.is_empty() || side == Ok(0.0);
            if !(absent(width, width_) && absent(height, height_)) {
                let text =
                    format!("annotated at '{width}' x '{height}', which is no size: the image's own is used");
                faults.push((TroubleKind::OtherSize, text));
            }
            None
        }
    }
}

/// An object with its class, and a word where its name was not found as written; or why it is left out. `most` is the image's
/// longer side.
fn read(object: &xml::Object, names: &[String], most: f64) -> Result<(Object, Option<String>), Fault> {
    let unusable = |why: String| (TroubleKind::Unusable, why);
    let name = object.name.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| unusable("an object has no name".into()))?;
    let (class, same) = class_of(name, names)
        .ok_or_else(|| (TroubleKind::OtherClass, format!("class '{name}' is not among the names")))?;
    let difficult = object.difficult.as_deref().unwrap_or_default();
    // Empty or a word as 'Unspecified' is no mark.
    if difficult.eq_ignore_ascii_case("true") || number(difficult, 0.0) == Ok(1.0) {
        return Err((TroubleKind::Difficult, format!("'{name}' is marked difficult")));
    }
    let numbers = |texts: &[Option<String>]| -> Result<Vec<f64>, Fault> {
        let texts = texts.iter().flatten();
        texts.map(|text| number(text, most).map_err(|why| unusable(format!("'{name}': {why}")))).collect()
    };
    let points = |flat: &[f64]| flat.as_chunks::<2>().0.to_vec();
    let told = (!same).then(|| format!("class '{name}' is taken as '{}'", names[class]));
    let (corners, turned) = (numbers(&object.corners)?, numbers(&object.turned)?);
    if let &[left, top, right, bottom] = corners.as_slice() {
        return Ok((Object { class, corners: [left, top, right, bottom], outline: vec![] }, told));
    }
    if let &[x, y, width, height, angle] = turned.as_slice() {
        let (sin, cos) = angle.sin_cos();
        let corner = |[right, down]: [f64; 2]| {
            let (across, along) = (right * width / 2.0, down * height / 2.0);
            [x + across * cos - along * sin, y + across * sin + along * cos]
        };
        let outline = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(corner).to_vec();
        return Ok((Object::of_outline(class, outline), told));
    }
    let flat: Vec<Option<String>> = object.polygon.iter().cloned().map(Some).collect();
    let flat = numbers(&flat)?;
    if flat.len() >= 6 && flat.len() % 2 == 0 {
        return Ok((Object::of_outline(class, points(&flat)), told));
    }
    Err(unusable(match (corners.len(), object.others.as_slice()) {
        (_, [shape, ..]) => format!("'{name}' has a <{shape}>, but no box"),
        (0, []) => format!("'{name}' has no <bndbox>"),
        (_, []) => format!("the <bndbox> of '{name}' is not whole"),
    }))
}
