//! Hyperparameters, as upstream's hyp.*.yaml files have them.

use super::Error;
use crate::loss::LossHyper;
use crate::near::near;
use crate::text;
use serde::{Deserialize, Serialize};
use serde_yaml::Value;
use std::path::Path;

macro_rules! hyperparameters {
    ($($(#[doc = $doc:literal])* $name:ident = $default:literal, $least:literal..=$most:literal, evolves $gain:literal in $low:literal..=$high:literal;)*) => {
        /// Hyperparameters of a training; defaults are those of scratch-low.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Hyper {
            $($(#[doc = $doc])* pub $name: f64,)*
            /// Anchors of each output, to be found from the data; none for the model's own.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub anchors: Option<f64>,
        }

        impl Default for Hyper {
            fn default() -> Self {
                Hyper { $($name: $default,)* anchors: None }
            }
        }

        impl Hyper {
            /// Name, value, and the range that it must lie in.
            fn ranges(&self) -> Vec<(&'static str, f64, [f64; 2])> {
                vec![$((plain(stringify!($name)), self.$name, [$least, $most]),)*]
            }

            /// Every number by name, how strongly evolution changes it, and its limits then (v6.1 `train.py`, `meta`).
            /// The anchors come last, if there are any.
            pub fn genes(&mut self) -> Vec<Gene<'_>> {
                let gene = |name, value, gain, limits| Gene { name: plain(name), value, gain, limits };
                let mut genes = vec![$(gene(stringify!($name), &mut self.$name, $gain, [$low, $high]),)*];
                genes.extend(self.anchors.as_mut().map(|anchors| gene("anchors", anchors, 2.0, [2.0, 10.0])));
                genes
            }
        }
    };
}

/// A name that is a word of Rust, as the files have it.
fn plain(name: &'static str) -> &'static str {
    name.trim_start_matches("r#")
}

/// A hyperparameter as evolution sees it.
#[derive(Debug)]
pub struct Gene<'a> {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: &'a mut f64,
    /// Scale of its mutations, 0 for none.
    pub gain: f64,
    /// Least and most.
    pub limits: [f64; 2],
}

hyperparameters! {
    /// First learning rate.
    lr0 = 0.01, 0.0..=10.0, evolves 1.0 in 1e-5..=1e-1;
    /// The last, as a share of the first.
    lrf = 0.01, 0.0..=10.0, evolves 1.0 in 0.01..=1.0;
    /// Momentum of SGD, first beta of Adam.
    momentum = 0.937, 0.0..=0.9999, evolves 0.3 in 0.6..=0.98;
    /// Weight decay of the optimiser.
    weight_decay = 0.0005, 0.0..=1.0, evolves 1.0 in 0.0..=0.001;
    /// Epochs of warm-up.
    warmup_epochs = 3.0, 0.0..=10000.0, evolves 1.0 in 0.0..=5.0;
    /// Momentum at the start of it.
    warmup_momentum = 0.8, 0.0..=0.9999, evolves 1.0 in 0.0..=0.95;
    /// Learning rate of biases at the start of it.
    warmup_bias_lr = 0.1, 0.0..=10.0, evolves 1.0 in 0.0..=0.2;
    /// Gain of the box loss.
    r#box = 0.05, 0.0..=1000.0, evolves 1.0 in 0.02..=0.2;
    /// Gain of the class loss.
    cls = 0.5, 0.0..=1000.0, evolves 1.0 in 0.2..=4.0;
    /// Weight of positives in the class loss.
    cls_pw = 1.0, 0.0..=1000.0, evolves 1.0 in 0.5..=2.0;
    /// Gain of the objectness loss.
    obj = 1.0, 0.0..=1000.0, evolves 1.0 in 0.2..=4.0;
    /// Weight of positives in the objectness loss.
    obj_pw = 1.0, 0.0..=1000.0, evolves 1.0 in 0.5..=2.0;
    /// Read by nothing; upstream's files have it.
    iou_t = 0.2, 0.0..=1.0, evolves 0.0 in 0.1..=0.7;
    /// Sides of a box and of its anchor differ by less than this factor.
    anchor_t = 4.0, 1.0..=1000.0, evolves 1.0 in 2.0..=8.0;
    /// Exponent of the focal loss, 0 for none.
    fl_gamma = 0.0, 0.0..=10.0, evolves 0.0 in 0.0..=2.0;
    /// Change of hue, as a share.
    hsv_h = 0.015, 0.0..=1.0, evolves 1.0 in 0.0..=0.1;
    /// Change of saturation, as a share.
    hsv_s = 0.7, 0.0..=1.0, evolves 1.0 in 0.0..=0.9;
    /// Change of value, as a share.
    hsv_v = 0.4, 0.0..=1.0, evolves 1.0 in 0.0..=0.9;
    /// Rotation, in degrees either way.
    degrees = 0.0, 0.0..=180.0, evolves 1.0 in 0.0..=45.0;
    /// Translation, as a share of the image either way.
    translate = 0.1, 0.0..=1.0, evolves 1.0 in 0.0..=0.9;
    /// Scaling, as a share either way.
    scale = 0.5, 0.0..=0.99, evolves 1.0 in 0.0..=0.9;
    /// Shear, in degrees either way.
    shear = 0.0, 0.0..=89.0, evolves 1.0 in 0.0..=10.0;
    /// Perspective.
    perspective = 0.0, 0.0..=0.01, evolves 0.0 in 0.0..=0.001;
    /// Probability of a flip upside down.
    flipud = 0.0, 0.0..=1.0, evolves 1.0 in 0.0..=1.0;
    /// Probability of a flip from left to right.
    fliplr = 0.5, 0.0..=1.0, evolves 0.0 in 0.0..=1.0;
    /// Probability of a mosaic.
    mosaic = 1.0, 0.0..=1.0, evolves 1.0 in 0.0..=1.0;
    /// Probability of a mixup, of mosaics alone.
    mixup = 0.0, 0.0..=1.0, evolves 1.0 in 0.0..=1.0;
    /// Probability that an object is copied into its image.
    copy_paste = 0.0, 0.0..=1.0, evolves 1.0 in 0.0..=1.0;
}

/// The files of `data/hyps`.
const BUILT_IN: [(&str, &str); 5] = [
    ("hyp.scratch-low.yaml", include_str!("../../../data/hyps/hyp.scratch-low.yaml")),
    ("hyp.scratch-med.yaml", include_str!("../../../data/hyps/hyp.scratch-med.yaml")),
    ("hyp.scratch-high.yaml", include_str!("../../../data/hyps/hyp.scratch-high.yaml")),
    ("hyp.scratch-adamw.yaml", include_str!("../../../data/hyps/hyp.scratch-adamw.yaml")),
    ("hyp.VOC.yaml", include_str!("../../../data/hyps/hyp.VOC.yaml")),
];

/// The text of one of them, named with its folder or without.
fn built_in(path: &Path) -> Option<&'static str> {
    let named = |name: &str| path == Path::new(name) || path == Path::new("data/hyps").join(name);
    BUILT_IN.iter().find(|(name, _)| named(name)).map(|(_, text)| *text)
}

/// What a name that is not known might mean.
fn nearest(name: &str, known: &[&str]) -> String {
    match name {
        // Of YOLOv5 before v4.0.
        "giou" => return " (today it is `box`)".into(),
        "optimizer" | "label_smoothing" => return format!(" (an option: --{})", name.replace('_', "-")),
        _ => (),
    }
    let near = near(name, known.iter().copied());
    near.first().map_or(String::new(), |best| format!(" (the nearest is `{best}`)"))
}

impl Hyper {
    /// Reads a file; what it does not name has its default. Files of `data/hyps` are known without it.
    ///
    /// # Errors
    /// If it cannot be read, is no map of hyperparameters, or a number lies beyond its range.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let why = |why: String| Error::Hyper { file: path.into(), why };
        let text = match built_in(path) {
            Some(text) if !path.exists() => text.to_string(),
            None if !path.exists() => {
                let known = BUILT_IN.map(|(name, _)| name).join(", ");
                return Err(why(format!("no such file; known without a file are {known}")));
            }
            _ => text::read(path)?,
        };
        // The parser takes time with the square of nested lists' depth, and no such file is long.
        if text.len() > 1 << 16 {
            return Err(why(format!("has {} bytes, too many for hyperparameters", text.len())));
        }
        let hyper = Self::parse(&text).map_err(why)?;
        hyper.check().map_err(why)?;
        Ok(hyper)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        if let Value::Mapping(map) = &value {
            let mut known = Hyper { anchors: Some(0.0), ..Hyper::default() };
            let known: Vec<&str> = known.genes().iter().map(|gene| gene.name).collect();
            let unknown: Vec<String> = map
                .keys()
                .map(|key| key.as_str().map_or_else(|| format!("{key:?}"), str::to_string))
                .filter(|key| !known.contains(&key.as_str()))
                .map(|key| format!("`{key}`{}", nearest(&key, &known)))
                .collect();
            if !unknown.is_empty() {
                return Err(format!("unknown: {}", unknown.join(", ")));
            }
        }
        // From the text, whose places the message then has.
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    }

    /// Whether every number lies in its range.
    pub fn check(&self) -> Result<(), String> {
        for (name, value, [least, most]) in self.ranges() {
            if !(least..=most).contains(&value) {
                return Err(format!("{name} is {value}, but must be from {least} to {most}"));
            }
        }
        match self.anchors {
            Some(anchors) if !(0.0..=100.0).contains(&anchors) => {
                Err(format!("anchors is {anchors}, but must be from 0 to 100"))
            }
            _ => Ok(()),
        }
    }

    /// The loss's share, not yet scaled.
    pub fn loss(&self, label_smoothing: f64) -> LossHyper {
        LossHyper {
            box_gain: self.r#box,
            cls_gain: self.cls,
            obj_gain: self.obj,
            cls_pw: self.cls_pw,
            obj_pw: self.obj_pw,
            fl_gamma: self.fl_gamma,
            anchor_t: self.anchor_t,
            label_smoothing,
            ..LossHyper::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Hyper, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        Hyper::read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_read_and_written() {
        let hyper = read("lr0: 0.02  # higher\nbox: 0.1\nanchors: 3\n").unwrap();
        assert_eq!((hyper.lr0, hyper.r#box, hyper.anchors, hyper.cls), (0.02, 0.1, Some(3.0), 0.5));
        assert_eq!(read(&serde_yaml::to_string(&hyper).unwrap()), Ok(hyper));
    }

    #[test]
    fn the_repository_s_files_are_known_everywhere() {
        assert_eq!(read_named("hyp.scratch-low.yaml").unwrap(), Hyper::default());
        for (name, text) in BUILT_IN {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/hyps").join(name);
            assert_eq!(text, std::fs::read_to_string(file).unwrap());
            assert_eq!(read_named(name), read_named(&format!("data/hyps/{name}")));
        }
        let error = read_named("hyp.scratch.yaml").unwrap_err();
        assert!(error.contains("hyp.scratch-low.yaml"), "{error}");
    }

    fn read_named(name: &str) -> Result<Hyper, String> {
        Hyper::read(Path::new(name)).map_err(|error| error.to_string())
    }

    #[test]
    fn wrong_files_are_told() {
        for (text, want) in [
            ("lr: 0.1", "unknown: `lr` (the nearest is `lr0`)"),
            ("giou: 0.05\nlr0: 0.1\nbatchsize: 3", "unknown: `giou` (today it is `box`), `batchsize`"),
            ("lr0: high", "invalid type"),
            ("lr0: -1", "lr0 is -1, but must be from 0 to 10"),
            ("box: .nan", "box is NaN"),
            ("- 1", "invalid type"),
        ] {
            let got = read(text).unwrap_err();
            assert!(got.contains(want), "{text}: {got}");
        }
    }
}
