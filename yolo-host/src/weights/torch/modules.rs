//! The modules of a pickled model: the class of each, and the numbers that decide what it computes.

use crate::weights::ErrorKind;
use crate::weights::budget::Budget;
use crate::weights::pickle::{Heap, Object, Value};

/// A module of a pickled model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleInfo {
    /// Its place, as in the names of its parameters: `model.3.cv1.act`.
    pub path: String,
    /// The name of its class: `SiLU`.
    pub class: String,
    /// What decides its result, by name: `negative_slope`, `eps`, `stride`, …
    pub attributes: Vec<(String, Attribute)>,
}

/// An attribute of a module.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// `None`
    None,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A tuple of numbers.
    Numbers(Vec<f64>),
    /// Anything else.
    Other,
}

impl ModuleInfo {
    /// One of its attributes.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// The attributes of PyTorch's own modules that decide what they compute, save for those that shapes tell.
const TELLING: [&str; 18] = [
    "align_corners",
    "ceil_mode",
    "count_include_pad",
    "dilation",
    "divisor_override",
    "eps",
    "groups",
    "kernel_size",
    "mode",
    "negative_slope",
    "num_heads",
    "padding",
    "padding_mode",
    "return_indices",
    "scale_factor",
    "size",
    "stride",
    "track_running_stats",
];

/// Modules within modules; as where tensors are looked for.
const MAX_DEPTH: usize = 64;

/// No attribute of a module is a longer list.
const MAX_LIST: usize = 8;

/// All modules under the one with the attributes `state`, each before those inside it.
pub fn of(heap: &Heap, state: &[(Value, Value)], budget: &mut Budget) -> Result<Vec<ModuleInfo>, ErrorKind> {
    let mut found = vec![];
    inside(heap, "", state, 0, budget, &mut found)?;
    Ok(found)
}

fn inside(
    heap: &Heap,
    prefix: &str,
    state: &[(Value, Value)],
    depth: usize,
    budget: &mut Budget,
    found: &mut Vec<ModuleInfo>,
) -> Result<(), ErrorKind> {
    if depth > MAX_DEPTH {
        return Err(ErrorKind::TooLarge("the nesting of the modules".to_owned()));
    }
    let children = heap.get(state, "_modules").and_then(|children| heap.dict(children)).unwrap_or_default();
    budget.take(size_of_val(children) + size_of_val(state), "the number of modules")?;
    for (key, child) in children {
        let (Some(class), Some(state)) = (heap.class(*child), heap.module(*child)) else { continue };
        let path = format!("{prefix}{}", heap.str(*key).unwrap_or_default());
        budget.take(size_of::<ModuleInfo>() + path.len() + class.len(), "the number of modules")?;
        let mut attributes = vec![];
        for name in TELLING {
            let pair = state.iter().rev().find(|(key, _)| heap.str(*key) == Some(name));
            if let Some((_, value)) = pair {
                budget.take(size_of::<(String, Attribute)>() + 64, "the number of modules")?;
                attributes.push((name.to_owned(), attribute(heap, *value)));
            }
        }
        let prefix = format!("{path}.");
        found.push(ModuleInfo { path, class: class.to_owned(), attributes });
        inside(heap, &prefix, state, depth + 1, budget, found)?;
    }
    Ok(())
}

fn attribute(heap: &Heap, value: Value) -> Attribute {
    let number = |value: &Value| match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    };
    match (value, heap.object(value)) {
        (Value::None, _) => Attribute::None,
        (Value::Bool(value), _) => Attribute::Bool(value),
        (Value::Int(_) | Value::Float(_), _) => number(&value).map_or(Attribute::Other, Attribute::Number),
        (_, Some(Object::Str(text))) => Attribute::Text(text.chars().take(64).collect()),
        (_, Some(Object::Tuple(items) | Object::List(items))) if items.len() <= MAX_LIST => {
            items.iter().map(number).collect::<Option<_>>().map_or(Attribute::Other, Attribute::Numbers)
        }
        _ => Attribute::Other,
    }
}
