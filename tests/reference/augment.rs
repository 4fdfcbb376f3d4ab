//! Augmentation and batches against the reference: pixels to the bit, boxes to the last digit.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;
use yolo_host::data::augment::{
    HsvGains, Matrix, Object, Perspective, Scene, Tile, copy_paste, enlarge, fill_polygon, flip_left_right,
    flip_up_down, join, mixup, mosaic4, mosaic9,
};
use yolo_host::data::{Dataset, Label, Loader, LoaderOptions, SplitName, SplitOptions};
use yolo_host::image::{Image, letterbox, resize_area};
use yolo_tests::{golden, report, uniform};

fn cases(part: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden("augment.json")).expect("goldens");
    let json: Value = serde_json::from_str(&text).expect("goldens");
    let cases = json[part].as_array().expect(part).clone();
    assert!(!cases.is_empty(), "{part}");
    cases
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers<const N: usize>(value: &Value) -> [f64; N] {
    assert_eq!(value.as_array().expect("a list").len(), N, "{value}");
    std::array::from_fn(|i| number(&value[i]))
}

fn sizes<const N: usize>(value: &Value) -> [usize; N] {
    numbers(value).map(|size| size as usize)
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().expect("a list").iter().map(read).collect()
}

fn noise(width: usize, height: usize) -> Image {
    let bytes = uniform(&format!("letterbox/{width}x{height}"), width * height * 3);
    Image { width, height, rgb: bytes.into_iter().map(|u| (256.0 * u) as u8).collect() }
}

/// 64 levels of each colour, as the golden's maker lays them.
fn cube() -> Image {
    let levels =
        |i: usize| [4 * (i % 64) + 1, 4 * (i / 64 % 64) + 2, 4 * (i / 4096) + 3].map(|level| level as u8);
    Image { width: 512, height: 512, rgb: (0..64 * 64 * 64).flat_map(levels).collect() }
}

/// A part of [`cube`].
fn cut(width: usize, height: usize, (left, top): (usize, usize)) -> Image {
    let all = cube();
    let rows = all.rgb.chunks(3 * 512).skip(top).take(height);
    Image { width, height, rgb: rows.flat_map(|row| &row[3 * left..][..3 * width]).copied().collect() }
}

fn image(value: &Value) -> Image {
    if value == "cube" {
        return cube();
    }
    let [width, height] = sizes(value);
    noise(width, height)
}

