//! The model of a pickled checkpoint: what its modules compute counts, where the YAML beside them says something else.
//! Checkpoints of YOLOv5 before v4.0, of v7.0 with the key `activation`, and of people who set `Conv.act`, have other
//! activations than SiLU.

use super::modules::{Difference, Modules};
use super::relatives::check_family;
use super::{Error, Model, Spec, exported};
use crate::graph::{Act, BATCH_NORM_EPS};
use crate::plugin::Registry;
use crate::plugin::activation::written;
use crate::weights::{Attribute, Checkpoint, Data};
use std::collections::BTreeMap;
use std::fmt;

/// Modules of a checkpoint that are not those of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit(Vec<String>);

/// So many of them are in the message.
const SHOWN: usize = 5;

impl std::error::Error for Misfit {}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = self.0.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let shown: Vec<&str> = self.0.iter().take(SHOWN).map(String::as_str).collect();
        write!(
            f,
            "the modules in the weights compute something else than this model: {}{more}",
            shown.join("; ")
        )
    }
}

impl Model {
    /// As [`Model::prepare`], with the activations that the checkpoint's modules have. What a user should know of that is
    /// among the registry's notes.
    pub fn of_checkpoint(
        spec: Spec,
        checkpoint: &mut Checkpoint,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        let own = checkpoint.meta.model.as_ref() == Some(&spec.text);
        let model = Self::prepare(spec.clone(), registry)
            .map_err(|error| check_family(&spec, registry).err().unwrap_or(error))?;
        let file = model.spec.file.clone();
        if !checkpoint.units.is_empty() {
            let found = |model: &Model| exported::differences(model, &checkpoint.units);
            let model = adopted(model, &found, registry)?;
            let misfits: Vec<String> = found(&model).iter().map(Difference::to_string).collect();
            return match misfits.is_empty() {
                true => Ok(model),
                false => Err(Error::Modules { file, source: Misfit(misfits) }),
            };
        }
        if checkpoint.modules.is_empty() {
            return Ok(model);
        }
        registry.add_notes(even_eps(checkpoint).map(|note| format!("{file}: {note}")));
        let modules = Modules::new(&checkpoint.modules);
        let mut misfits = modules.misfits(&model, own);
        let model = if misfits.is_empty() {
            adopted(model, &|model| modules.activations(model), registry)?
        } else {
            model
        };
        misfits.extend(modules.activations(&model).iter().map(Difference::to_string));
        match misfits.is_empty() {
            true => Ok(model),
            false => Err(Error::Modules { file, source: Misfit(misfits) }),
        }
    }

    /// A note if the modules of a checkpoint whose values this model takes have other activations.
    pub fn other_activations(&self, checkpoint: &Checkpoint) -> Option<String> {
        let differences = match checkpoint.units.is_empty() {
            true => Modules::new(&checkpoint.modules).activations(self),
            false => exported::differences(self, &checkpoint.units),
        };
        let taken: BTreeMap<String, Option<Act>> = takeable(&differences);
        let (act, count) = commonest(&taken)?;
        Some(format!(
            "the weights were trained with other activations: with {} in {count} of their modules; `activation: {0}` in the \
             model file takes it over",
            written(act)
        ))
    }
}

/// The model with the activations of the modules: one for every Conv where that will do, else for single ones.
fn adopted(
    model: Model,
    found: &dyn Fn(&Model) -> Vec<Difference>,
    registry: &mut Registry,
) -> Result<Model, Error> {
    let differences = found(&model);
    let mut single = takeable(&differences);
    let Some((act, _)) = commonest(&single) else { return Ok(model) };
    let mut best = model;
    let common = Model::build(best.spec.clone().with_activation(act)?, registry)?;
    let left = takeable(&found(&common));
    if left.len() < single.len() {
        registry.add_notes([format!(
            "{}: the modules have {} in Conv, and so has the model",
            best.spec.file,
            written(act)
        )]);
        (best, single) = (common, left);
    }
    if single.is_empty() {
        return Ok(best);
    }
    let count = single.len();
    registry.add_notes([format!("{}: {count} activations are taken from the modules", best.spec.file)]);
    let mut all = best.spec.activations.clone();
    all.extend(single);
    Model::build(best.spec.with_activations(&all)?, registry)
}

/// The differences that another activation mends.
fn takeable(differences: &[Difference]) -> BTreeMap<String, Option<Act>> {
    let take = |difference: &Difference| match difference {
        Difference::Other { name, found, .. } => Some((name.clone(), *found)),
        Difference::Unknown(_) => None,
    };
    differences.iter().filter_map(take).collect()
}

/// The activation that occurs most often, and how often.
fn commonest(activations: &BTreeMap<String, Option<Act>>) -> Option<(Option<Act>, usize)> {
    let count = |act: &Option<Act>| activations.values().filter(|other| *other == act).count();
    activations.values().map(|act| (*act, count(act))).max_by_key(|(_, count)| *count)
}

/// Gives every batch norm the epsilon that it has here. What `running_var + eps` gives stays.
fn even_eps(checkpoint: &mut Checkpoint) -> Option<String> {
    let mut changed = BTreeMap::new();
    for module in checkpoint.modules.iter_mut().filter(|module| module.class.contains("BatchNorm")) {
        let eps = module.attributes.iter_mut().find(|(name, _)| name == "eps");
        let Some((_, Attribute::Number(eps))) = eps else { continue };
        let array = checkpoint.arrays.get_mut(&format!("{}.running_var", module.path));
        let Some(Data::F32(values)) = array.map(|array| &mut array.data) else { continue };
        if *eps != BATCH_NORM_EPS && eps.is_finite() {
            values.iter_mut().for_each(|value| *value = (f64::from(*value) + *eps - BATCH_NORM_EPS) as f32);
            *changed.entry(eps.to_string()).or_insert(0) += 1;
            *eps = BATCH_NORM_EPS;
        }
    }
    let changed: Vec<String> =
        changed.iter().map(|(eps, count)| format!("{eps} in {count} modules")).collect();
    (!changed.is_empty()).then(|| {
        let changed = changed.join(", ");
        format!(
            "batch norm has an eps of {changed}; the difference from {BATCH_NORM_EPS} went into running_var"
        )
    })
}
