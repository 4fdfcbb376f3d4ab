//! The keys of a model file: those that are read, those that change nothing, and what other files have.

use crate::near::near;
use crate::weights::FileRole;
use serde_yaml::Value;

/// The keys that are read.
pub const READ: [&str; 11] = [
    "nc",
    "depth_multiple",
    "width_multiple",
    "channel_multiple",
    "anchors",
    "activation",
    "activations",
    "ch",
    "plugins",
    "backbone",
    "head",
];

/// Keys that upstream's own files and checkpoints have, and that change nothing of what is computed.
const IDLE: [&str; 2] = ["inplace", "yaml_file"];

/// A note for each key that is not understood.
pub fn notes(yaml: &Value) -> Vec<String> {
    let Some(map) = yaml.as_mapping() else { return vec![] };
    let shown = |key: &Value| match key.as_str() {
        Some(key) => key.chars().take(40).collect(),
        None => {
            serde_yaml::to_string(key).unwrap_or_default().trim_end().chars().take(40).collect::<String>()
        }
    };
    let unknown =
        map.keys().filter(|key| !key.as_str().is_some_and(|key| READ.contains(&key) || IDLE.contains(&key)));
    let note = |key: &Value| {
        let key = shown(key);
        let near = near(&key, READ).into_iter().find(|near| !map.contains_key(*near));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        format!("the model's key `{}` is not known and changes nothing{near}", key.escape_debug())
    };
    unknown.take(10).map(note).collect()
}

/// What the file is instead, if it is recognised as another's.
pub fn foreign(yaml: &Value) -> Option<&'static str> {
    let has = |key: &str| yaml.get(key).is_some();
    let rows = has("backbone") && has("head");
    if rows && has("scales") && !has("anchors") {
        return Some(
            "is a model of Ultralytics' YOLOv8 or later (`scales`, and no anchors); this program has YOLOv5's models \
             with anchors, as in its folder models/",
        );
    }
    None
}

/// What the file is for, if it is one of this program's that holds no model.
pub fn misplaced(yaml: &Value) -> Option<FileRole> {
    let has = |key: &str| yaml.get(key).is_some();
    match has("backbone") && has("head") {
        true => None,
        false if has("names") && (has("train") || has("val")) => Some(FileRole::Data),
        false => has("lr0").then_some(FileRole::Hyper),
    }
}

/// Blocks of other programs that people bring: what they are of, and why that does not help here.
pub fn foreign_block(name: &str) -> Option<&'static str> {
    match name {
        "Segment" => Some("the head of segmentation models; this program has detection only"),
        "Classify" => Some("the head of classification models; this program has detection only"),
        "Pose" | "OBB" | "v10Detect" | "WorldDetect" | "RTDETRDecoder" | "YOLOEDetect" => {
            Some("a head of Ultralytics' YOLOv8 and later; this program has YOLOv5's Detect")
        }
        "C2f" | "C2fAttn" | "C2fCIB" | "C2fPSA" | "C2PSA" | "C3k2" | "A2C2f" | "PSA" | "SCDown" | "ADown"
        | "SPPELAN" | "RepNCSPELAN4" | "RepC3" => Some("of Ultralytics' YOLOv8 and later"),
        "IDetect" | "IAuxDetect" | "IKeypoint" | "MP" | "SPPCSPC" | "RepConv" => Some("of YOLOv7"),
        _ => None,
    }
}