/// Pixels `[n, height, width, channels]` as bytes `[n, channels, height, width]`, as the reference has them.
fn planar(pixels: &[u8], [_, channels, height, width]: [usize; 4]) -> Vec<u8> {
    let image = |image: &[u8]| {
        let planes = (0..channels).map(|channel| image[channel..].iter().step_by(channels).copied());
        planes.flatten().collect::<Vec<u8>>()
    };
    pixels.chunks(channels * height * width).flat_map(image).collect()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn segment(value: &Value) -> Vec<[f32; 2]> {
    list(value, |point| numbers::<2>(point).map(|at| at as f32))
}

/// Rows of five numbers, with outlines where there are some.
fn objects(rows: &Value, segments: &Value) -> Vec<Object> {
    let object = |row: &Value| {
        let [class, corners @ ..] = numbers::<5>(row);
        Object { class: class as usize, corners: corners.map(|at| at as f32), segment: vec![] }
    };
    let mut objects = list(rows, object);
    for (object, value) in objects.iter_mut().zip(segments.as_array().into_iter().flatten()) {
        object.segment = segment(value);
    }
    objects
}

fn labels(rows: &Value, segments: &Value) -> Vec<Label> {
    let label = |object: Object| Label {
        class: object.class,
        rect: object.corners.map(f64::from),
        segment: object.segment,
    };
    objects(rows, segments).into_iter().map(label).collect()
}

fn rows(objects: &[Object]) -> Vec<[f64; 5]> {
    let row = |object: &Object| {
        let [left, top, right, bottom] = object.corners.map(f64::from);
        [object.class as f64, left, top, right, bottom]
    };
    objects.iter().map(row).collect()
}

fn label_rows(labels: &[Label]) -> Vec<[f64; 5]> {
    labels
        .iter()
        .map(|label| [label.class as f64, label.rect[0], label.rect[1], label.rect[2], label.rect[3]])
        .collect()
}

/// The eight random numbers of `random_perspective` in its order.
fn perspective(value: &Value) -> Perspective {
    let [px, py, degrees, scale, sx, sy, tx, ty] = numbers(value);
    Perspective { degrees, scale, shear: [sx, sy], translate: [tx, ty], perspective: [px, py] }
}

#[test]
fn area_matches_opencv() {
    let mut failures = Vec::new();
    for case in cases("area") {
        let [width, height] = sizes(&case["to"]);
        if digest(&resize_area(&image(&case["from"]), width, height).rgb) != case["sha256"] {
            failures.push(format!("{} to {width}x{height}", case["from"]));
        }
    }
    report(failures);
}

#[test]
fn hsv_matches_the_reference() {
    let mut failures = Vec::new();
    for case in cases("hsv") {
        let mut image = image(&case["picture"]);
        HsvGains(numbers(&case["gains"])).apply(&mut image);
        if digest(&image.rgb) != case["sha256"] {
            failures.push(format!("{} by {}", case["picture"], case["gains"]));
        }
    }
    report(failures);
}

#[test]
fn polygons_match_opencv() {
    let mut failures = Vec::new();
    for case in cases("polygon") {
        let [height, width] = sizes(&case["size"]);
        let mut mask = vec![false; height * width];
        let points = list(&case["points"], |point| numbers::<2>(point).map(|at| at as i32));
        fill_polygon(&mut mask, (height, width), &points);
        let bytes: Vec<u8> = mask.into_iter().map(u8::from).collect();
        if digest(&bytes) != case["sha256"] {
            failures.push(format!("{height}x{width}: {}", case["points"]));
        }
    }
    report(failures);
}

#[test]
fn perspectives_match_the_reference() {
    let mut failures = Vec::new();
    for (i, case) in cases("perspective").iter().enumerate() {
        let image = image(&case["picture"]);
        let border = number(&case["border"]) as isize;
        let new = |side: usize| side.checked_add_signed(2 * border).expect("a size");
        let (from, to) = ((image.height, image.width), (new(image.height), new(image.width)));
        let perspective = perspective(&case["numbers"]);
        if !case["matrix"].is_null() {
            let reference: Matrix = std::array::from_fn(|row| numbers(&case["matrix"][row]));
            // The reference multiplies matrices in an order of its own.
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-13 * (1.0 + b.abs());
            if !perspective.matrix(from, to).as_flattened().iter().zip(reference.as_flattened()).all(near) {
                failures.push(format!("{i}: matrix"));
            }
        }
        let scene = Scene { image, objects: objects(&case["objects"], &case["segments"]) };
        let scene = perspective.apply(scene, to);
        if digest(&scene.image.rgb) != case["sha256"] {
            failures.push(format!("{i}: pixels"));
        }
        let left = rows(&objects(&case["left"], &Value::Null));
        if rows(&scene.objects) != left {
            failures.push(format!("{i}: {:?}\nrather than {left:?}", rows(&scene.objects)));
        }
    }
    report(failures);
}

fn tiles(value: &Value) -> Vec<(Image, Vec<Label>)> {
    list(value, |tile| (image(&tile["picture"]), labels(&tile["labels"], &tile["segments"])))
}

fn laid(tiles: &[(Image, Vec<Label>)]) -> Vec<Tile<'_>> {
    tiles.iter().map(|(image, labels)| Tile { image, labels }).collect()
}

