//! A block that is not there: where it might come from, and what to do.

use super::{LayerError, Spec, keys};
use crate::plugin::{DETECT, Registry, family_of};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What to say: its plugin, if weights or a family of this repository name it; else the blocks that are known.
pub fn block(registry: &Registry, spec: &Spec, name: &str) -> LayerError {
    let asked = asked(registry, spec);
    let recorded = spec.recorded.iter().find(|plugin| plugin.blocks.iter().any(|block| block == name));
    if let Some(feature) = family_of(name) {
        let plugin = recorded.map_or_else(|| format!("the family {feature}"), |plugin| plugin.to_string());
        let advice = format!(
            "Build yolo with its cargo feature {feature}, or load its library; in a program of your own, let it depend on \
             yolo-bundle and say `use yolo_bundle as _;`{}",
            refused(&asked)
        );
        return LayerError::MissingPlugin { name: name.into(), plugin, advice, asked };
    }
    if let Some(plugin) = recorded {
        let advice = format!("The weights were made with it: load its library{}", refused(&asked));
        return LayerError::MissingPlugin { name: name.into(), plugin: plugin.to_string(), advice, asked };
    }
    let known = registry.iter().map(|entry| entry.name.as_str()).chain([DETECT]);
    let origins: BTreeSet<String> = registry.iter().map(|entry| entry.origin.to_string()).collect();
    let origins = origins.into_iter().collect::<Vec<_>>().join(", ");
    LayerError::UnknownBlock {
        name: name.to_string(),
        foreign: keys::foreign_block(name),
        nearest: registry.nearest(name).map(str::to_string),
        known: known.collect::<Vec<_>>().join(", ").into(),
        advice: format!(
            "They come from {origins}; cargo features add families, and a library adds its own{}",
            refused(&asked)
        ),
        asked,
    }
}

/// The libraries that the model file asks for, where they may not be loaded.
fn asked(registry: &Registry, spec: &Spec) -> Box<[PathBuf]> {
    match registry.trusts_models() {
        true => Box::default(),
        false => spec.plugins.iter().filter(|path| !registry.has_loaded(path)).cloned().collect(),
    }
}

fn refused(asked: &[PathBuf]) -> String {
    let asked: Vec<String> = asked.iter().map(|path| path.display().to_string()).collect();
    match asked.is_empty() {
        true => String::new(),
        false => {
            format!(". The model asks for {}, whose code would run in this process", asked.join(", "))
        }
    }
}
