//! Arguments of a row, checked against what the block declares.

use super::activation::written;
use super::{Entry, Kind, ParamInfo};
use crate::graph::Act;
use std::fmt;

/// Largest integer, either way, that a row may give: no width, kernel, stride or count of a network comes near it, and
/// a block may count up to one.
const MAX_INTEGER: i64 = 1 << 20;

/// One argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A word.
    Word(String),
    /// A list of whole numbers.
    Ints(Vec<i64>),
    /// An activation, or the identity.
    Activation(Option<Act>),
}

/// As Python writes it.
impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::None => f.write_str("None"),
            Arg::Bool(true) => f.write_str("True"),
            Arg::Bool(false) => f.write_str("False"),
            Arg::Int(value) => write!(f, "{value}"),
            Arg::Float(value) => write!(f, "{value:?}"),
            Arg::Word(word) => write!(f, "'{word}'"),
            Arg::Ints(list) => write!(f, "{list:?}"),
            Arg::Activation(act) => f.write_str(&written(*act)),
        }
    }
}

/// Arguments that a block does not take.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgError {
    /// More than the block declares.
    #[error("takes at most {most} arguments {usage}, not {given}")]
    TooMany {
        /// Declared.
        most: usize,
        /// In the row.
        given: usize,
        /// How they are written.
        usage: String,
    },
    /// One without a default is missing or `None`.
    #[error("needs argument `{name}` of {usage}")]
    Missing {
        /// Its name.
        name: String,
        /// How they are written.
        usage: String,
    },
    /// Of another kind, or out of range.
    #[error("argument `{name}` must be {expected}, not {given}")]
    Unfit {
        /// Its name.
        name: String,
        /// What it may be.
        expected: String,
        /// What it is.
        given: Arg,
    },
}

impl Entry {
    /// One argument for every parameter, defaults filled in.
    pub fn check(&self, given: &[Arg]) -> Result<Vec<Arg>, ArgError> {
        if given.len() > self.params.len() {
            let (most, given) = (self.params.len(), given.len());
            return Err(ArgError::TooMany { most, given, usage: self.usage() });
        }
        let given = given.iter().map(Some).chain(std::iter::repeat(None));
        self.params.iter().zip(given).map(|(param, arg)| self.one(param, arg)).collect()
    }

    fn one(&self, param: &ParamInfo, arg: Option<&Arg>) -> Result<Arg, ArgError> {
        match arg {
            // In Python, what is neither True nor a module is no activation.
            Some(Arg::None) if param.kind == Kind::Activation => Ok(Arg::Activation(None)),
            None | Some(Arg::None) if param.optional => Ok(param.default.clone()),
            None => Err(ArgError::Missing { name: param.name.clone(), usage: self.usage() }),
            Some(arg) => param.accept(arg),
        }
    }
}

impl ParamInfo {
    /// The argument in the form of the declared kind.
    pub(super) fn accept(&self, arg: &Arg) -> Result<Arg, ArgError> {
        self.fit(arg).ok_or_else(|| ArgError::Unfit {
            name: self.name.clone(),
            expected: self.expected(arg),
            given: arg.clone(),
        })
    }

    /// The argument in the form of the declared kind, if it has one.
    fn fit(&self, arg: &Arg) -> Option<Arg> {
        let (min, max) = self.range;
        let ranged = |value: i64| (min.max(-MAX_INTEGER)..=max.min(MAX_INTEGER)).contains(&value);
        match (self.kind, arg) {
            (Kind::Width | Kind::Int, Arg::Int(value)) if ranged(*value) => Some(arg.clone()),
            // A pair of equal numbers, where PyTorch takes one number or two.
            (Kind::Int, Arg::Ints(list)) => match list[..] {
                [one] if ranged(one) => Some(Arg::Int(one)),
                [one, other] if one == other && ranged(one) => Some(Arg::Int(one)),
                _ => None,
            },
            (Kind::Activation, Arg::Activation(_)) => Some(arg.clone()),
            (Kind::Activation, Arg::Bool(conv)) => Some(Arg::Activation(conv.then_some(Act::Conv))),
            (Kind::Bool, Arg::Bool(_)) => Some(arg.clone()),
            (Kind::Bool, Arg::Int(value @ 0..=1)) => Some(Arg::Bool(*value == 1)),
            (Kind::Float, Arg::Float(value)) if value.is_finite() => Some(arg.clone()),
            (Kind::Float, Arg::Int(value)) => Some(Arg::Float(*value as f64)),
            (Kind::Choice, Arg::Word(word)) if self.choices.contains(word) => Some(arg.clone()),
            (Kind::Ints, Arg::Int(value)) if ranged(*value) => Some(Arg::Ints(vec![*value])),
            (Kind::Ints, Arg::Ints(list)) if !list.is_empty() && list.iter().all(|v| ranged(*v)) => {
                Some(arg.clone())
            }
            _ => None,
        }
    }

    /// What it may be; of a list told where one was given.
    fn expected(&self, given: &Arg) -> String {
        let kind = self.kind.name();
        match (self.kind, self.range) {
            (Kind::Choice, _) => format!("one of {}", self.choices.join(", ")),
            (Kind::Bool | Kind::Float | Kind::Activation, _) => kind.to_string(),
            (_, (min, max)) => {
                let listed = self.kind == Kind::Int && matches!(given, Arg::Ints(_));
                let pair = if listed { " (or a list of two that are equal)" } else { "" };
                format!("{kind} from {} to {}{pair}", min.max(-MAX_INTEGER), max.min(MAX_INTEGER))
            }
        }
    }
}
