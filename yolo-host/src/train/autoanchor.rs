//! Anchors held against the data before a training, and exchanged where they fit badly (v6.1 `check_anchors`).

use super::{Error, Hyper, Observer, Options, fit, kmean_anchors};
use crate::data::Item;
use crate::model::{Model, State};
use crate::random::Stream;

/// Share of boxes that the anchors must fit, or better ones are looked for.
const GOOD_RECALL: f64 = 0.98;

/// Precision two by two.
pub(super) fn pairs(values: &[f32]) -> Vec<[f64; 2]> {
    values.chunks_exact(2).map(|pair| [f64::from(pair[0]), f64::from(pair[1])]).collect()
}

/// Whether the model has anchors: a count in their place leaves numbers that only stand for them, with a nought among them.
pub(super) fn usable(state: &State, model: &Model) -> Result<(), Error> {
    match state.floats(model.detect.anchors).iter().all(|side| *side > 0.0) {
        true => Ok(()),
        false => Err(Error::Options(format!(
            "{}: `anchors` is their number only, to be found from the data: leave `noautoanchor` out, or write their \
             sizes",
            model.spec.file
        ))),
    }
}

/// Exchanges anchors that fit the data badly (v6.1 `check_anchors`).
pub(super) fn fit_anchors(
    state: &mut State,
    model: &Model,
    options: &Options,
    hyper: &Hyper,
    items: &[Item],
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let detect = &model.detect;
    let mut stream = Stream::keyed(&format!("check anchors {}", options.seed));
    let (mut boxes, mut varied) = (Vec::new(), Vec::new());
    for item in items {
        let longest = item.size.0.max(item.size.1) as f64;
        let sides = [item.size.1, item.size.0].map(|side| options.imgsz as f64 * side as f64 / longest);
        let factor = 0.9 + 0.2 * stream.uniform();
        for label in &item.labels {
            let wh = [label.rect[2] * sides[0], label.rect[3] * sides[1]];
            boxes.push(wh);
            varied.push(wh.map(|side| side * factor));
        }
    }
    let cells = pairs(state.floats(detect.anchors));
    let strides =
        || detect.strides.iter().flat_map(|stride| std::iter::repeat_n(f64::from(*stride), detect.na));
    let pixels: Vec<[f64; 2]> =
        cells.iter().zip(strides()).map(|(cell, stride)| cell.map(|side| side * stride)).collect();
    let now = fit(&varied, &pixels, hyper.anchor_t);
    let text =
        format!("anchors fit {:.1} % of the objects, {:.2} an object", 100.0 * now.recall, now.per_target);
    let usable = usable(state, model).is_ok();
    if usable && now.recall > GOOD_RECALL {
        observer.note(&text);
        return Ok(());
    }
    let found = kmean_anchors(&boxes, pixels.len(), hyper.anchor_t, options.seed);
    let better = found.filter(|found| !usable || fit(&varied, found, hyper.anchor_t).recall > now.recall);
    let Some(found) = better else {
        if !usable {
            let file = model.spec.file.clone();
            return Err(Error::Anchors { file, wanted: pixels.len(), objects: boxes.len() });
        }
        observer.note(&format!("{text}; no better ones were found"));
        return Ok(());
    };
    let new = fit(&varied, &found, hyper.anchor_t);
    // Small to large, as the strides are; the other way round where the strides fall.
    let rising = detect.strides.first() <= detect.strides.last();
    let ordered: Vec<[f64; 2]> =
        if rising { found.clone() } else { found.chunks(detect.na).rev().flatten().copied().collect() };
    let values = ordered.iter().zip(strides()).flat_map(|(wh, stride)| wh.map(|side| (side / stride) as f32));
    state.set_floats(detect.anchors, values.collect());
    let shown: Vec<String> = found.iter().map(|wh| format!("{:.0},{:.0}", wh[0], wh[1])).collect();
    observer.note(&format!("{text}; new ones fit {:.1} %: {}", 100.0 * new.recall, shown.join("  ")));
    Ok(())
}
