//! Anchors that fit the data (v6.1 `utils/autoanchor.py`): how well the model's do, and better ones by k-means and a genetic
//! search.

use crate::random::Stream;

/// How well anchors fit boxes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Share of the boxes that some anchor fits: best possible recall.
    pub recall: f64,
    /// Anchors that fit a box, on average.
    pub per_target: f64,
}

/// Generations of the genetic search.
const GENERATIONS: usize = 1000;
/// Rounds of k-means.
const ROUNDS: usize = 30;

/// The smaller of the ratios of two sides, over width and height.
fn likeness(wh: &[f64; 2], anchor: &[f64; 2]) -> f64 {
    let ratio = |i: usize| (wh[i] / anchor[i]).min(anchor[i] / wh[i]);
    ratio(0).min(ratio(1))
}

fn best(wh: &[f64; 2], anchors: &[[f64; 2]]) -> f64 {
    anchors.iter().map(|anchor| likeness(wh, anchor)).fold(0.0, f64::max)
}

/// The fit of anchors to boxes, both in pixels; `anchor_t` is the greatest ratio of sides.
pub fn fit(boxes: &[[f64; 2]], anchors: &[[f64; 2]], anchor_t: f64) -> Fit {
    let least = 1.0 / anchor_t;
    let count = boxes.len().max(1) as f64;
    let fitting = |wh: &[f64; 2]| anchors.iter().filter(|anchor| likeness(wh, anchor) > least).count();
    Fit {
        recall: boxes.iter().filter(|wh| best(wh, anchors) > least).count() as f64 / count,
        per_target: boxes.iter().map(fitting).sum::<usize>() as f64 / count,
    }
}

/// `count` anchors for boxes of these widths and heights in pixels, small to large; none if there are too few boxes.
pub fn kmean_anchors(boxes: &[[f64; 2]], count: usize, anchor_t: f64, seed: u64) -> Option<Vec<[f64; 2]>> {
    let boxes: Vec<[f64; 2]> = boxes.iter().copied().filter(|wh| wh[0] >= 2.0 || wh[1] >= 2.0).collect();
    let mut stream = Stream::keyed(&format!("anchors {seed}"));
    let mut anchors = kmeans(&boxes, count, &mut stream)?;
    let least = 1.0 / anchor_t;
    let fitness = |anchors: &[[f64; 2]]| {
        let good = boxes.iter().map(|wh| best(wh, anchors)).filter(|best| *best > least);
        good.sum::<f64>() / boxes.len() as f64
    };
    let mut best = fitness(&anchors);
    for _ in 0..GENERATIONS {
        let mutated = mutation(&anchors, &mut stream);
        let fit = fitness(&mutated);
        if fit > best {
            (best, anchors) = (fit, mutated);
        }
    }
    anchors.sort_by(|a, b| (a[0] * a[1]).total_cmp(&(b[0] * b[1])));
    Some(anchors)
}

/// Nine in ten sides changed, by a normal factor of a deviation up to a tenth.
fn mutation(anchors: &[[f64; 2]], stream: &mut Stream) -> Vec<[f64; 2]> {
    loop {
        let strength = stream.uniform() * 0.1;
        let mut factor = || {
            let (chosen, normal) = (stream.uniform() < 0.9, stream.normal());
            if chosen { (1.0 + normal * strength).clamp(0.3, 3.0) } else { 1.0 }
        };
        let mutated: Vec<[f64; 2]> =
            anchors.iter().map(|anchor| anchor.map(|side| (side * factor()).max(2.0))).collect();
        if mutated != anchors {
            return mutated;
        }
    }
}

/// Centres of `count` clusters of the boxes, sides weighed by their deviation: the best of several starts.
fn kmeans(boxes: &[[f64; 2]], count: usize, stream: &mut Stream) -> Option<Vec<[f64; 2]>> {
    let n = boxes.len() as f64;
    if boxes.len() < count || count == 0 {
        return None;
    }
    let deviation = [0, 1].map(|side| {
        let mean = boxes.iter().map(|wh| wh[side]).sum::<f64>() / n;
        (boxes.iter().map(|wh| (wh[side] - mean).powi(2)).sum::<f64>() / n).sqrt().max(1e-9)
    });
    let distance = |a: &[f64; 2], b: &[f64; 2]| {
        ((a[0] - b[0]) / deviation[0]).powi(2) + ((a[1] - b[1]) / deviation[1]).powi(2)
    };
    let nearest = |wh: &[f64; 2], centres: &[[f64; 2]]| {
        let distances = centres.iter().map(|centre| distance(wh, centre)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::INFINITY))
    };
    let mut best: Option<(f64, Vec<[f64; 2]>)> = None;
    for _ in 0..ROUNDS {
        let mut places: Vec<usize> = (0..boxes.len()).collect();
        for i in 0..count {
            let other = i + (stream.uniform() * (places.len() - i) as f64) as usize;
            places.swap(i, other);
        }
        let mut centres: Vec<[f64; 2]> = places[..count].iter().map(|i| boxes[*i]).collect();
        let mut error = f64::INFINITY;
        loop {
            let mut sums = vec![[0.0; 3]; count];
            let mut total = 0.0;
            for wh in boxes {
                let (cluster, distance) = nearest(wh, &centres);
                total += distance;
                let sum = &mut sums[cluster];
                *sum = [sum[0] + wh[0], sum[1] + wh[1], sum[2] + 1.0];
            }
            for (centre, [w, h, n]) in centres.iter_mut().zip(sums) {
                if n > 0.0 {
                    *centre = [w / n, h / n];
                }
            }
            if total >= error * (1.0 - 1e-5) {
                break;
            }
            error = total;
        }
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, centres));
        }
    }
    best.map(|(_, centres)| centres)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_find_the_clusters() {
        let mut stream = Stream::keyed("boxes");
        let sizes = [[10.0, 12.0], [40.0, 30.0], [90.0, 200.0]];
        let boxes: Vec<[f64; 2]> =
            (0..300).map(|i| sizes[i % 3].map(|side| side * (0.9 + 0.2 * stream.uniform()))).collect();
        let found = kmean_anchors(&boxes, 3, 4.0, 0).unwrap();
        for (found, size) in found.iter().zip(sizes) {
            assert!((0..2).all(|i| (found[i] / size[i] - 1.0).abs() < 0.1), "{found:?} {size:?}");
        }
        assert_eq!(fit(&boxes, &found, 4.0).recall, 1.0);
        assert_eq!(found, kmean_anchors(&boxes, 3, 4.0, 0).unwrap());
        assert_eq!(kmean_anchors(&boxes[..2], 3, 4.0, 0), None);
    }

    /// By hand: sides of ratios 2 and 5.
    #[test]
    fn fit_counts_anchors_within_the_ratio() {
        let got = fit(&[[10.0, 20.0], [50.0, 10.0]], &[[10.0, 10.0], [20.0, 20.0]], 4.0);
        assert_eq!(got, Fit { recall: 1.0, per_target: 1.5 });
    }
}
