//! What a weights file says about its tensors, and how safetensors' `__metadata__` (text to text) carries it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ErrorKind;

const MODEL: &str = "model";
const NAMES: &str = "names";
const IMGSZ: &str = "imgsz";
const LICENCE: &str = "licence";
const PLUGINS: &str = "plugins";

/// A plugin whose blocks a model is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Name of the library's file; none where it was linked in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// The blocks that the model has of it.
    pub blocks: Vec<String>,
}

impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plugin { name, version, library, .. } = self;
        match library {
            Some(library) => write!(f, "{name} {version} ({library})"),
            None => write!(f, "{name} {version}"),
        }
    }
}

/// What a weights file carries beside the tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The model YAML, as text.
    pub model: Option<String>,
    /// Class names, by class index.
    pub names: Option<Vec<String>>,
    /// Side of the training images in pixels.
    pub imgsz: Option<usize>,
    /// Licence of the weights, as an SPDX expression where the file is ours.
    pub licence: Option<String>,
    /// Plugins of the model.
    pub plugins: Vec<Plugin>,
    /// All other entries, as they are.
    pub extra: BTreeMap<String, String>,
}

impl Meta {
    /// Takes the known keys out of `map`; the rest is `extra`.
    pub(super) fn from_map(mut map: BTreeMap<String, String>) -> Result<Self, ErrorKind> {
        let names = map.remove(NAMES).map(|text| serde_json::from_str(&text)).transpose();
        let imgsz = map.remove(IMGSZ).map(|text| text.parse()).transpose();
        let plugins = map.remove(PLUGINS).map(|text| serde_json::from_str(&text)).transpose();
        Ok(Meta {
            model: map.remove(MODEL),
            names: names.map_err(|e| bad(NAMES, "a JSON list of texts", &e))?,
            imgsz: imgsz.map_err(|e| bad(IMGSZ, "a number of pixels", &e))?,
            licence: map.remove(LICENCE),
            plugins: plugins.map_err(|e| bad(PLUGINS, "a JSON list of plugins", &e))?.unwrap_or_default(),
            extra: map,
        })
    }

    /// The inverse of [`Meta::from_map`]. A key of `extra` that is one of ours gives way to ours.
    pub(super) fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = self.extra.clone();
        let plugins = (!self.plugins.is_empty()).then(|| serde_json::json!(self.plugins).to_string());
        let ours = [
            (MODEL, self.model.clone()),
            (NAMES, self.names.as_ref().map(|names| serde_json::Value::from(names.as_slice()).to_string())),
            (IMGSZ, self.imgsz.map(|pixels| pixels.to_string())),
            (LICENCE, self.licence.clone()),
            (PLUGINS, plugins),
        ];
        for (key, value) in ours {
            if let Some(value) = value {
                map.insert(key.to_owned(), value);
            }
        }
        map
    }
}

fn bad(key: &str, want: &str, error: &dyn std::error::Error) -> ErrorKind {
    ErrorKind::Header(format!("metadata `{key}` is not {want}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn round_trip() {
        let meta = Meta {
            model: Some("nc: 2\n".into()),
            names: Some(vec!["red \"cell\"".into(), "血小板".into()]),
            imgsz: Some(640),
            licence: Some("GPL-3.0-or-later".into()),
            plugins: vec![
                Plugin { name: "a".into(), version: "0.1".into(), library: None, blocks: vec!["A".into()] },
                Plugin {
                    name: "b".into(),
                    version: "2".into(),
                    library: Some("b.so".into()),
                    blocks: vec![],
                },
            ],
            extra: map(&[("epochs", "60")]),
        };
        assert_eq!(Meta::from_map(meta.to_map()).unwrap(), meta);
        assert_eq!(Meta::from_map(Meta::default().to_map()).unwrap(), Meta::default());
    }

    #[test]
    fn foreign_entries_are_kept() {
        let foreign = map(&[("format", "pt")]);
        assert_eq!(Meta::from_map(foreign.clone()).unwrap().extra, foreign);
    }

    #[test]
    fn bad_entries_are_named() {
        for (pair, want) in [
            (("names", "[1]"), "`names` is not a JSON list"),
            (("imgsz", "-1"), "`imgsz` is not"),
            (("plugins", "[3]"), "`plugins` is not"),
        ] {
            let error = Meta::from_map(map(&[pair])).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
