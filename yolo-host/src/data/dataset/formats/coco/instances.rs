//! What a COCO file lists: images with their objects, and the names of its categories.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::images::Places;
use super::json::{self, Annotation, Category, Id, Instances};
use super::outline;
use crate::data::Error;
use crate::data::dataset::description::Dataset;
use crate::data::dataset::entry::{Entry, Labels};
use crate::data::dataset::files;
use crate::data::dataset::frame::{self, Counted, Head, Object, Row};
use crate::data::dataset::names::class_of;
use crate::data::dataset::trouble::Fault;

/// An image of a COCO file.
struct Json {
    file: PathBuf,
    /// The width and height given.
    given: Option<[f64; 2]>,
    /// The objects; nothing where there is no annotation.
    objects: Option<Vec<Object>>,
}

impl Labels for Json {
    fn file(&self) -> &Path {
        &self.file
    }

    fn rows(&self, head: Head, _: &[String], faults: &mut Vec<Fault>) -> Option<Result<Vec<Row>, Fault>> {
        let objects = self.objects.clone()?;
        Some(Ok(frame::rows(objects, self.given, Counted::FromZero, head, faults)))
    }

    fn is_read(&self) -> bool {
        true
    }

    fn take(&mut self) -> Option<Vec<Object>> {
        self.objects.take()
    }

    fn add(&mut self, objects: Vec<Object>) {
        self.objects.get_or_insert_default().extend(objects);
    }
}

/// What a category's id stands for.
enum Class {
    /// One of the dataset's names.
    Known(usize),
    /// A name that the dataset lacks.
    Other(String),
}

fn read(file: &Path) -> Result<Instances, Error> {
    let wrong = |why: String| Error::Description { path: file.to_path_buf(), why };
    json::parse(&files::text(file)?).map_err(wrong)
}

/// The images of a COCO file with their objects. Crowds are left out, as are objects that cannot be used or whose category the
/// dataset's names lack; notes say how many.
pub fn entries(dataset: &Dataset, file: &Path, notes: &mut Vec<String>) -> Result<Vec<Entry>, Error> {
    let wrong = |why: String| Error::Description { path: file.to_path_buf(), why };
    let instances = read(file)?;
    let annotations = instances.annotations.unwrap_or_default();
    let mut told = Vec::new();
    let categories = instances.categories.unwrap_or_default();
    let classes = classes(&categories, &annotations, &dataset.names, &mut told).map_err(wrong)?;

    let mut of_image: HashMap<Id, Option<Vec<Object>>> =
        instances.images.iter().filter_map(|image| Some((image.id.id()?, None))).collect();
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    for annotation in &annotations {
        let id = annotation.image_id.id();
        let objects = id.and_then(|id| of_image.get_mut(&id));
        let object = match objects {
            None => Err("of images that it does not list".to_owned()),
            Some(_) if annotation.iscrowd.is_true() => Err("that are crowds (`iscrowd`)".to_owned()),
            Some(objects) => {
                let objects = objects.get_or_insert_default();
                object(annotation, &classes).map(|object| objects.push(object))
            }
        };
        if let Err(why) = object {
            *left_out.entry(why).or_default() += 1;
        }
    }
    let mut places = Places::new(dataset, file);
    let mut entries: Vec<Entry> = Vec::with_capacity(instances.images.len());
    let mut nameless = 0;
    for image in &instances.images {
        let Some(name) = image.file_name.text() else {
            nameless += 1;
            continue;
        };
        let given = image.width.number().zip(image.height.number()).map(|(width, height)| [width, height]);
        let given = given.filter(|given| given.iter().all(|side| *side > 0.0));
        let objects = image.id.id().and_then(|id| of_image.get_mut(&id)).and_then(Option::take);
        let labels = Box::new(Json { file: file.to_path_buf(), given, objects });
        entries.push(Entry { image: places.find(&name), labels });
    }
    if nameless > 0 {
        told.push(format!("{nameless} of its images have no `file_name` and are left out"));
    }
    let objects = |count: usize| if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    told.extend(left_out.into_iter().map(|(why, count)| format!("{} {why} left out", objects(count))));
    notes.extend(told.into_iter().map(|told| format!("'{}': {told}", file.display())));
    Ok(entries)
}

