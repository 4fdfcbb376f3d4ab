//! Samples put together to a batch: upstream's `collate_fn` and, for quad, `collate_fn4`.

use super::sample::Sample;
use super::{Batch, Shared};
use crate::data::{Label, Picture, planes_into};
use crate::random::Stream;

/// A batch of samples of one size. `place` is its epoch and its number in it.
pub fn collate(shared: &Shared, samples: Vec<Sample>, place: (usize, usize)) -> Batch {
    let samples = if shared.options.quad { quads(shared.options.seed, samples, place) } else { samples };
    let (height, width) =
        samples.first().map_or((0, 0), |sample| (sample.picture.height, sample.picture.width));
    let size = 3 * height * width;
    let mut batch = Batch {
        planes: vec![0.0; samples.len() * size],
        shape: [samples.len(), 3, height, width],
        targets: vec![],
        pictures: vec![],
        geometry: vec![],
    };
    for (at, sample) in samples.into_iter().enumerate() {
        planes_into(&sample.picture, &mut batch.planes[at * size..(at + 1) * size]);
        batch.targets.extend(sample.labels.into_iter().map(|label| (at, label)));
        batch.pictures.push(sample.index);
        batch.geometry.push(sample.geometry);
    }
    batch
}

/// Of every four samples one of twice the side: the first enlarged, or all of them beside each other.
fn quads(seed: u64, samples: Vec<Sample>, (epoch, batch): (usize, usize)) -> Vec<Sample> {
    let mut stream = Stream::counted("quad", &[seed, epoch as u64, batch as u64]);
    let mut quads = Vec::new();
    let mut samples = samples.into_iter();
    while let (Some(a), Some(b), Some(c), Some(d)) =
        (samples.next(), samples.next(), samples.next(), samples.next())
    {
        let enlarged = stream.uniform() < 0.5;
        quads.push(if enlarged { Sample { picture: double(&a.picture), ..a } } else { join([a, b, c, d]) });
    }
    quads
}

/// `F.interpolate(…, scale_factor=2, mode='bilinear', align_corners=False)` of bytes, fractions dropped.
pub fn double(picture: &Picture) -> Picture {
    let (width, height) = (picture.width, picture.height);
    let pixels = picture.pixels();
    // Of a pixel's two halves the first leans on the pixel before, the second on the one after.
    let beside = |at: usize, length: usize| {
        if at % 2 == 0 { (at / 2).saturating_sub(1) } else { (at / 2 + 1).min(length - 1) }
    };
    let mut rgb = Vec::with_capacity(12 * width * height);
    for y in 0..2 * height {
        let (near, far) = (&pixels[y / 2 * width..][..width], &pixels[beside(y, height) * width..][..width]);
        for x in 0..2 * width {
            let (x, side) = (x / 2, beside(x, width));
            rgb.extend((0..3).map(|channel| {
                let [a, b, c, d] =
                    [near[x], near[side], far[x], far[side]].map(|pixel| u16::from(pixel[channel]));
                ((9 * a + 3 * b + 3 * c + d) >> 4) as u8
            }));
        }
    }
    Picture { width: 2 * width, height: 2 * height, rgb }
}

/// Four samples of one size as quarters: the second below the first, the third and fourth on their right.
fn join([a, b, c, d]: [Sample; 4]) -> Sample {
    let (width, height) = (a.picture.width, a.picture.height);
    let rows = |left: &Picture, right: &Picture| -> Vec<u8> {
        let pitch = 3 * width.max(1);
        left.rgb
            .chunks(pitch)
            .zip(right.rgb.chunks(pitch))
            .flat_map(|(left, right)| [left, right].concat())
            .collect()
    };
    let rgb = [rows(&a.picture, &c.picture), rows(&b.picture, &d.picture)].concat();
    let moved = |labels: Vec<Label>, across: f32, down: f32| {
        labels.into_iter().map(move |label| {
            let [x, y, w, h] = label.rect.map(|share| share as f32);
            let rect = [(x + across) * 0.5, (y + down) * 0.5, w * 0.5, h * 0.5].map(f64::from);
            Label { rect, ..label }
        })
    };
    let labels = moved(a.labels, 0.0, 0.0)
        .chain(moved(b.labels, 0.0, 1.0))
        .chain(moved(c.labels, 1.0, 0.0))
        .chain(moved(d.labels, 1.0, 1.0))
        .collect();
    let picture = Picture { width: 2 * width, height: 2 * height, rgb };
    Sample { index: a.index, picture, labels, geometry: a.geometry }
}
