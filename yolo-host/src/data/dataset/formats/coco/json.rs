//! COCO's JSON as many tools write it: ids as numbers or texts, numbers as texts, NaN, and what is missing.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A file of instances.
#[derive(Deserialize)]
pub struct Instances {
    pub images: Vec<Image>,
    #[serde(default)]
    pub annotations: Option<Vec<Annotation>>,
    #[serde(default)]
    pub categories: Option<Vec<Category>>,
}

#[derive(Deserialize)]
pub struct Image {
    #[serde(default)]
    pub id: Scalar,
    #[serde(default, alias = "filename")]
    pub file_name: Scalar,
    #[serde(default)]
    pub width: Scalar,
    #[serde(default)]
    pub height: Scalar,
}

#[derive(Deserialize)]
pub struct Annotation {
    #[serde(default)]
    pub image_id: Scalar,
    #[serde(default)]
    pub category_id: Scalar,
    #[serde(default)]
    pub bbox: Numbers,
    #[serde(default)]
    pub segmentation: Segmentation,
    #[serde(default)]
    pub iscrowd: Scalar,
}

#[derive(Deserialize)]
pub struct Category {
    #[serde(default)]
    pub id: Scalar,
    #[serde(default)]
    pub name: Scalar,
    #[serde(default)]
    pub supercategory: Scalar,
}

/// One value of any kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Scalar {
    /// Null, a list, an object, or not there.
    #[default]
    Nothing,
    Number(f64),
    Text(String),
}

/// An id: `1`, `1.0` and `"1"` are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    Number(i64),
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Number(number) => number.fmt(f),
            Id::Text(text) => write!(f, "'{text}'"),
        }
    }
}

impl Scalar {
    /// As an id.
    pub fn id(&self) -> Option<Id> {
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        match self {
            Scalar::Nothing => None,
            Scalar::Number(number) => {
                Some(whole(*number).map_or_else(|| Id::Text(number.to_string()), Id::Number))
            }
            Scalar::Text(text) => {
                let text = text.trim();
                let number = text.parse().ok().and_then(whole);
                Some(number.map_or_else(|| Id::Text(text.to_owned()), Id::Number))
            }
        }
    }

    /// As a finite number.
    pub fn number(&self) -> Option<f64> {
        let number = match self {
            Scalar::Nothing => None,
            Scalar::Number(number) => Some(*number),
            Scalar::Text(text) => text.trim().parse().ok(),
        };
        number.filter(|number| number.is_finite())
    }

    /// As a name.
    pub fn text(&self) -> Option<String> {
        match self {
            Scalar::Nothing => None,
            Scalar::Number(number) => Some(number.to_string()),
            Scalar::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        }
    }

    /// As yes or no: a number other than 0, or a word for yes.
    pub fn is_true(&self) -> bool {
        let yes = |text: &str| ["true", "yes"].iter().any(|word| text.trim().eq_ignore_ascii_case(word));
        self.number().is_some_and(|number| number != 0.0) || matches!(self, Scalar::Text(text) if yes(text))
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Number(f64::from(u8::from(value))))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        // Ids beyond what a double holds are kept as texts: hashes, for example.
        Ok(match value.unsigned_abs() < 1 << 53 {
            true => Scalar::Number(value as f64),
            false => Scalar::Text(value.to_string()),
        })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(if value < 1 << 53 { Scalar::Number(value as f64) } else { Scalar::Text(value.to_string()) })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A list of numbers.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub enum Numbers {
    List(Vec<Scalar>),
    /// Anything else.
    Other(IgnoredAny),
    #[default]
    Nothing,
}

impl Numbers {
    /// Left, top, width and height.
    pub fn four(&self) -> Option<[f64; 4]> {
        match self {
            Numbers::List(list) if list.len() == 4 => {
                let numbers: Vec<f64> = list.iter().filter_map(Scalar::number).collect();
                numbers.try_into().ok()
            }
            Numbers::List(_) | Numbers::Other(_) | Numbers::Nothing => None,
        }
    }
}

/// Where an object is, point by point.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub enum Segmentation {
    /// Outlines in one or several pieces, coordinates in turn.
    Pieces(Vec<Vec<Scalar>>),
    /// One outline that is not in a list of outlines.
    Piece(Vec<Scalar>),
    /// Run lengths, whose outline is not known.
    Other(IgnoredAny),
    #[default]
    Nothing,
}

impl Segmentation {
    /// The pieces that are whole.
    pub fn pieces(&self) -> Vec<Vec<[f64; 2]>> {
        let lists = match self {
            Segmentation::Pieces(lists) => lists.iter().map(Vec::as_slice).collect(),
            Segmentation::Piece(list) => vec![list.as_slice()],
            Segmentation::Other(_) | Segmentation::Nothing => vec![],
        };
        let points = |list: &[Scalar]| {
            let numbers: Option<Vec<f64>> = list.iter().map(Scalar::number).collect();
            numbers.map(|numbers| numbers.as_chunks::<2>().0.to_vec()).filter(|points| !points.is_empty())
        };
        lists.into_iter().filter_map(points).collect()
    }
}

/// Reads JSON, and what Python writes beyond it: NaN, Infinity and -Infinity, which are taken for numbers that are missing.
pub fn parse(text: &str) -> Result<Instances, String> {
    let told = |cause: serde_json::Error| {
        format!("not COCO's JSON of instances (`images`, `annotations`, `categories`): {cause}")
    };
    match serde_json::from_str(text) {
        Ok(instances) => Ok(instances),
        Err(cause) => match finite(text) {
            Some(text) => serde_json::from_str(&text).map_err(told),
            None => Err(told(cause)),
        },
    }
}

/// The text with NaN and infinities as texts of the same length, so that places in it stay; nothing if it has none.
fn finite(text: &str) -> Option<String> {
    const WORDS: [(&str, &str); 3] =
        [("-Infinity", "\"???????\""), ("Infinity", "\"??????\""), ("NaN", "\"?\"")];
    let (mut finite, mut within, mut escaped) = (String::with_capacity(text.len()), false, false);
    let (mut rest, mut found) = (text, false);
    while let Some(letter) = rest.chars().next() {
        let word = WORDS.iter().find(|(word, _)| !within && rest.starts_with(word));
        if let Some((word, instead)) = word {
            finite.push_str(instead);
            rest = &rest[word.len()..];
            found = true;
            continue;
        }
        (within, escaped) = match (within, escaped, letter) {
            (true, false, '\\') => (true, true),
            (inside, false, '"') => (!inside, false),
            (inside, ..) => (inside, false),
        };
        finite.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    found.then_some(finite)
}
