//! Samples put together to a batch: upstream's `collate_fn` and, for quad, `collate_fn4`.

use super::sample::Sample;
use super::{Batch, Shared};
use crate::data::augment::{enlarge, join};
use crate::image::pixels;
use crate::random::Stream;

/// A batch of samples of one size. `place` is its epoch and its number in it.
pub fn collate(shared: &Shared, samples: Vec<Sample>, place: (usize, usize)) -> Batch {
    let samples = if shared.options.quad { quads(shared.options.seed, samples, place) } else { samples };
    let (height, width) = samples.first().map_or((0, 0), |sample| (sample.image.height, sample.image.width));
    let channels = shared.options.channels;
    let mut batch = Batch {
        pixels: Vec::with_capacity(samples.len() * height * width * channels),
        shape: [samples.len(), channels, height, width],
        targets: vec![],
        images: vec![],
        geometry: vec![],
    };
    for (at, sample) in samples.into_iter().enumerate() {
        batch.pixels.extend_from_slice(&pixels(&sample.image, channels));
        batch.targets.extend(sample.labels.into_iter().map(|label| (at, label)));
        batch.images.push(sample.index);
        batch.geometry.push(sample.geometry);
    }
    batch
}

/// Of every four samples one of twice the side: the first enlarged, or all of them beside each other.
fn quads(seed: u64, samples: Vec<Sample>, (epoch, batch): (usize, usize)) -> Vec<Sample> {
    let mut stream = Stream::counted("quad", &[seed, epoch as u64, batch as u64]);
    let mut quads = Vec::new();
    let mut samples = samples.into_iter();
    let mut four = || Some([samples.next()?, samples.next()?, samples.next()?, samples.next()?]);
    while let Some([a, b, c, d]) = four() {
        let Sample { index, geometry, .. } = a;
        let (image, labels) = match stream.uniform() < 0.5 {
            true => (enlarge(&a.image), a.labels),
            false => join([a, b, c, d].map(|sample| (sample.image, sample.labels))),
        };
        quads.push(Sample { index, image, labels, geometry });
    }
    quads
}
