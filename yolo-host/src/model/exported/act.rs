//! The activations of an exported file beside the model's.

use super::super::modules::Difference;
use super::own::Own;
use super::{Model, own, pair};
use crate::graph::Act;
use crate::plugin::activation::{KNOWN, written};
use crate::weights::{POINTS, Unit, hard_sigmoid, sigmoid, softplus};
use std::collections::HashMap;

/// 16-bit floats have three digits.
const NEAR: f64 = 2e-3;

/// Activations behind units of the file that are others than the model's; none if the networks differ in more.
pub fn differences(model: &Model, units: &[Unit]) -> Vec<Difference> {
    let Ok(own) = own::units(&model.graph, &model.detect.outputs) else { return vec![] };
    pairs(&own, units).into_iter().filter_map(|(own, unit)| difference(own, unit)).collect()
}

/// As the weights will be paired.
fn pairs<'a>(own: &'a [Own], units: &'a [Unit]) -> Vec<(&'a Own, &'a Unit)> {
    if units.iter().all(|unit| unit.module.is_some()) {
        let places: HashMap<Option<&str>, &Own> =
            own.iter().map(|own| (own.module.as_deref(), own)).collect();
        let pair = |unit: &'a Unit| Some((*places.get(&unit.module.as_deref())?, unit));
        return units.iter().filter_map(pair).collect();
    }
    let places = pair::pair(own, units).unwrap_or_default();
    own.iter().zip(places).map(|(own, place)| (own, &units[place])).collect()
}

fn difference(own: &Own, unit: &Unit) -> Option<Difference> {
    let (model, values) = (own.act.as_ref()?, unit.behind?);
    let name = own.activated.clone().unwrap_or_else(|| own.place());
    let Some(found) = recognised(&values) else {
        return Some(Difference::Unknown(format!(
            "behind {name} the file has an activation that there is not here; there are {KNOWN}"
        )));
    };
    let same = match (found, model) {
        (Some(Act::LeakyRelu(a)), Some(Act::LeakyRelu(b))) => (a - b).abs() < NEAR,
        (found, model) => found == *model,
    };
    match (same, model, &own.activated) {
        (true, ..) => None,
        (false, Some(_), Some(_)) => Some(Difference::Other { name, found, model: *model }),
        _ => {
            let (found, model) = (written(found), written(*model));
            Some(Difference::Unknown(format!("behind {name} {found} stands, and {model} in the model")))
        }
    }
}

/// The activation that makes these values of the points; `None` in it is the identity.
fn recognised(values: &[f64]) -> Option<Option<Act>> {
    let at = |point: f64| POINTS.iter().position(|other| *other == point).and_then(|place| values.get(place));
    // As people write it: 0.1, not 0.10000000149.
    let slope = at(-1.0).and_then(|value| (-*value as f32).to_string().parse().ok()).unwrap_or(0.0);
    let known = [
        None,
        Some(Act::Relu),
        Some(Act::Relu6),
        Some(Act::Silu),
        Some(Act::Sigmoid),
        Some(Act::HardSigmoid),
        Some(Act::HardSwish),
        Some(Act::Tanh),
        Some(Act::Mish),
        Some(Act::LeakyRelu(slope)),
    ];
    known.into_iter().find(|act| {
        let near = |(point, value): (&f64, &f64)| {
            (value_of(*act, *point) - value).abs() <= NEAR * (1.0 + value.abs())
        };
        POINTS.iter().zip(values).all(near)
    })
}

fn value_of(act: Option<Act>, x: f64) -> f64 {
    match act {
        None => x,
        Some(Act::Relu) => x.max(0.0),
        Some(Act::Relu6) => x.clamp(0.0, 6.0),
        Some(Act::LeakyRelu(slope)) => x.max(0.0) + slope * x.min(0.0),
        Some(Act::Silu | Act::Conv) => x * sigmoid(x),
        Some(Act::Sigmoid) => sigmoid(x),
        Some(Act::HardSigmoid) => hard_sigmoid(x, 1.0 / 6.0, 0.5),
        Some(Act::HardSwish) => x * hard_sigmoid(x, 1.0 / 6.0, 0.5),
        Some(Act::Tanh) => x.tanh(),
        Some(Act::Mish) => x * softplus(x).tanh(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_activation_is_told_from_the_others() {
        for act in Act::all(0.1).into_iter().filter(|act| *act != Act::Conv).map(Some).chain([None]) {
            // As 16-bit floats.
            let values = POINTS.map(|point| value_of(act, point) * 1.0005);
            let found = recognised(&values).unwrap();
            let same =
                matches!((found, act), (Some(Act::LeakyRelu(_)), Some(Act::LeakyRelu(_)))) || found == act;
            assert!(same, "{act:?}: {found:?}");
        }
        assert_eq!(recognised(&POINTS.map(|x| if x > 0.0 { x } else { x.exp_m1() })), None);
        assert_eq!(
            recognised(&POINTS.map(|x| x.max(f64::from(0.1f32) * x))),
            Some(Some(Act::LeakyRelu(0.1)))
        );
    }
}
