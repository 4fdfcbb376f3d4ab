//! A model file as written: classes, multiples, anchors and rows, nothing yet looked up or built.

use super::edit::with_key;
use super::values::{parse_activation, parse_activations, parse_anchors, shown, to_python};
use super::{Error, keys};
use crate::graph::Act;
use crate::plugin::activation::written;
use crate::text;
use crate::weights::{Meta, Plugin};
use serde_yaml::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Anchor boxes of the Detect layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Anchors {
    /// So many for each output, sizes to be found from data.
    Count(usize),
    /// Width and height in pixels, in pairs, one list for each output.
    Pixels(Vec<Vec<f32>>),
}

impl Anchors {
    /// Anchors of each output.
    pub fn per_output(&self) -> usize {
        match self {
            Anchors::Count(count) => *count,
            Anchors::Pixels(lists) => lists.first().map_or(0, |list| list.len() / 2),
        }
    }
}

/// One row: `[from, number, module, args]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Layers that it reads: −1 is the one before, 0 the first.
    pub from: Vec<i64>,
    /// Repeats, before `depth_multiple`.
    pub number: usize,
    /// Name of the block.
    pub module: String,
    /// Arguments, before names such as `nc` are looked up.
    pub args: Vec<Value>,
}

/// A model file.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Where it was read from, for messages.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Number of classes.
    pub nc: usize,
    /// Scales `number`.
    pub depth_multiple: f64,
    /// Scales widths.
    pub width_multiple: f64,
    /// Widths are multiples of it.
    pub channel_multiple: usize,
    /// Anchor boxes.
    pub anchors: Anchors,
    /// The activation of every Conv that has none of its own; `None` is the identity.
    pub activation: Option<Act>,
    /// The activations behind single modules, as a checkpoint had them.
    pub activations: BTreeMap<String, Option<Act>>,
    /// Input channels.
    pub channels: usize,
    /// Plugin libraries that it asks for.
    pub plugins: Vec<PathBuf>,
    /// Plugins that the weights were made with, as far as they say.
    pub recorded: Vec<Plugin>,
    /// Backbone and head.
    pub rows: Vec<Row>,
    /// How many of the rows are the backbone's.
    pub backbone: usize,
    /// What a user should know: keys that were not understood.
    pub notes: Vec<String>,
}

/// No model file is longer. The YAML parser takes time with the square of the depth of lists in lists.
const MAX_BYTES: usize = 64 << 10;

/// No model has more rows, repeats or classes than these.
const MAX_ROWS: usize = 1_000;
const MAX_NUMBER: u64 = 1_000;
const MAX_CLASSES: u64 = 100_000;
const MAX_PLUGINS: usize = 100;

