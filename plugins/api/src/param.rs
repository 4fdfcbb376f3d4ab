//! The positional arguments of a block: name, kind, range, default and one line of help, all known before it is built.

use crate::Act;
use crate::abi::{self, Arg, Str, kind};

/// One positional argument of a block, as written in YAML.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Param(abi::Param);

/// One of the words of a [`choice`](Param::choice).
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Word(Str);

impl Word {
    /// A word as written in YAML.
    pub const fn new(word: &'static str) -> Self {
        Word(Str::new(word))
    }
}

impl Param {
    /// As the host sees it.
    pub(crate) const fn raw(&self) -> &abi::Param {
        &self.0
    }

    const fn new(name: &'static str, kind: u32) -> Self {
        Param(abi::Param {
            name: Str::new(name),
            help: Str::EMPTY,
            kind,
            optional: 0,
            default: Arg::NONE,
            min: i64::MIN,
            max: i64::MAX,
            choices: std::ptr::null(),
            choices_len: 0,
        })
    }

    /// Output channels. `width_multiple` scales the first of a block's widths to a multiple of 8, unless it equals the
    /// number of outputs of Detect.
    pub const fn width(name: &'static str) -> Self {
        Self::new(name, kind::WIDTH).range(1, i64::MAX)
    }

    /// An integer, at least 0 unless [`range`](Self::range) says otherwise.
    pub const fn int(name: &'static str) -> Self {
        Self::new(name, kind::INT).range(0, i64::MAX)
    }

    /// `True` or `False`; 1 and 0 are taken too.
    pub const fn bool(name: &'static str) -> Self {
        Self::new(name, kind::BOOL)
    }

    /// A number.
    pub const fn float(name: &'static str) -> Self {
        Self::new(name, kind::FLOAT)
    }

    /// One of a few words.
    pub const fn choice(name: &'static str, words: &'static [Word]) -> Self {
        let mut param = Self::new(name, kind::CHOICE);
        param.0.choices = words.as_ptr().cast();
        param.0.choices_len = words.len();
        param
    }

    /// A list of integers, each at least 0 unless [`range`](Self::range) says otherwise.
    pub const fn ints(name: &'static str) -> Self {
        Self::new(name, kind::INTS).range(0, i64::MAX)
    }

    /// An activation, that of YOLOv5's Conv unless YAML says otherwise: `False`, or a module such as `nn.ReLU()`.
    pub const fn activation(name: &'static str) -> Self {
        let mut param = Self::new(name, kind::ACTIVATION);
        let (code, parameter) = Act::Conv.code();
        param.0.default = Arg { kind: kind::ACTIVATION, int: code as i64, float: parameter, ..Arg::NONE };
        param.optional()
    }

    /// One line that says what it means.
    pub const fn help(mut self, help: &'static str) -> Self {
        self.0.help = Str::new(help);
        self
    }

    /// Smallest and largest value.
    pub const fn range(mut self, min: i64, max: i64) -> Self {
        self.0.min = min;
        self.0.max = max;
        self
    }

    /// May be left out or `None`; [`Args`](crate::Args) then returns `None`.
    pub const fn optional(mut self) -> Self {
        self.0.optional = 1;
        self
    }

    /// May be left out: this integer then.
    pub const fn or_int(mut self, value: i64) -> Self {
        self.0.default = Arg { kind: self.0.kind, int: value, ..Arg::NONE };
        self.optional()
    }

    /// May be left out: this truth value then.
    pub const fn or_bool(self, value: bool) -> Self {
        self.or_int(value as i64)
    }

    /// May be left out: this number then.
    pub const fn or_float(mut self, value: f64) -> Self {
        self.0.default = Arg { kind: kind::FLOAT, float: value, ..Arg::NONE };
        self.optional()
    }

    /// May be left out: this word then.
    pub const fn or_word(mut self, word: &'static str) -> Self {
        self.0.default = Arg { kind: kind::CHOICE, text: Str::new(word), ..Arg::NONE };
        self.optional()
    }

    /// May be left out: this list then.
    pub const fn or_ints(mut self, list: &'static [i64]) -> Self {
        self.0.default = Arg { kind: kind::INTS, ints: list.as_ptr(), ints_len: list.len(), ..Arg::NONE };
        self.optional()
    }
}
