//! COCO: one JSON file of all pictures, categories and objects (`instances_*.json`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::check::{Row, verify};
use super::entries::{Entry, Source};
use super::{Dataset, Error, Label};

#[derive(Deserialize)]
struct Instances {
    images: Vec<Image>,
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: i64,
    file_name: String,
    width: f64,
    height: f64,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: i64,
    category_id: i64,
    #[serde(default)]
    bbox: Vec<f64>,
    segmentation: Option<Segmentation>,
    #[serde(default)]
    iscrowd: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Segmentation {
    Polygons(Vec<Vec<f64>>),
    /// Run lengths, whose outline is not known.
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    name: String,
}

/// The pictures of a COCO file with their labels. Crowds are left out, as are objects of categories that the
/// dataset's names lack.
pub fn entries(dataset: &Dataset, file: &Path) -> Result<Vec<Entry>, Error> {
    let wrong = |why: String| Error::Description { path: file.to_path_buf(), why };
    let bytes = std::fs::read(file).map_err(|cause| Error::Read { path: file.to_path_buf(), cause })?;
    let instances: Instances = serde_json::from_slice(&bytes)
        .map_err(|cause| wrong(format!("not COCO's JSON of instances: {cause}")))?;
    let classes = classes(&instances.categories, &dataset.names).map_err(wrong)?;

    let mut of_image: HashMap<i64, Vec<&Annotation>> = HashMap::new();
    for annotation in instances.annotations.iter().filter(|annotation| annotation.iscrowd == 0.0) {
        of_image.entry(annotation.image_id).or_default().push(annotation);
    }
    let folder = folder(dataset, file, &instances);
    let entry = |image: &Image| {
        let annotations = of_image.get(&image.id).map(Vec::as_slice);
        let labels = annotations.map(|annotations| labels(image, annotations, &classes, dataset.names.len()));
        Entry {
            image: folder.join(&image.file_name),
            labels: Source::Json { file: file.to_path_buf(), labels },
        }
    };
    Ok(instances.images.iter().map(entry).collect())
}

/// From COCO's category ids, which have gaps, to classes: by name.
fn classes(categories: &[Category], names: &[String]) -> Result<HashMap<i64, usize>, String> {
    let class = |category: &Category| {
        let class = names.iter().position(|name| *name == category.name)?;
        Some((category.id, class))
    };
    let classes: HashMap<i64, usize> = categories.iter().filter_map(class).collect();
    match categories.first() {
        Some(first) if classes.is_empty() => {
            Err(format!("none of its categories ('{}', …) is among the dataset's names", first.name))
        }
        _ => Ok(classes),
    }
}

/// Where the pictures are: the first usual place that has the first of them.
fn folder(dataset: &Dataset, file: &Path, instances: &Instances) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let part = stem.rsplit('_').next().unwrap_or_default();
    let beside = file.parent().unwrap_or(Path::new(""));
    let above = beside.parent().unwrap_or(beside);
    let roots = dataset.bases.iter().map(PathBuf::as_path).chain([above, beside]);
    let mut places = roots
        .flat_map(|root| [root.join("images").join(part), root.join(part), root.join("images"), root.into()]);
    let holds = |place: &PathBuf| {
        instances.images.first().is_some_and(|image| place.join(&image.file_name).is_file())
    };
    places.find(holds).unwrap_or_else(|| above.join("images").join(part))
}

/// The labels of a picture, or what is wrong with them.
fn labels(
    image: &Image,
    annotations: &[&Annotation],
    classes: &HashMap<i64, usize>,
    count: usize,
) -> Result<Vec<Label>, String> {
    if !(image.width > 0.0 && image.height > 0.0) {
        return Err(format!("its size is given as {}x{}", image.width, image.height));
    }
    let mut rows = Vec::new();
    for annotation in annotations {
        let Some(&class) = classes.get(&annotation.category_id) else { continue };
        let &[x, y, width, height] = annotation.bbox.as_slice() else {
            return Err(format!("a bbox has {} numbers rather than 4", annotation.bbox.len()));
        };
        if width <= 0.0 || height <= 0.0 {
            continue; // as upstream's converter from JSON
        }
        let rect = [
            (x + width / 2.0) / image.width,
            (y + height / 2.0) / image.height,
            width / image.width,
            height / image.height,
        ];
        let segment = match &annotation.segmentation {
            Some(Segmentation::Polygons(polygons)) => outline(polygons, (image.width, image.height)),
            Some(Segmentation::Other(_)) | None => vec![],
        };
        rows.push(Row { class: class as f32, rect: rect.map(|share| share as f32), segment, line: None });
    }
    Ok(verify(rows, count, &mut vec![]))
}

/// One outline of an object that may lie in several pieces: each further piece is joined where it is nearest
/// to what is there, by a seam to and fro.
fn outline(polygons: &[Vec<f64>], (width, height): (f64, f64)) -> Vec<[f32; 2]> {
    let mut joined: Vec<[f32; 2]> = Vec::new();
    for polygon in polygons {
        let pairs = polygon.as_chunks::<2>().0.iter();
        let piece: Vec<[f32; 2]> = pairs.map(|[x, y]| [(x / width) as f32, (y / height) as f32]).collect();
        let distance = |a: &[f32; 2], b: &[f32; 2]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
        let pairs = (0..joined.len()).flat_map(|i| (0..piece.len()).map(move |j| (i, j)));
        let nearest = pairs.min_by(|&(i, j), &(k, l)| {
            distance(&joined[i], &piece[j]).total_cmp(&distance(&joined[k], &piece[l]))
        });
        match nearest {
            Some((i, j)) => {
                let seam = [&joined[..=i], &piece[j..], &piece[..=j], &joined[i..]];
                joined = seam.concat();
            }
            None if joined.is_empty() => joined = piece,
            None => {}
        }
    }
    joined
}
