//! The models of a detector, and several detectors as one.

use super::{Detector, Error};
use crate::classes::{By, ClassMap};
use crate::ensemble::{self, Member};
use crate::exec::{Images, Network};
use crate::model::Model;
use std::sync::{Mutex, PoisonError};

/// No message names more classes.
const SHOWN: usize = 5;

/// One of a detector's models.
pub struct Part {
    pub model: Model,
    /// One run at a time uses its memory.
    pub network: Mutex<Box<dyn Network>>,
    pub anchors: Vec<f32>,
    /// See [`Member::classes`].
    pub classes: Option<Vec<usize>>,
}

impl Detector {
    /// Several detectors as one, as upstream's `Ensemble`: what all find goes into one suppression. Classes are those of
    /// the last, to which the numbers of the others are brought.
    ///
    /// # Errors
    /// [`Error::Ensemble`] when they do not find the same classes, or take images of other channels.
    pub fn ensemble(before: Vec<Detector>, last: Detector) -> Result<Self, Error> {
        let mut parts = vec![];
        for Detector { before, last: part, names, .. } in before {
            let wrong = |why| Error::Ensemble {
                model: part.model.spec.file.clone(),
                last: last.last.model.spec.file.clone(),
                why,
            };
            let (channels, wanted) = (part.model.spec.channels, last.last.model.spec.channels);
            if channels != wanted {
                return Err(wrong(format!("one takes images of {channels} channels, the other of {wanted}")));
            }
            let classes = match ClassMap::new(Some(&names), names.len(), &last.names) {
                Ok(map) if map.by() == By::Order => None,
                Ok(map) if map.by() == By::Name && map.is_permutation() => {
                    Some(map.from().iter().flatten().copied().collect::<Vec<_>>())
                }
                _ => return Err(wrong(strangers(&names, &last.names))),
            };
            for mut part in before.into_iter().chain([part]) {
                part.classes = match (&classes, part.classes) {
                    (Some(outer), Some(inner)) => Some(outer.iter().map(|class| inner[*class]).collect()),
                    (outer, inner) => outer.clone().or(inner),
                };
                parts.push(part);
            }
        }
        parts.extend(last.before);
        Ok(Detector { before: parts, ..last })
    }

    /// Its models as [`crate::validation::validate_batches`] takes them.
    pub fn members(&mut self) -> Vec<Member<'_>> {
        self.before.iter_mut().chain([&mut self.last]).map(Part::member).collect()
    }
}

/// What keeps two lists of names from being the same.
fn strangers(one: &[String], other: &[String]) -> String {
    let lacks = |list: &[String], names: &[String]| -> Vec<String> {
        names.iter().filter(|name| !list.contains(name)).map(|name| format!("`{name}`")).collect()
    };
    let only = [lacks(other, one), lacks(one, other)].concat();
    let more = if only.len() > SHOWN { ", …" } else { "" };
    let shown = only[..only.len().min(SHOWN)].join(", ");
    format!("they find {} and {} classes, and only one of them finds {shown}{more}", one.len(), other.len())
}

impl Part {
    fn member(&mut self) -> Member<'_> {
        let Part { model, network, anchors, classes } = self;
        let network = network.get_mut().unwrap_or_else(PoisonError::into_inner);
        Member { network: &mut **network, detect: &model.detect, anchors, classes: classes.as_deref() }
    }

    /// Rows of one image of this height and width; see [`Detector::predict`].
    pub fn rows(
        &self,
        image: Images,
        (height, width): (usize, usize),
        augment: bool,
        threshold: f32,
    ) -> Result<Vec<f32>, Error> {
        self.model.check_size(height, width)?;
        // A run that panicked left nothing that the next one reads.
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let mut members = [Member {
            network: &mut **network,
            detect: &self.model.detect,
            anchors: &self.anchors,
            classes: self.classes.as_deref(),
        }];
        let images = (image, [1, self.model.spec.channels, height, width]);
        let found = ensemble::rows(&mut members, images, augment, threshold, |_| Ok::<_, Error>(()))?;
        Ok(found.images.concat())
    }
}
