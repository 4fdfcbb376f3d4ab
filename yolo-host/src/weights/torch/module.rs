//! Finds the model in a checkpoint, and names its tensors as `state_dict()` does.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{self, ModuleInfo};
use super::yaml;
use crate::weights::budget::Budget;
use crate::weights::pickle::{Heap, Object, Tensor, Value};
use crate::weights::{ErrorKind, Meta, names};

/// Modules within modules; the deepest network here has seven levels. A cycle ends here too.
const MAX_DEPTH: usize = 64;

/// v6.0 kept this next to `anchors`; v6.1 computes it.
const ANCHOR_GRID: &str = ".anchor_grid";

/// Where a checkpoint keeps its model, averages first.
const KEYS: [&str; 10] = [
    "ema",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "model",
    "state_dict",
    "model_state_dict",
    "weights",
    "net",
    "params",
];

/// Checkpoints within checkpoints.
const MAX_WRAPPERS: usize = 8;

/// A dict's pairs.
type Pairs<'h> = &'h [(Value, Value)];

/// The tensors of a model by name, and what is known about it.
pub struct Model<'h, 'a> {
    pub tensors: BTreeMap<String, &'h Tensor<'a>>,
    pub meta: Meta,
    pub modules: Vec<ModuleInfo>,
    pub notes: Vec<String>,
}

/// Finds the model under `root`: the object itself, or what a checkpoint holds as one of [`KEYS`].
pub fn find<'h, 'a>(
    heap: &'h Heap<'a>,
    root: Value,
    budget: &mut Budget,
) -> Result<Model<'h, 'a>, ErrorKind> {
    let mut walk = Walk { heap, budget, tensors: BTreeMap::new() };
    let mut infos = vec![];
    let model = locate(heap, root, 0).unwrap_or(root);
    // What stands beside a bare state_dict; a module knows these things itself.
    let mut about = heap.dict(root).unwrap_or_default();
    if let Some(state) = heap.module(model) {
        walk.module("", state, 0)?;
        about = inside(heap, state);
        infos = modules::of(heap, about, walk.budget)?;
    } else if let Some(pairs) = heap.dict(model) {
        walk.state_dict(pairs)?;
    }
    let yaml = heap.get(about, "yaml").and_then(|yaml| yaml::write(heap, yaml));
    let names = heap.get(about, "names").map_or(Ok(None), |names| walk.class_names(names))?;
    let meta = Meta { model: yaml, names, ..Meta::default() };
    if walk.tensors.is_empty() {
        return Err(ErrorKind::NotWeights("a PyTorch file without the tensors of a model".to_owned()));
    }
    let (tensors, notes) = names::unwrap(walk.tensors)?;
    Ok(Model { tensors, meta, modules: infos, notes })
}

/// The model in `value`: a module, or a dict with tensors in it, perhaps within others.
fn locate(heap: &Heap, value: Value, depth: usize) -> Option<Value> {
    if let Some(state) = heap.module(value) {
        // ModelEMA keeps the averaged model.
        let average = heap.get(state, "ema").filter(|ema| heap.module(*ema).is_some());
        return Some(average.unwrap_or(value));
    }
    if depth == MAX_WRAPPERS {
        return None;
    }
    // The averages once came with the number of their updates.
    if let Some(Object::Tuple(items)) = heap.object(value) {
        return locate(heap, *items.first()?, depth + 1);
    }
    let pairs = heap.dict(value)?;
    let under = KEYS.iter().filter_map(|key| heap.get(pairs, key));
    let found = under.filter_map(|value| locate(heap, value, depth + 1)).next();
    let tensors = || pairs.iter().any(|(_, value)| matches!(heap.object(*value), Some(Object::Tensor(_))));
    found.or_else(|| tensors().then_some(value))
}

/// The attributes of the innermost module that has a YAML, within wrappers of a single module such as `DataParallel`.
fn inside<'h>(heap: &'h Heap, outer: Pairs<'h>) -> Pairs<'h> {
    let (mut state, mut found) = (outer, outer);
    for _ in 0..MAX_WRAPPERS {
        if heap.get(state, "yaml").is_some() {
            found = state;
        }
        let children = heap.get(state, "_modules").and_then(|children| heap.dict(children));
        let Some([(_, child)]) = children else { break };
        let Some(child) = heap.module(*child) else { break };
        state = child;
    }
    found
}

struct Walk<'h, 'a, 'b> {
    heap: &'h Heap<'a>,
    budget: &'b mut Budget,
    tensors: BTreeMap<String, &'h Tensor<'a>>,
}