#[test]
fn mosaics_match_the_reference() {
    let mut failures = Vec::new();
    for (i, case) in cases("mosaic").iter().enumerate() {
        let tiles = tiles(&case["tiles"]);
        let side = number(&case["side"]) as usize;
        let [x, y] = sizes(&case["at"]);
        let scene = match *laid(&tiles) {
            [a, b, c, d] => mosaic4([a, b, c, d], side, (x, y)),
            [a, b, c, d, e, f, g, h, i] => mosaic9([a, b, c, d, e, f, g, h, i], side, (x, y)),
            _ => unreachable!("four or nine"),
        };
        if digest(&scene.image.rgb) != case["sha256"] {
            failures.push(format!("{i}: pixels"));
        }
        let expected = rows(&objects(&case["objects"], &Value::Null));
        if rows(&scene.objects) != expected {
            failures.push(format!("{i}: {:?}\nrather than {expected:?}", rows(&scene.objects)));
        }
    }
    report(failures);
}

#[test]
fn copies_match_the_reference() {
    let mut failures = Vec::new();
    let mut pasted = 0;
    for (i, case) in cases("copy_paste").iter().enumerate() {
        let objects_before = objects(&case["objects"], &case["segments"]);
        let count = objects_before.len();
        let mut scene = Scene { image: image(&case["picture"]), objects: objects_before };
        copy_paste(&mut scene, &list(&case["chosen"], |index| number(index) as usize));
        if digest(&scene.image.rgb) != case["sha256"] {
            failures.push(format!("{i}: pixels"));
        }
        if scene.objects != objects(&case["all"], &case["all_segments"]) {
            failures.push(format!("{i}: objects"));
        }
        pasted += scene.objects.len() - count;
    }
    assert!(pasted > 3, "only {pasted} objects were pasted");
    report(failures);
}

#[test]
fn mixed_images_match_the_reference() {
    for case in cases("mixup") {
        let mut scene = Scene { image: image(&case["picture"]), objects: vec![] };
        let other = Scene { image: cut(48, 40, (0, 100)), objects: vec![] };
        mixup(&mut scene, other, number(&case["ratio"]));
        assert_eq!(digest(&scene.image.rgb), case["sha256"], "{}", case["ratio"]);
    }
}

#[test]
fn four_in_one_match_the_reference() {
    for case in cases("quad") {
        let [width, height] = sizes(&case["picture"]);
        let first = noise(width, height);
        assert_eq!(digest(&enlarge(&first).rgb), case["enlarged"], "{width}x{height}");
        let label = |i: usize| labels(&case["labels"][i], &Value::Null);
        let part = |i: usize| (cut(width, height, (100 * i, 100 * i)), label(i));
        let (image, joined) = join([(first, label(0)), part(1), part(2), part(3)]);
        assert_eq!(digest(&image.rgb), case["joined"], "{width}x{height}");
        assert_eq!(image.rgb.len(), 3 * image.width * image.height);
        assert_eq!([image.width, image.height], [2 * width, 2 * height]);
        assert_eq!(joined, labels(&case["joined_labels"], &Value::Null));
    }
}

/// All steps of the reference's `__getitem__`, one after the other.
#[test]
fn whole_samples_match_the_reference() {
    let mut failures = Vec::new();
    for (i, case) in cases("train").iter().enumerate() {
        let tiles = tiles(&case["tiles"]);
        let side = number(&case["side"]) as usize;
        let mut scene = if case["mosaic"].as_bool().unwrap() {
            let [x, y] = sizes(&case["centre"]);
            let [a, b, c, d] = laid(&tiles)[..] else { panic!("four tiles") };
            let mut scene = mosaic4([a, b, c, d], side, (x, y));
            copy_paste(&mut scene, &list(&case["chosen"], |index| number(index) as usize));
            scene
        } else {
            let (image, labels) = &tiles[0];
            let boxed = letterbox(image, (side, side), false, true, 32);
            let size = (boxed.gain * image.width as f64, boxed.gain * image.height as f64);
            let objects = labels.iter().map(|label| Object::placed(label, size, boxed.pad)).collect();
            Scene { image: boxed.image, objects }
        };
        scene = perspective(&case["numbers"]).apply(scene, (side, side));
        let mut left: Vec<Label> = scene.objects.iter().map(|object| object.label((side, side))).collect();
        HsvGains(numbers(&case["gains"])).apply(&mut scene.image);
        if case["flipud"].as_bool().unwrap() {
            flip_up_down(&mut scene.image, &mut left);
        }
        if case["fliplr"].as_bool().unwrap() {
            flip_left_right(&mut scene.image, &mut left);
        }
        if digest(&scene.image.rgb) != case["sha256"] {
            failures.push(format!("{i}: pixels"));
        }
        let expected = label_rows(&labels(&case["labels"], &Value::Null));
        // Once it has pasted, the reference goes on in double precision: then the last digit of single precision,
        // of shares up to 1, can differ.
        let limit = if case["mosaic"] == true && case["chosen"][0] != Value::Null { 6e-8 } else { 0.0 };
        let ours = label_rows(&left);
        let near = |(a, b): (&[f64; 5], &[f64; 5])| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= limit);
        if ours.len() != expected.len() || !ours.iter().zip(&expected).all(near) {
            failures.push(format!("{i}: {ours:?}\nrather than {expected:?}"));
        }
    }
    report(failures);
}

