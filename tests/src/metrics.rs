//! The images of the metrics' golden, detections and objects, and what the reference made of them.

use crate::{floats, golden, read_golden};
use serde_json::Value;
use std::collections::BTreeMap;
use yolo_host::eval::{Detection, Metrics, Summary, Truth};
use yolo_host::weights::Array;

/// A case of `make_metrics.py`.
pub struct Case {
    /// Its name.
    pub name: String,
    meta: Value,
    arrays: BTreeMap<String, Array>,
}

/// All cases.
pub fn cases() -> Vec<Case> {
    let goldens = read_golden(&golden("metrics.safetensors"));
    let case = |(name, meta): (&String, &String)| {
        let part = |(key, array): (&String, &Array)| {
            Some((key.strip_prefix(name)?.strip_prefix('.')?.to_string(), array.clone()))
        };
        let meta = serde_json::from_str(meta).ok()?;
        Some(Case { name: name.clone(), meta, arrays: goldens.arrays.iter().filter_map(part).collect() })
    };
    // Versions are in the metadata, too, and no JSON objects.
    goldens.meta.extra.iter().filter_map(case).filter(|case| case.meta.is_object()).collect()
}

impl Case {
    /// The numbers of one of its tensors, none if it is not there.
    pub fn values(&self, key: &str) -> Vec<f64> {
        self.arrays.get(key).map(floats).unwrap_or_default().into_iter().map(f64::from).collect()
    }

    /// A mean of the reference, zero where it found nothing.
    pub fn mean(&self, key: &str) -> f64 {
        self.meta[key].as_f64().unwrap_or(0.0)
    }

    /// Number of classes.
    pub fn nc(&self) -> usize {
        self.meta["nc"].as_u64().unwrap() as usize
    }

    /// Detections and objects of each image.
    pub fn images(&self) -> Vec<(Vec<Detection>, Vec<Truth>)> {
        let objects = |kind: &str| {
            let part = |key: &str| floats(&self.arrays[&format!("{kind}.{key}")]);
            let boxes = part("box");
            let rects: Vec<[f32; 4]> =
                boxes.as_chunks().0.iter().map(|rect| rect.map(|v| v / 16.0)).collect();
            rects.into_iter().zip(part("class").into_iter().map(|class| class as usize))
        };
        let mut detections = objects("found")
            .zip(floats(&self.arrays["found.confidence"]))
            .map(|((rect, class), confidence)| Detection { rect, confidence, class });
        let mut truths = objects("there").map(|(rect, class)| Truth { class, rect });
        let counts = floats(&self.arrays["counts"]);
        let images = counts.chunks_exact(2).map(|count| {
            let (found, there) = (count[0] as usize, count[1] as usize);
            (detections.by_ref().take(found).collect(), truths.by_ref().take(there).collect())
        });
        let images = images.collect();
        assert!(detections.next().is_none() && truths.next().is_none(), "{}: counts", self.name);
        images
    }

    /// Our metrics of them.
    pub fn summary(&self) -> Summary {
        let mut evaluation = Metrics::new(self.nc());
        for (detections, truths) in self.images() {
            evaluation.add(&detections, &truths);
        }
        evaluation.summary()
    }
}
