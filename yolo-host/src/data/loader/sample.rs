//! One image of a batch with its labels: upstream's `__getitem__`.

use super::Shared;
use crate::data::augment::{
    AugmentHyper, HsvGains, Object, Perspective, Scene, Tile, copy_paste, draw_pasted, draw_ratio,
    flip_left_right, flip_up_down, mixup, mosaic4,
};
use crate::data::{Error, Label};
use crate::image::{Geometry, Image, letterbox};
use crate::random::Stream;

/// An image of the network's size.
pub struct Sample {
    pub index: usize,
    pub image: Image,
    pub labels: Vec<Label>,
    pub geometry: Geometry,
}

/// Makes the image at `position` of an epoch's `order`.
pub fn make(shared: &Shared, epoch: usize, order: &[usize], position: usize) -> Result<Sample, Error> {
    let options = &shared.options;
    let index = order[position];
    let mut stream = Stream::counted("sample", &[options.seed, epoch as u64, position as u64]);
    let Some(hyper) = &options.augment else {
        let (scene, geometry) = boxed(shared, index, position)?;
        return Ok(finish(index, scene, geometry));
    };
    let (scene, geometry) = if !options.rect && stream.uniform() < hyper.mosaic {
        let mut scene = mosaic(shared, order, index, hyper, &mut stream)?;
        if stream.uniform() < hyper.mixup {
            let other = order[stream.below(order.len())];
            let other = mosaic(shared, order, other, hyper, &mut stream)?;
            mixup(&mut scene, other, draw_ratio(&mut stream));
        }
        let original = shared.items[index].size;
        (scene, Geometry { original, gain: (1.0, 1.0), pad: (0.0, 0.0) })
    } else {
        let (mut scene, geometry) = boxed(shared, index, position)?;
        // Upstream warps an image that stands alone by its boxes.
        scene.objects.iter_mut().for_each(|object| object.segment.clear());
        let size = (scene.image.height, scene.image.width);
        (Perspective::draw(&mut stream, hyper).apply(scene, size), geometry)
    };
    let mut sample = finish(index, scene, geometry);
    if hyper.hsv_h != 0.0 || hyper.hsv_s != 0.0 || hyper.hsv_v != 0.0 {
        HsvGains::draw(&mut stream, hyper).apply(&mut sample.image);
    }
    if stream.uniform() < hyper.flipud {
        flip_up_down(&mut sample.image, &mut sample.labels);
    }
    if stream.uniform() < hyper.fliplr {
        flip_left_right(&mut sample.image, &mut sample.labels);
    }
    Ok(sample)
}

/// The image alone, letterboxed.
fn boxed(shared: &Shared, index: usize, position: usize) -> Result<(Scene, Geometry), Error> {
    let options = &shared.options;
    let resized = shared.images.load(index, &shared.items[index])?;
    let square = (options.imgsz, options.imgsz);
    let size = shared.shapes.get(position / options.batch).copied().unwrap_or(square);
    let image = &resized.image;
    let (height, width) = (image.height as f64, image.width as f64);
    let boxed = letterbox(image, size, false, options.augment.is_some(), options.stride);
    let placed = |label: &Label| Object::placed(label, (boxed.gain * width, boxed.gain * height), boxed.pad);
    let objects = shared.items[index].labels.iter().map(placed).collect();
    let original = resized.original;
    let gain = (boxed.gain * height / original.0 as f64, boxed.gain * width / original.1 as f64);
    let geometry = Geometry { original, gain, pad: boxed.pad };
    Ok((Scene { image: boxed.image, objects }, geometry))
}

/// A mosaic of the image and three more from the epoch, warped to the network's size.
fn mosaic(
    shared: &Shared,
    order: &[usize],
    index: usize,
    hyper: &AugmentHyper,
    stream: &mut Stream,
) -> Result<Scene, Error> {
    let side = shared.options.imgsz;
    let mut around = || (side / 2 + (stream.uniform() * side as f64) as usize).min(2 * side);
    let centre = (around(), around());
    let mut indices = [index, 0, 0, 0];
    indices[1..].fill_with(|| order[stream.below(order.len())]);
    stream.shuffle(&mut indices);
    let load = |index: usize| shared.images.load(index, &shared.items[index]);
    let [a, b, c, d] = indices;
    let resized = [load(a)?, load(b)?, load(c)?, load(d)?];
    let tile = |i: usize| Tile { image: &resized[i].image, labels: &shared.items[indices[i]].labels };
    let mut scene = mosaic4([tile(0), tile(1), tile(2), tile(3)], side, centre);
    if hyper.copy_paste > 0.0 {
        let outlined = scene.objects.iter().filter(|object| !object.segment.is_empty()).count();
        let chosen = draw_pasted(stream, outlined, hyper.copy_paste);
        if !chosen.is_empty() {
            copy_paste(&mut scene, &chosen);
        }
    }
    Ok(Perspective::draw(stream, hyper).apply(scene, (side, side)))
}

/// Boxes become shares again.
fn finish(index: usize, scene: Scene, geometry: Geometry) -> Sample {
    let size = (scene.image.width, scene.image.height);
    let labels = scene.objects.iter().map(|object| object.label(size)).collect();
    Sample { index, image: scene.image, labels, geometry }
}