impl Spec {
    /// Reads a model file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = text::read(path)?;
        Ok(Self::parse(&text, &path.display().to_string())?.in_folder_of(path))
    }

    /// The model that weights belong to: that of `cfg`, else the one that they carry; none if they do not say.
    pub(super) fn of_weights(cfg: Option<&Path>, file: &Path, meta: &Meta) -> Result<Option<Self>, Error> {
        let spec = match (cfg, &meta.model) {
            (Some(cfg), _) => Self::find(cfg)?,
            (None, Some(text)) => {
                Self::parse(text, &format!("{} (its model)", file.display()))?.in_folder_of(file)
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(Spec { recorded: meta.plugins.clone(), ..spec }))
    }

    /// The same with relative paths of plugins taken from the folder of `file`.
    pub fn in_folder_of(mut self, file: &Path) -> Self {
        for plugin in &mut self.plugins {
            *plugin = file.parent().unwrap_or(Path::new("")).join(&plugin);
        }
        self
    }

    /// Reads the text of a model file; `file` names it in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        if text.len() > MAX_BYTES {
            let why = format!("has {} bytes, but a model file has at most {MAX_BYTES}", text.len());
            return Err(Error::Spec { file: file.to_string(), why });
        }
        let no_yaml = |source| Error::Yaml { file: file.to_string(), source };
        let mut yaml: Value = serde_yaml::from_str(text).map_err(no_yaml)?;
        yaml.apply_merge().map_err(no_yaml)?;
        if let Some(role) = keys::misplaced(&yaml) {
            return Err(Error::Misplaced { file: file.to_string(), role });
        }
        Self::from_yaml(&yaml, text, file).map_err(|why| Error::Spec { file: file.to_string(), why })
    }

    fn from_yaml(yaml: &Value, text: &str, file: &str) -> Result<Self, String> {
        if !yaml.is_mapping() {
            return Err("a model file is a map with the keys nc, anchors, backbone, head, …".into());
        }
        if let Some(what) = keys::foreign(yaml) {
            return Err(what.into());
        }
        let key = |name: &str| yaml.get(name).ok_or_else(|| format!("the key `{name}` is missing"));
        let positive = |name: &str| match key(name)?.as_f64() {
            Some(value) if value > 0.0 && value <= 1024.0 => Ok(value),
            _ => Err(format!("`{name}` must be a positive number, not {}", shown(key(name)?))),
        };
        let whole = |name: &str, otherwise: usize, most: u64, what: &str| match yaml.get(name) {
            None => Ok(otherwise),
            Some(value) => count(value, most)
                .ok_or_else(|| format!("`{name}` must be {what}, from 1 to {most}, not {}", shown(value))),
        };
        let mut rows = Vec::new();
        let mut backbone = 0;
        for part in ["backbone", "head"] {
            backbone = rows.len();
            let list = key(part)?.as_sequence().ok_or_else(|| format!("`{part}` must be a list of rows"))?;
            for (i, row) in list.iter().enumerate() {
                rows.push(parse_row(row).map_err(|why| format!("{part}, row {i}: {why}"))?);
            }
        }
        if rows.is_empty() || rows.len() > MAX_ROWS {
            return Err(format!("a model has between 1 and {MAX_ROWS} rows, not {}", rows.len()));
        }
        let nc = key("nc")?;
        Ok(Spec {
            file: file.to_string(),
            text: text.to_string(),
            nc: count(nc, MAX_CLASSES).ok_or_else(|| {
                format!("`nc` must be a number of classes, from 1 to {MAX_CLASSES}, not {}", shown(nc))
            })?,
            depth_multiple: positive("depth_multiple")?,
            width_multiple: positive("width_multiple")?,
            channel_multiple: whole("channel_multiple", 8, 1024, "a number of channels")?,
            anchors: parse_anchors(&to_python(key("anchors")?, &|_| None)?)?,
            activation: match yaml.get("activation") {
                None | Some(Value::Null) => Some(Act::Silu),
                Some(value) => parse_activation(value).map_err(|why| format!("`activation`: {why}"))?,
            },
            activations: yaml.get("activations").map(parse_activations).transpose()?.unwrap_or_default(),
            channels: whole("ch", 3, 1024, "a number of input channels")?,
            plugins: yaml.get("plugins").map(parse_plugins).transpose()?.unwrap_or_default(),
            recorded: vec![],
            rows,
            backbone,
            notes: keys::notes(yaml),
        })
    }

    /// The same model for another number of classes, in its text, too.
    pub fn with_classes(self, nc: usize) -> Result<Self, Error> {
        if self.nc == nc { Ok(self) } else { self.with("nc", Value::from(nc)) }
    }

    /// The same model with so many anchors an output, of sizes to be found, in its text, too.
    pub fn with_anchors(self, count: usize) -> Result<Self, Error> {
        self.with("anchors", Value::from(count))
    }

    /// The same model with another activation for every Conv, in its text, too.
    pub fn with_activation(self, act: Option<Act>) -> Result<Self, Error> {
        self.with("activation", Value::from(written(act)))
    }

    /// The same model with these activations behind single modules, in its text, too.
    pub fn with_activations(self, activations: &BTreeMap<String, Option<Act>>) -> Result<Self, Error> {
        let pairs = activations.iter().map(|(name, act)| (Value::from(name.as_str()), written(*act).into()));
        self.with("activations", Value::Mapping(pairs.collect()))
    }

    /// The same with another value for a key of its text.
    fn with(self, key: &str, value: Value) -> Result<Self, Error> {
        let text = with_key(&self.text, key, value).ok_or_else(|| Error::Spec {
            file: self.file.clone(),
            why: format!("`{key}` cannot be changed in this file"),
        })?;
        let spec = Self::parse(&text, &self.file)?;
        Ok(Spec { plugins: self.plugins, recorded: self.recorded, notes: self.notes, ..spec })
    }

    /// Which row of which part a layer is, for messages.
    pub fn place(&self, layer: usize) -> String {
        match layer.checked_sub(self.backbone) {
            None => format!("backbone row {layer}"),
            Some(row) => format!("head row {row}"),
        }
    }
}

