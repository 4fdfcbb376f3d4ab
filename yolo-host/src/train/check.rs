//! What can be wrong with options and model is told before any data is read.

use super::{Error, Observer, Options};
use crate::data::MAX_IMGSZ;
use crate::exec;
use crate::graph::Role;
use crate::model::Model;

/// Options that cannot be, or do not go together.
pub(super) fn options(options: &Options) -> Result<(), Error> {
    let wrong = |why: String| Err(Error::Options(why));
    let Options { imgsz, batch, epochs, label_smoothing, .. } = *options;
    if !(1..=MAX_IMGSZ).contains(&imgsz) {
        return wrong(format!("`imgsz` {imgsz}: training takes 1 to {MAX_IMGSZ} pixels"));
    }
    if epochs == 0 {
        return wrong("`epochs` must be at least 1".into());
    }
    if !(0.0..=1.0).contains(&label_smoothing) {
        return wrong(format!("`label_smoothing` must be from 0 to 1, not {label_smoothing}"));
    }
    if options.rect && options.image_weights {
        return wrong(
            "`rect` sorts images by their shape, and `image_weights` draws them by chance: leave one of them out".into(),
        );
    }
    if options.quad && (1..4).contains(&batch) {
        return wrong(format!("`quad` makes one image of four: `batch` must be at least 4, not {batch}"));
    }
    Ok(())
}

/// Options that do not fit the model. The size is rounded up to what the model takes, as v6.1 does it.
pub(super) fn model(options: &mut Options, model: &Model, observer: &mut dyn Observer) -> Result<(), Error> {
    model.check_images()?;
    model.graph.check_trainable().map_err(exec::Error::from)?;
    freeze(options, model)?;
    let (asked, stride) = (options.imgsz, model.detect.max_stride());
    options.imgsz = asked.next_multiple_of(stride).max(2 * stride);
    if options.imgsz != asked {
        observer.note(&format!(
            "note: `imgsz` {asked} becomes {}: a multiple of the model's largest stride, {stride}, and at least two of them",
            options.imgsz
        ));
    }
    model.check_size(options.imgsz, options.imgsz)?;
    Ok(())
}

/// Layers that are not there, or nothing left to learn.
fn freeze(options: &Options, model: &Model) -> Result<(), Error> {
    let layers = model.layers.len();
    let wrong = |why: String| Err(Error::Options(format!("`freeze` {why}")));
    let beyond = match options.freeze.as_slice() {
        [count] => Some(count).filter(|count| **count > layers),
        rows => rows.iter().find(|row| **row >= layers),
    };
    if let Some(number) = beyond {
        return wrong(format!(
            "{number}: the model has the layers 0 to {}; one number freezes so many first ones, several freeze the layers of \
             these numbers",
            layers - 1
        ));
    }
    if !moving(options, model).contains(&true) {
        let asked: Vec<String> = options.freeze.iter().map(ToString::to_string).collect();
        return wrong(format!("{}: all layers are frozen, and there is nothing to learn", asked.join(" ")));
    }
    Ok(())
}

/// Which parameters of a model move: those that can, and are not frozen.
pub(super) fn moving(options: &Options, model: &Model) -> Vec<bool> {
    let frozen: Vec<String> = options.frozen().iter().map(|row| format!("model.{row}.")).collect();
    let params = model.graph.params.iter();
    params
        .map(|param| {
            param.role == Role::Trainable && !frozen.iter().any(|prefix| param.name.starts_with(prefix))
        })
        .collect()
}