impl<'h> Walk<'h, '_, '_> {
    /// A dict of tensors.
    fn state_dict(&mut self, pairs: Pairs<'h>) -> Result<(), ErrorKind> {
        for (key, value) in pairs {
            let name = self.heap.str(*key).ok_or_else(|| not_weights("a dict whose keys are no names"))?;
            self.tensor("", name, *value)?;
        }
        Ok(())
    }

    /// A module: its parameters, its buffers, then its submodules, all with `prefix` before their names.
    fn module(&mut self, prefix: &str, state: Pairs<'h>, depth: usize) -> Result<(), ErrorKind> {
        if depth > MAX_DEPTH {
            return Err(ErrorKind::TooLarge("the nesting of the modules".to_owned()));
        }
        self.visit(size_of_val(state) + prefix.len())?;
        let heap = self.heap;
        let transient = heap.get(state, "_non_persistent_buffers_set").and_then(|set| heap.items(set));
        let transient = transient.unwrap_or_default();
        self.visit(size_of_val(transient))?;
        let transient: BTreeSet<_> = transient.iter().map(|name| heap.str(*name)).collect();
        for section in ["_parameters", "_buffers"] {
            for (key, value) in self.pairs(state, section)? {
                let name = heap.str(*key);
                if *value != Value::None && !transient.contains(&name) {
                    self.tensor(prefix, name.unwrap_or_default(), *value)?;
                }
            }
        }
        for (key, child) in self.pairs(state, "_modules")? {
            if let Some(child) = heap.module(*child) {
                let prefix = format!("{prefix}{}.", heap.str(*key).unwrap_or_default());
                self.module(&prefix, child, depth + 1)?;
            }
        }
        Ok(())
    }

    fn tensor(&mut self, prefix: &str, name: &str, value: Value) -> Result<(), ErrorKind> {
        let name = format!("{prefix}{name}");
        self.budget.take(size_of::<Tensor>() + name.len(), "the number of tensors")?;
        let Some(Object::Tensor(tensor)) = self.heap.object(value) else {
            return Err(not_weights(&format!("its entry `{}` is no tensor", name.escape_debug())));
        };
        if name.ends_with(ANCHOR_GRID) {
            return Ok(());
        }
        match self.tensors.insert(name.clone(), tensor) {
            None => Ok(()),
            Some(_) => Err(ErrorKind::DuplicateTensor { tensor: name }),
        }
    }

    /// The class names: a list, or a dict from index to name as later versions write it. `None` if they are not
    /// texts or numbers; the weights are good all the same.
    fn class_names(&mut self, names: Value) -> Result<Option<Vec<String>>, ErrorKind> {
        let mut values: Vec<(i64, Value)> = match (self.heap.items(names), self.heap.dict(names)) {
            (Some(items), _) => (0..).zip(items.iter().copied()).collect(),
            (_, Some(pairs)) => {
                let index = |key: &Value| if let Value::Int(index) = key { *index } else { -1 };
                pairs.iter().map(|(key, name)| (index(key), *name)).collect()
            }
            _ => return Ok(None),
        };
        values.sort_by_key(|(index, _)| *index);
        let mut texts = Vec::with_capacity(values.len());
        for ((index, value), want) in values.into_iter().zip(0..) {
            let text = match (value, self.heap.str(value)) {
                _ if index != want => return Ok(None),
                (_, Some(text)) => text.to_owned(),
                (Value::Int(number), _) => number.to_string(),
                _ => return Ok(None),
            };
            self.budget.take(size_of::<String>() + text.len(), "the class names")?;
            texts.push(text);
        }
        Ok(Some(texts))
    }

    /// The pairs of the dict under `key`, none if there is no such dict.
    fn pairs(&mut self, state: Pairs<'h>, key: &str) -> Result<Pairs<'h>, ErrorKind> {
        let pairs = self.heap.get(state, key).and_then(|dict| self.heap.dict(dict)).unwrap_or_default();
        self.visit(size_of_val(pairs))?;
        Ok(pairs)
    }

    /// Pays for looking at that many bytes. A module can be part of many others, and each of these of more, so the
    /// number of visits is not bounded by the file's size.
    fn visit(&mut self, bytes: usize) -> Result<(), ErrorKind> {
        self.budget.take(bytes, "the number of modules")
    }
}

fn not_weights(what: &str) -> ErrorKind {
    ErrorKind::NotWeights(what.to_owned())
}
