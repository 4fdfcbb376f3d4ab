//! A registered block as the host sees it: safe, owned data.

use super::{Arg, Origin};
use yolo_plugin::abi;

/// The block that every model ends with is the program's own, and no registry's: its outputs are several.
pub const DETECT: &str = "Detect";

/// What a positional argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Output channels, scaled by `width_multiple`.
    Width,
    /// An integer.
    Int,
    /// True or false.
    Bool,
    /// A number.
    Float,
    /// One of a few words.
    Choice,
    /// A list of integers.
    Ints,
    /// An activation, or none.
    Activation,
}

impl Kind {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Width => "a number of channels",
            Kind::Int => "an integer",
            Kind::Bool => "True or False",
            Kind::Float => "a number",
            Kind::Choice => "a word",
            Kind::Ints => "a list of integers",
            Kind::Activation => "True, False or an activation such as nn.ReLU()",
        }
    }
}

/// One positional argument as the block declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamInfo {
    /// Its name.
    pub name: String,
    /// One line of help.
    pub help: String,
    /// What it may be.
    pub kind: Kind,
    /// Whether it may be left out or `None`.
    pub optional: bool,
    /// What it is then.
    pub default: Arg,
    /// Smallest and largest integer.
    pub range: (i64, i64),
    /// The words of a choice.
    pub choices: Vec<String>,
}

/// A block in the registry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name in YAML.
    pub name: String,
    /// One line of help.
    pub help: String,
    /// Positional arguments.
    pub params: Vec<ParamInfo>,
    /// `number` is handed to the block instead of stacking it.
    pub repeats_inside: bool,
    /// Fewest and most layers in `from`.
    pub inputs: (usize, usize),
    /// Where it comes from.
    pub origin: Origin,
    pub(super) raw: abi::Block,
}

impl Entry {
    /// The argument that `width_multiple` scales, if the block has one.
    pub fn width(&self) -> Option<usize> {
        self.params.iter().position(|param| param.kind == Kind::Width)
    }

    /// Whether both are the same block of the same version of the same plugin, as far as they describe themselves.
    pub fn is_same_as(&self, other: &Entry) -> bool {
        let Entry { name, help, params, repeats_inside, inputs, origin, raw: _ } = self;
        let described = (name, help, params, repeats_inside, inputs);
        let other_s = (&other.name, &other.help, &other.params, &other.repeats_inside, &other.inputs);
        origin.plugin() == other.origin.plugin() && described == other_s
    }

    /// How the arguments are written, such as `[c2, k=1, s=1]`.
    pub fn usage(&self) -> String {
        let params = self.params.iter().map(|param| match (&param.default, param.optional) {
            (_, false) => param.name.clone(),
            (default, true) => format!("{}={default}", param.name),
        });
        format!("[{}]", params.collect::<Vec<_>>().join(", "))
    }
}
