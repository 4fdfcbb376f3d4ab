//! A model file as written: classes, multiples, anchors and rows, nothing yet looked up or built.

use super::Error;
use crate::registry::Arg;
use crate::text;
use crate::weights::{Meta, Plugin};
use serde_yaml::Value;
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
    /// Anchor boxes.
    pub anchors: Anchors,
    /// Input channels.
    pub channels: usize,
    /// Plugin libraries that it asks for.
    pub plugins: Vec<PathBuf>,
    /// Plugins that the weights were made with, as far as they say.
    pub recorded: Vec<Plugin>,
    /// Backbone and head.
    pub rows: Vec<Row>,
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
    pub fn of_weights(cfg: Option<&Path>, file: &Path, meta: &Meta) -> Result<Option<Self>, Error> {
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
        let yaml: Value =
            serde_yaml::from_str(text).map_err(|source| Error::Yaml { file: file.to_string(), source })?;
        Self::from_yaml(&yaml, text, file).map_err(|why| Error::Spec { file: file.to_string(), why })
    }

    fn from_yaml(yaml: &Value, text: &str, file: &str) -> Result<Self, String> {
        if !yaml.is_mapping() {
            return Err("a model file is a map with the keys nc, anchors, backbone, head, …".into());
        }
        let key = |name: &str| yaml.get(name).ok_or_else(|| format!("the key `{name}` is missing"));
        let positive = |name: &str| match key(name)?.as_f64() {
            Some(value) if value > 0.0 && value <= 1024.0 => Ok(value),
            _ => Err(format!("`{name}` must be a positive number")),
        };
        let mut rows = Vec::new();
        for part in ["backbone", "head"] {
            let list = key(part)?.as_sequence().ok_or_else(|| format!("`{part}` must be a list of rows"))?;
            for (i, row) in list.iter().enumerate() {
                rows.push(parse_row(row).map_err(|why| format!("{part}, row {i}: {why}"))?);
            }
        }
        if rows.is_empty() || rows.len() > MAX_ROWS {
            return Err(format!("a model has between 1 and {MAX_ROWS} rows, not {}", rows.len()));
        }
        Ok(Spec {
            file: file.to_string(),
            text: text.to_string(),
            nc: count(key("nc")?, MAX_CLASSES)
                .ok_or_else(|| "`nc` must be a number of classes, at least 1".to_string())?,
            depth_multiple: positive("depth_multiple")?,
            width_multiple: positive("width_multiple")?,
            anchors: parse_anchors(key("anchors")?)?,
            channels: match yaml.get("ch") {
                None => 3,
                Some(ch) => {
                    count(ch, 1024).ok_or_else(|| "`ch` must be a number of input channels".to_string())?
                }
            },
            plugins: yaml.get("plugins").map(parse_plugins).transpose()?.unwrap_or_default(),
            recorded: vec![],
            rows,
        })
    }

    /// The same model for another number of classes, in its text, too.
    pub fn with_classes(self, nc: usize) -> Result<Self, Error> {
        if self.nc == nc {
            return Ok(self);
        }
        let text = with_key(&self.text, "nc", &nc.to_string());
        let mut spec = Self::parse(&text, &self.file)?;
        if spec.nc != nc {
            let why = format!("`nc` must stand in a line of its own, so that it can become {nc}");
            return Err(Error::Spec { file: self.file, why });
        }
        spec.plugins = self.plugins;
        spec.recorded = self.recorded;
        Ok(spec)
    }

    /// The same model with so many anchors an output, of sizes to be found, in its text, too.
    pub fn with_anchors(self, count: usize) -> Result<Self, Error> {
        let text = with_key(&self.text, "anchors", &count.to_string());
        let mut spec = Self::parse(&text, &self.file)?;
        spec.plugins = self.plugins;
        spec.recorded = self.recorded;
        Ok(spec)
    }

    /// The argument that a YAML value stands for: as Python's `eval` would have it, with `nc` looked up.
    pub fn argument(&self, value: &Value) -> Result<Arg, String> {
        Ok(match value {
            Value::Null => Arg::None,
            Value::Bool(value) => Arg::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Arg::Int(value),
                (None, Some(value)) => Arg::Float(value),
                _ => return Err(format!("{number} is not a number here")),
            },
            Value::String(word) => match word.as_str() {
                "None" => Arg::None,
                "True" => Arg::Bool(true),
                "False" => Arg::Bool(false),
                "nc" => Arg::Int(self.nc as i64),
                word => Arg::Word(word.trim_matches(['\'', '"']).to_string()),
            },
            Value::Sequence(list) => {
                let ints: Option<Vec<i64>> = list.iter().map(Value::as_i64).collect();
                Arg::Ints(ints.ok_or("a list may hold whole numbers only")?)
            }
            Value::Mapping(_) | Value::Tagged(_) => return Err("a map is no argument".into()),
        })
    }

    /// The anchors that the second argument of Detect stands for.
    pub fn anchors_argument(&self, value: &Value) -> Result<Anchors, String> {
        match value {
            Value::String(name) if name == "anchors" => Ok(self.anchors.clone()),
            value => parse_anchors(value),
        }
    }
}

/// A YAML text with another value for a key of its outermost map: the key's line is changed, its block dropped.
fn with_key(text: &str, key: &str, value: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in text.lines() {
        let starts = line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
        inside = starts || (inside && line.starts_with([' ', '\t', '-', ']']));
        if starts {
            out += &format!("{key}: {value}\n");
        } else if !inside {
            out += line;
            out.push('\n');
        }
    }
    out
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

fn parse_anchors(value: &Value) -> Result<Anchors, String> {
    let wrong = "`anchors` must be a number from 1 to 100, or for each output one list of widths and heights, all of one length";
    if let Some(count) = count(value, 100) {
        return Ok(Anchors::Count(count));
    }
    let size = |value: &Value| value.as_f64().map(|v| v as f32).filter(|v| v.is_finite() && *v >= 0.0);
    let lists = value.as_sequence().ok_or(wrong)?.iter().map(|list| {
        let list = list.as_sequence()?.iter().map(size).collect::<Option<Vec<f32>>>()?;
        (!list.is_empty() && list.len() % 2 == 0 && list.len() <= 200).then_some(list)
    });
    let lists = lists.collect::<Option<Vec<_>>>().ok_or(wrong)?;
    if lists.is_empty() || lists.len() > 100 || lists.iter().any(|list| list.len() != lists[0].len()) {
        return Err(wrong.into());
    }
    Ok(Anchors::Pixels(lists))
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
        let told = Spec::parse(&flow, "b.yaml").unwrap().with_classes(2).unwrap_err().to_string();
        assert!(told.contains("a line of its own"), "{told}");
    }
}