/// From COCO's category ids, which have gaps, to classes: by name, never by number.
fn classes(
    categories: &[Category],
    annotations: &[Annotation],
    names: &[String],
    told: &mut Vec<String>,
) -> Result<HashMap<Id, Class>, String> {
    if categories.is_empty() {
        let ids: BTreeSet<Id> = annotations.iter().filter_map(|object| object.category_id.id()).collect();
        return match (ids.len(), names) {
            (0, _) => Ok(HashMap::new()),
            (1, [name]) => {
                told.push(format!("has no `categories`: all objects are taken as '{name}', the only name"));
                Ok(ids.into_iter().map(|id| (id, Class::Known(0))).collect())
            }
            _ => {
                let ids: Vec<String> = ids.iter().take(5).map(ToString::to_string).collect();
                Err(format!(
                    "has no `categories`, so that nothing says what its category ids {} mean: add \
                     \"categories\": [{{\"id\": {}, \"name\": \"…\"}}, …]",
                    ids.join(", "),
                    ids[0].replace('\'', "\"")
                ))
            }
        };
    }
    let mut classes = HashMap::new();
    let mut any = false;
    for category in categories {
        let Some(id) = category.id.id() else { continue };
        let name = category.name.text().unwrap_or_default();
        let class = match class_of(&name, names) {
            Some((class, same)) => {
                if !same {
                    told.push(format!("category '{name}' is taken as '{}'", names[class]));
                }
                any = true;
                Class::Known(class)
            }
            None => Class::Other(name),
        };
        classes.entry(id).or_insert(class);
    }
    let first = categories.first().and_then(|category| category.name.text()).unwrap_or_default();
    match any || annotations.is_empty() {
        true => Ok(classes),
        false => Err(format!("none of its categories ('{first}', …) is among the dataset's names")),
    }
}

/// An object that can be used, or why it is left out.
fn object(annotation: &Annotation, classes: &HashMap<Id, Class>) -> Result<Object, String> {
    let id = annotation.category_id.id().ok_or("without `category_id`")?;
    let class = match classes.get(&id) {
        Some(Class::Known(class)) => *class,
        Some(Class::Other(name)) => return Err(format!("of category '{name}', not among the names,")),
        None => return Err(format!("of category {id}, not among its `categories`,")),
    };
    let outline = outline::joined(annotation.segmentation.pieces());
    let Some([x, y, width, height]) = annotation.bbox.four() else {
        return match outline.len() {
            3.. => Ok(Object::of_outline(class, outline)),
            _ => Err("without a `bbox` of four numbers".into()),
        };
    };
    if width <= 0.0 || height <= 0.0 {
        // As upstream's converter from JSON.
        return Err("whose `bbox` has no width or height".into());
    }
    Ok(Object { class, corners: [x, y, x + width, y + height], outline })
}

/// The names of categories of COCO files, by id; of a file that is none, what is wrong with it. A category that stands above
/// others and has no objects itself, as Roboflow writes it, is none.
pub fn names(files: &[&Path]) -> Result<Vec<String>, Error> {
    let mut by_id: Vec<(Id, String)> = Vec::new();
    let mut used = BTreeSet::new();
    let mut above = BTreeSet::new();
    for file in files {
        let instances = read(file)?;
        let ids: BTreeSet<Id> =
            instances.annotations.iter().flatten().filter_map(|object| object.category_id.id()).collect();
        for category in instances.categories.iter().flatten() {
            let (Some(id), Some(name)) = (category.id.id(), category.name.text()) else { continue };
            if ids.contains(&id) {
                used.insert(name.clone());
            }
            above.extend(category.supercategory.text().filter(|above| *above != name));
            if !by_id.iter().any(|(_, known)| *known == name) {
                by_id.push((id, name));
            }
        }
    }
    by_id.retain(|(_, name)| used.contains(name) || !above.contains(name));
    by_id.sort();
    Ok(by_id.into_iter().map(|(_, name)| name).collect())
}
