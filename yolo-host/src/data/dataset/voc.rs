//! Pascal VOC: an XML file a picture, boxes in pixels, converted as the script in upstream's `VOC.yaml` does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Error;
use super::check::{Fault, Row, TroubleKind};
use super::entries::{self, Entry, Source};
use crate::data::EXTENSIONS;

const PICTURES: &str = "JPEGImages";
const ANNOTATIONS: &str = "Annotations";

/// Elements within elements; real files have four.
const MAX_DEPTH: usize = 64;

/// Whether the folder is one of Pascal VOC.
pub fn is_root(folder: &Path) -> bool {
    folder.join(PICTURES).is_dir() && folder.join(ANNOTATIONS).is_dir()
}

/// The file that lists a part's pictures.
pub fn list(root: &Path, name: &str) -> PathBuf {
    root.join("ImageSets").join("Main").join(name).with_added_extension("txt")
}

/// The VOC folder that a list belongs to.
pub fn root_of(list: &Path) -> Option<&Path> {
    let main = list.parent().filter(|folder| folder.ends_with("ImageSets/Main"))?;
    main.ancestors().nth(2).filter(|root| is_root(root))
}

/// The pictures of a list: a name without extension a word.
pub fn entries(root: &Path, list: &Path) -> Result<Vec<Entry>, Error> {
    let pictures = root.join(PICTURES);
    let entry = |name: &str| {
        let file = |extension: &str| pictures.join(name).with_added_extension(extension);
        let image = ["jpg"].into_iter().chain(EXTENSIONS).map(file).find(|file| file.is_file());
        // One that is not there is told of under the name that it should have.
        let image = image.unwrap_or_else(|| file("jpg"));
        Entry { image, labels: Source::Xml(root.join(ANNOTATIONS).join(name).with_added_extension("xml")) }
    };
    Ok(entries::text(list)?.split_whitespace().map(entry).collect())
}

/// Adds the names of all objects in a VOC folder. Broken files are left to the checks.
pub fn collect_names(root: &Path, names: &mut BTreeSet<String>) -> Result<(), Error> {
    for file in entries::listed(&root.join(ANNOTATIONS))? {
        if file.extension().is_some_and(|extension| extension == "xml")
            && let Ok(text) = entries::text(&file)
            && let Ok(annotation) = parse(&text)
        {
            names.extend(annotation.objects.into_iter().filter_map(|object| object.name));
        }
    }
    Ok(())
}

/// The objects of an XML file as rows: those marked difficult are left out, and so are those of other names,
/// with a message. `size` is the picture's height and width, used where the XML gives none.
pub fn rows(
    file: &Path,
    size: (usize, usize),
    names: &[String],
    messages: &mut Vec<Fault>,
) -> Result<Vec<Row>, Fault> {
    let broken = |why: String| (TroubleKind::BrokenLabels, format!("{}: {why}", file.display()));
    let text = entries::text(file).map_err(|cause| (TroubleKind::BrokenLabels, cause.to_string()))?;
    let annotation = parse(&text).map_err(broken)?;
    let given =
        |length: Option<f64>, real: usize| length.filter(|&length| length > 0.0).unwrap_or(real as f64);
    let (width, height) = (given(annotation.width, size.1), given(annotation.height, size.0));

    let mut rows = Vec::new();
    let mut others = BTreeSet::new();
    for object in annotation.objects {
        let name = object.name.ok_or_else(|| broken("an object has no name".into()))?;
        let Some(class) = names.iter().position(|known| *known == name) else {
            others.insert(name);
            continue;
        };
        if object.difficult == Some(1.0) {
            continue;
        }
        let [Some(left), Some(top), Some(right), Some(bottom)] = object.corners else {
            return Err(broken(format!("an object '{name}' has no whole bndbox")));
        };
        let rect = convert((width, height), [left, top, right, bottom]);
        rows.push(Row { class: class as f32, rect, segment: vec![], line: None });
    }
    if !others.is_empty() {
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        messages
            .push((TroubleKind::OtherClass, format!("not among the dataset's names, left out: {others}")));
    }
    Ok(rows)
}

/// Corners in pixels to shares: the script's `convert_box`, whose centres are a pixel and not half a one
/// nearer to the corner.
fn convert((width, height): (f64, f64), [left, top, right, bottom]: [f64; 4]) -> [f32; 4] {
    let (per_width, per_height) = (1.0 / width, 1.0 / height);
    let (x, y) = ((left + right) / 2.0 - 1.0, (top + bottom) / 2.0 - 1.0);
    [x * per_width, y * per_height, (right - left) * per_width, (bottom - top) * per_height].map(|v| v as f32)
}

/// What an XML file says of a picture.
#[derive(Debug, Default, PartialEq)]
struct Annotation {
    width: Option<f64>,
    height: Option<f64>,
    objects: Vec<Object>,
}

/// An object as written: nothing where an element is not there.
#[derive(Debug, Default, PartialEq)]
struct Object {
    name: Option<String>,
    difficult: Option<f64>,
    corners: [Option<f64>; 4],
}

impl Annotation {
    /// Takes in the text of the element at `path`. As ElementTree's `find`, the first of a name counts, and
    /// the parts of a body, which have boxes of their own, lie too deep.
    fn take(&mut self, path: &[String], text: &str) -> Result<(), String> {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let text = text.trim();
        let number = || {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| format!("'{text}' in <{}> is not a number", names.join("/")))
        };
        if let [_, "size", side] = names[..] {
            let place = match side {
                "width" => &mut self.width,
                "height" => &mut self.height,
                _ => return Ok(()),
            };
            place.get_or_insert(number()?);
        }
        let Some(depth) = names.iter().rposition(|name| *name == "object") else { return Ok(()) };
        let Some(object) = self.objects.last_mut() else { return Ok(()) };
        let place = match names[depth + 1..] {
            ["name"] => {
                object.name.get_or_insert(text.to_owned());
                return Ok(());
            }
            ["difficult"] => &mut object.difficult,
            ["bndbox", "xmin"] => &mut object.corners[0],
            ["bndbox", "ymin"] => &mut object.corners[1],
            ["bndbox", "xmax"] => &mut object.corners[2],
            ["bndbox", "ymax"] => &mut object.corners[3],
            _ => return Ok(()),
        };
        place.get_or_insert(number()?);
        Ok(())
    }
}

/// Reads an annotation. Entities beyond XML's own five are not resolved, so none can grow.
fn parse(text: &str) -> Result<Annotation, String> {
    let mut reader = Reader::from_str(text);
    let mut annotation = Annotation::default();
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    loop {
        let event = reader.read_event().map_err(|cause| format!("not XML: {cause}"))?;
        match event {
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                if name == "object" {
                    annotation.objects.push(Object::default());
                }
                path.push(name);
                if path.len() > MAX_DEPTH {
                    return Err(format!("more than {MAX_DEPTH} elements within each other"));
                }
                content.clear();
            }
            Event::End(_) => {
                annotation.take(&path, &content)?;
                content.clear();
                path.pop();
            }
            Event::Text(text) => content.push_str(&text),
            Event::CData(text) => content.push_str(&text),
            Event::GeneralRef(entity) => {
                let name: &str = &entity;
                let plain = quick_xml::escape::resolve_predefined_entity(name);
                match (entity.resolve_char_ref(), plain) {
                    (Ok(Some(letter)), _) => content.push(letter),
                    (_, Some(plain)) => content.push_str(plain),
                    _ => return Err(format!("unknown entity &{name};")),
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match path.last() {
        Some(open) => Err(format!("not XML: <{open}> is never closed")),
        None => Ok(annotation),
    }
}