/// Writes the golden's images and labels as a YOLO dataset.
fn folder(root: &Path, case: &Value) {
    for kind in ["images", "labels"] {
        std::fs::create_dir(root.join(kind)).unwrap();
    }
    for (i, size) in case["sizes"].as_array().unwrap().iter().enumerate() {
        image(size).write(root.join(format!("images/{i}.png"))).unwrap();
        let line = |row: &Value| numbers::<5>(row).map(|number| number.to_string()).join(" ");
        let text = list(&case["labels"][i], line).join("\n");
        std::fs::write(root.join(format!("labels/{i}.txt")), text).unwrap();
    }
    let yaml = "path: .\ntrain: images\nval: images\nnames: [a, b, c]\n";
    std::fs::write(root.join("data.yaml"), yaml).unwrap();
}

#[test]
fn validation_batches_match_the_reference() {
    for case in cases("val") {
        let root = tempfile::tempdir().unwrap();
        folder(root.path(), &case);
        let dataset = Dataset::read(&root.path().join("data.yaml")).unwrap();
        let items = dataset.split(SplitName::Val, SplitOptions::default()).unwrap().items;
        let options = LoaderOptions {
            imgsz: number(&case["imgsz"]) as usize,
            batch: 2,
            rect: true,
            pad: number(&case["pad"]),
            threads: 2,
            ..LoaderOptions::default()
        };
        let loader = Loader::new(items, options).unwrap();
        let batches = case["batches"].as_array().unwrap();
        assert_eq!(loader.batches(), batches.len());
        for (batch, expected) in loader.epoch(0, 0, None).zip(batches) {
            let batch = batch.unwrap();
            assert_eq!(batch.shape, sizes(&expected["shape"]));
            let stem =
                |&index: &usize| loader.items()[index].image.file_stem().unwrap().to_str().unwrap().parse();
            let images: Vec<usize> = batch.images.iter().map(|index| stem(index).unwrap()).collect();
            assert_eq!(images, list(&expected["pictures"], |index| number(index) as usize));
            let bytes = planar(&batch.pixels, batch.shape);
            assert_eq!(digest(&bytes), expected["sha256"], "{images:?}");
            let row = |(at, label): &(usize, Label)| {
                let [x, y, w, h] = label.rect;
                [*at as f64, label.class as f64, x, y, w, h]
            };
            let targets: Vec<[f64; 6]> = batch.targets.iter().map(row).collect();
            assert_eq!(targets, list(&expected["targets"], numbers::<6>));
            for (geometry, expected) in batch.geometry.iter().zip(expected["geometry"].as_array().unwrap()) {
                let (height, width) = geometry.original;
                let ours = [
                    height as f64,
                    width as f64,
                    geometry.gain.0,
                    geometry.gain.1,
                    geometry.pad.0,
                    geometry.pad.1,
                ];
                assert_eq!(ours, numbers(expected));
            }
        }
    }
}
