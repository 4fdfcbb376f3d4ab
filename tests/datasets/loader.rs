//! The loader: batches that depend on nothing but the seed, and what it does about broken images and senseless options.

use std::fs;
use std::path::Path;
use yolo_host::data::augment::{enlarge, join};
use yolo_host::data::{
    AugmentHyper, Batch, Cache, Dataset, Error, Item, Label, Loader, LoaderOptions, SplitName, SplitOptions,
};
use yolo_host::image::Image;
use yolo_tests::shapes;

const HYPER: AugmentHyper = AugmentHyper {
    hsv_h: 0.015,
    hsv_s: 0.7,
    hsv_v: 0.4,
    degrees: 5.0,
    translate: 0.1,
    scale: 0.5,
    shear: 2.0,
    perspective: 0.0,
    flipud: 0.1,
    fliplr: 0.5,
    mosaic: 0.7,
    mixup: 0.3,
    copy_paste: 0.1,
};

fn items(root: &Path) -> Vec<Item> {
    shapes::draw(root, 3, 11, 1);
    Dataset::read(root)
        .unwrap()
        .split(SplitName::Train, SplitOptions { cache: false, ..SplitOptions::default() })
        .unwrap()
        .items
}

fn training() -> LoaderOptions {
    LoaderOptions {
        imgsz: 64,
        batch: 4,
        augment: Some(HYPER),
        seed: 5,
        shuffle: true,
        ..LoaderOptions::default()
    }
}

fn batches(items: &[Item], options: LoaderOptions, epoch: usize, first: usize) -> Vec<Batch> {
    let loader = Loader::new(items.to_vec(), options).unwrap();
    loader.epoch(epoch, first, None).map(|batch| batch.expect("a batch")).collect()
}

#[test]
fn batches_depend_on_seed_and_place_alone() {
    let root = tempfile::tempdir().unwrap();
    let items = items(root.path());
    let one = batches(&items, training(), 2, 0);
    assert_eq!(one.iter().map(|batch| batch.shape[0]).collect::<Vec<_>>(), [4, 4, 3]);
    for threads in [2, 5] {
        assert!(batches(&items, LoaderOptions { threads, ..training() }, 2, 0) == one, "{threads} threads");
    }
    assert!(batches(&items, training(), 2, 1) == one[1..], "from the second batch on");
    for cache in [Cache::Ram, Cache::Disk, Cache::Disk] {
        assert!(batches(&items, LoaderOptions { cache, ..training() }, 2, 0) == one, "{cache:?}");
    }
    assert!(batches(&items, training(), 3, 0) != one, "another epoch");
    assert!(batches(&items, LoaderOptions { seed: 6, ..training() }, 2, 0) != one, "another seed");
    let mut images: Vec<_> = one.iter().flat_map(|batch| batch.images.clone()).collect();
    assert_ne!(images, (0..11).collect::<Vec<_>>());
    images.sort();
    assert_eq!(images, (0..11).collect::<Vec<_>>());
}

#[test]
fn four_in_one_are_made_of_the_same_samples() {
    let root = tempfile::tempdir().unwrap();
    let items = items(root.path());
    let plain = batches(&items, LoaderOptions { batch: 8, ..training() }, 0, 0);
    let quad = batches(&items, LoaderOptions { batch: 8, quad: true, ..training() }, 0, 0);
    // Eleven images: two fours in the first batch, and three that make none.
    assert_eq!(quad.iter().map(|batch| batch.shape).collect::<Vec<_>>(), [[2, 3, 128, 128]]);
    assert_eq!(quad[0].images, [plain[0].images[0], plain[0].images[4]]);
    for at in 0..2 {
        let four: [_; 4] = std::array::from_fn(|i| sample(&plain[0], 4 * at + i));
        let enlarged = (enlarge(&four[0].0), four[0].1.clone());
        let made = sample(&quad[0], at);
        assert!(made == enlarged || made == join(four), "image {at}");
    }
}

/// An image of a batch and its labels.
fn sample(batch: &Batch, at: usize) -> (Image, Vec<Label>) {
    let [_, _, height, width] = batch.shape;
    let rgb = batch.pixels.chunks(3 * height * width).nth(at).unwrap().to_vec();
    let labels = batch.targets.iter().filter(|(image, _)| *image == at).map(|(_, label)| label.clone());
    (Image { width, height, rgb }, labels.collect())
}

#[test]
fn chosen_images_come_in_their_order() {
    let root = tempfile::tempdir().unwrap();
    let loader = Loader::new(items(root.path()), training()).unwrap();
    let chosen = vec![3, 3, 0, 7, 3, 9];
    let images: Vec<_> =
        loader.epoch(0, 0, Some(chosen.clone())).flat_map(|batch| batch.unwrap().images).collect();
    assert_eq!(images, chosen);
    let error = loader.epoch(0, 0, Some(vec![11])).next().unwrap().unwrap_err().to_string();
    assert!(error.contains("image 11 was chosen of 11"), "{error}");
}

#[test]
fn a_image_that_breaks_is_named_and_the_next_batch_comes() {
    let root = tempfile::tempdir().unwrap();
    let items = items(root.path());
    let broken = items[5].image.clone();
    fs::write(&broken, "no longer an image").unwrap();
    let options = LoaderOptions { threads: 3, imgsz: 64, batch: 4, ..LoaderOptions::default() };
    let loader = Loader::new(items, options).unwrap();
    let results: Vec<_> = loader.epoch(0, 0, None).collect();
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let error = results.into_iter().find_map(Result::err).unwrap().to_string();
    assert!(error.contains(&broken.display().to_string()), "{error}");
}

#[test]
fn an_epoch_may_be_dropped_at_any_time() {
    let root = tempfile::tempdir().unwrap();
    let items = items(root.path());
    for taken in 0..3 {
        let loader = Loader::new(items.clone(), LoaderOptions { threads: 4, ..training() }).unwrap();
        let mut epoch = loader.epoch(0, 0, None);
        assert!(epoch.by_ref().take(taken).all(|batch| batch.is_ok()));
        drop(loader);
        drop(epoch);
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let item = Item { image: "x.png".into(), size: (20, 20), labels: vec![] };
    let cases = [
        LoaderOptions { imgsz: 0, ..training() },
        LoaderOptions { imgsz: 1 << 20, ..training() },
        LoaderOptions { batch: 0, ..training() },
        LoaderOptions { stride: 0, ..training() },
        LoaderOptions { quad: true, batch: 3, ..training() },
        LoaderOptions { pad: f64::NAN, ..training() },
    ];
    for options in cases {
        assert!(matches!(Loader::new(vec![item.clone()], options), Err(Error::Options { .. })));
    }
    assert!(matches!(Loader::new(vec![], training()), Err(Error::Options { .. })));
}
