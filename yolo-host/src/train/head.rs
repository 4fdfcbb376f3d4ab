//! What a training takes of the head of other weights: classes by name, and what is to be said of it.

use crate::classes::{By, ClassMap, drop_head, fits_head, head_parameters, list};
use crate::model::{Model, State};
use crate::weights::Checkpoint;

/// Takes Detect's classes by name where the weights have others than the data or another order, and leaves the rest to be taken
/// by shape. How many of its tensors are then as in the file, and a note.
pub(super) fn transfer(
    checkpoint: &mut Checkpoint,
    model: &Model,
    state: &mut State,
    want: &[String],
) -> (usize, Option<String>) {
    const UNNAMED: &str = "head: classes are taken by number, since the weights or the data have no names";
    let arrays = &mut checkpoint.arrays;
    let Some(have) = checkpoint.meta.names.as_deref() else {
        return (0, fits_head(model, arrays).then(|| UNNAMED.into()));
    };
    let map = match ClassMap::new(Some(have), have.len(), want) {
        Ok(map) => map,
        Err(error) => {
            drop_head(model, arrays);
            return (0, Some(format!("head: starts fresh: {error}")));
        }
    };
    match map.by() {
        By::Order => return (0, None),
        By::Number => return (0, Some(UNNAMED.into())),
        By::Name => (),
    }
    if !map.take_head(model, state, arrays) {
        return (0, Some("head: starts fresh, since that of the weights has other anchors or inputs".into()));
    }
    let known = want.len() - map.missing().len();
    let text = format!("head: {known} of {} classes taken by name", want.len());
    match map.missing() {
        [] => (head_parameters(model).len(), Some(text)),
        fresh => (0, Some(format!("{text}; fresh: {}", list(fresh)))),
    }
}
