//! The modules of a pickled model beside the graph that its YAML gives.

use super::Model;
use crate::graph::{Act, Graph, Op, ValueId};
use crate::plugin::activation::{KNOWN, SLOPE, of_class, written};
use crate::weights::{Attribute, ModuleInfo};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An activation that is another than the model's.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// One that could be the model's.
    Other {
        /// The module behind which it stands, as [`Graph::activated`] names it.
        name: String,
        /// The checkpoint's …
        found: Option<Act>,
        /// … and the model's.
        model: Option<Act>,
    },
    /// One that cannot.
    Unknown(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Other { name, found, model } => {
                write!(f, "behind {name} {} stands, and {} in the model", written(*found), written(*model))
            }
            Difference::Unknown(what) => f.write_str(what),
        }
    }
}

/// What stands behind a module.
enum Behind<'a> {
    Activation(&'a str, Option<Act>),
    Unknown(&'a str, &'a str),
    Nothing,
}

/// Activations of PyTorch and upstream that there are not here.
const OTHERS: [&str; 24] = [
    "AconC",
    "CELU",
    "ELU",
    "FReLU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardtanh",
    "LogSigmoid",
    "LogSoftmax",
    "MetaAconC",
    "PReLU",
    "RReLU",
    "SELU",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanhshrink",
    "Threshold",
    "ReLU1",
    "Hardelu",
];

/// The modules of a checkpoint by their path.
pub struct Modules<'a> {
    pub(super) by_path: BTreeMap<&'a str, &'a ModuleInfo>,
}

impl<'a> Modules<'a> {
    /// The modules of a checkpoint.
    pub fn new(modules: &'a [ModuleInfo]) -> Self {
        Modules { by_path: modules.iter().map(|module| (module.path.as_str(), module)).collect() }
    }

    /// Activations that are others than the model's, or that the model has none for.
    pub fn activations(&self, model: &Model) -> Vec<Difference> {
        let graph = &model.graph;
        let mut differences = vec![];
        // Activations without a place, and modules that were found to be activations, by row.
        let mut placeless: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut active: BTreeSet<String> = BTreeSet::new();
        for node in &graph.nodes {
            let Op::Activation(act) = node.op else { continue };
            let x = node.inputs[0];
            let name = graph.activated(x, node.layer);
            match name
                .as_ref()
                .and_then(|_| graph.module(x))
                .map_or(Behind::Nothing, |module| self.behind(module))
            {
                Behind::Activation(path, found) => {
                    seen.insert(path);
                    if let Some(name) = name.clone().filter(|_| found != Some(act)) {
                        differences.push(Difference::Other { name, found, model: Some(act) });
                    }
                }
                Behind::Unknown(path, class) => {
                    seen.insert(path);
                    differences.push(unknown(path, class));
                }
                Behind::Nothing => placeless.entry(node.layer).or_default().push(written(Some(act))),
            }
            active.extend(name);
        }
        differences.extend(self.without(graph, &active, &mut seen));
        differences.extend(self.left(&placeless, &seen));
        differences
    }

    /// Activations behind modules where the model has none.
    fn without(
        &self,
        graph: &Graph,
        active: &BTreeSet<String>,
        seen: &mut BTreeSet<&'a str>,
    ) -> Vec<Difference> {
        let mut differences = vec![];
        for (place, node) in graph.nodes.iter().enumerate() {
            let x = ValueId(place);
            let (Some(module), Some(name)) = (graph.module(x), graph.activated(x, node.layer)) else {
                continue;
            };
            if active.contains(&name) {
                continue;
            }
            match self.behind(module) {
                Behind::Activation(path, found) if seen.insert(path) && found.is_some() => {
                    let found = written(found);
                    differences.push(Difference::Unknown(format!(
                        "{path} is {found}, and the model has no activation there"
                    )));
                }
                Behind::Unknown(path, class) if seen.insert(path) => differences.push(unknown(path, class)),
                _ => {}
            }
        }
        differences
    }

    /// What is left of both in each row must be the same.
    fn left(&self, placeless: &BTreeMap<usize, Vec<String>>, seen: &BTreeSet<&str>) -> Vec<Difference> {
        let mut left: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut inside: Option<String> = None;
        for (path, module) in &self.by_path {
            // A hard swish holds a hard sigmoid; paths come in order.
            if inside.as_ref().is_some_and(|inside| path.starts_with(inside.as_str())) {
                continue;
            }
            let Some(act) = activation(module) else { continue };
            inside = Some(format!("{path}."));
            let row = path.split('.').nth(1).and_then(|row| row.parse().ok());
            if let (Some(row), false, true) = (row, seen.contains(path), act.is_some()) {
                left.entry(row).or_default().push(written(act));
            }
        }
        let unlike = left.into_iter().filter_map(|(row, mut found)| {
            let mut model = placeless.get(&row).cloned().unwrap_or_default();
            found.sort();
            model.sort();
            (found != model).then(|| {
                let model = if model.is_empty() { "none".to_string() } else { model.join(", ") };
                Difference::Unknown(format!(
                    "layer {row} has activations ({}) where the model has {model}",
                    found.join(", ")
                ))
            })
        });
        unlike.collect()
    }

    /// The activation behind a module: `act` beside the `conv` or `bn` of a Conv, the next one of a sequence.
    fn behind(&self, module: &str) -> Behind<'a> {
        let Some((parent, last)) = module.rsplit_once('.') else { return Behind::Nothing };
        let Ok(place) = last.parse::<usize>() else {
            let beside =
                if matches!(last, "bn" | "conv") { self.get(&format!("{parent}.act")) } else { None };
            return match beside {
                None => Behind::Nothing,
                Some(module) => match activation(module) {
                    Some(act) => Behind::Activation(&module.path, act),
                    None => Behind::Unknown(&module.path, &module.class),
                },
            };
        };
        // Rows of the model are a sequence, too, but one that layers lead through.
        if parent == "model" {
            return Behind::Nothing;
        }
        for place in place + 1.. {
            let Some(module) = self.get(&format!("{parent}.{place}")) else { break };
            if let Some(act) = activation(module) {
                return Behind::Activation(&module.path, act);
            }
            if OTHERS.contains(&module.class.as_str()) {
                return Behind::Unknown(&module.path, &module.class);
            }
            let empty =
                module.class == "Sequential" && !self.by_path.contains_key(&*format!("{}.0", module.path));
            if !empty && module.class != "Dropout" {
                break;
            }
        }
        Behind::Nothing
    }

    pub(super) fn get(&self, path: &str) -> Option<&'a ModuleInfo> {
        self.by_path.get(path).copied()
    }
}

fn activation(module: &ModuleInfo) -> Option<Option<Act>> {
    let slope = match module.get("negative_slope") {
        Some(Attribute::Number(slope)) => *slope,
        _ => SLOPE,
    };
    of_class(&module.class, slope)
}

fn unknown(path: &str, class: &str) -> Difference {
    Difference::Unknown(format!("{path} is a {class}, which there is not here; there are {KNOWN}"))
}