fn parse_row(row: &Value) -> Result<Row, String> {
    let Some([from, number, module, args]) = row.as_sequence().map(Vec::as_slice) else {
        return Err("must be [from, number, module, args]".into());
    };
    let from = match from {
        Value::Sequence(list) => list.iter().map(Value::as_i64).collect(),
        one => one.as_i64().map(|one| vec![one]),
    };
    let args = match args {
        Value::Sequence(list) => list.clone(),
        Value::Null => vec![],
        _ => return Err("the arguments must be a list".into()),
    };
    Ok(Row {
        from: from
            .filter(|list| !list.is_empty())
            .ok_or("`from` must be a whole number or a list of them")?,
        number: count(number, MAX_NUMBER)
            .ok_or_else(|| format!("`number` must be from 1 to {MAX_NUMBER}"))?,
        module: module.as_str().ok_or("the module must be a name")?.to_string(),
        args,
    })
}

fn parse_plugins(value: &Value) -> Result<Vec<PathBuf>, String> {
    let path = |value: &Value| value.as_str().filter(|path| !path.is_empty()).map(PathBuf::from);
    let paths = value.as_sequence().and_then(|list| list.iter().map(path).collect::<Option<Vec<_>>>());
    paths.filter(|paths| paths.len() <= MAX_PLUGINS).ok_or_else(|| {
        format!("`plugins` must be a list of at most {MAX_PLUGINS} paths of libraries, relative to this file")
    })
}

fn count(value: &Value, most: u64) -> Option<usize> {
    value.as_u64().filter(|count| (1..=most).contains(count)).map(|count| count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_anchors_change_in_the_text_alone() {
        let text = "nc: 80  # classes\ndepth_multiple: 1.0\nwidth_multiple: 1.0\nanchors:\n  - [1,2]\n  - [3,4]\n\
                    # a comment\nbackbone:\n  [[-1, 1, Conv, [8, 3, 1]]]\nhead:\n  [[-1, 1, Detect, [nc, anchors]]]\n";
        let spec = Spec::parse(text, "a.yaml").unwrap().with_classes(3).unwrap().with_anchors(5).unwrap();
        assert_eq!((spec.nc, &spec.anchors, spec.rows.len()), (3, &Anchors::Count(5), 2));
        assert_eq!(Spec::parse(&spec.text, "a.yaml").unwrap(), spec);
        assert!(spec.text.contains("# a comment"));
        let flow = format!(
            "{{nc: 1, {}}}",
            "depth_multiple: 1, width_multiple: 1, anchors: 1, backbone: [[-1, 1, C, []]], head: []"
        );
        let spec = Spec::parse(&flow, "b.yaml").unwrap().with_classes(2).unwrap().with_anchors(3).unwrap();
        assert_eq!((spec.nc, &spec.anchors, spec.rows[0].module.as_str()), (2, &Anchors::Count(3), "C"));
    }
}
