//! The kinds of an operation that the C table takes as numbers, as Rust enums; and how a parameter is filled.

use crate::abi;

/// An enum of kinds with their numbers, and the list of all, which no kind can be missing from.
macro_rules! kinds {
    ($(#[$doc:meta])* enum $name:ident of $numbers:ident { $($(#[$about:meta])* $kind:ident = $number:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$about])* $kind = abi::$numbers::$number as isize,)*
        }

        impl $name {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// Its number.
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// The kind with this number.
            pub fn from_code(code: u32) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.code() == code)
            }
        }
    };
}

kinds! {
    /// What a pooling window yields.
    enum Pool of pool {
        /// The largest element.
        Max = MAX,
        /// The mean.
        Average = AVERAGE,
    }
}

kinds! {
    /// How `upsample` fills in.
    enum Upsample of upsample {
        /// Each element repeated.
        Nearest = NEAREST,
        /// Bilinear, corners not aligned.
        Bilinear = BILINEAR,
    }
}

kinds! {
    /// Channel order of space-to-depth and its inverse.
    enum Order of order {
        /// Output channel (dy·s + dx)·C + c: YOLOv5's Contract and Expand.
        Rows = ROWS,
        /// Output channel (dx·s + dy)·C + c: YOLOv5's Focus.
        Columns = COLUMNS,
    }
}

/// The same for activations, of which some have a parameter.
macro_rules! activations {
    ($($(#[$about:meta])* $act:ident $(($parameter:ident))? = $number:ident,)*) => {
        /// An elementwise activation.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Act {
            $($(#[$about])* $act $((activations!(@f64 $parameter)))?,)*
        }

        impl Act {
            /// Every activation, with this parameter where it has one.
            pub const fn all(parameter: f64) -> [Self; [$(abi::act::$number),*].len()] {
                [$(Act::$act $((activations!(@value parameter, $parameter)))?),*]
            }

            /// Its kind in [`abi::act`], and its parameter.
            pub const fn code(self) -> (u32, f64) {
                match self {
                    $(Act::$act $(($parameter))? => (abi::act::$number, [$($parameter,)? 0.0][0]),)*
                }
            }

            /// The activation of a kind in [`abi::act`] and its parameter.
            pub fn from_code(kind: u32, parameter: f64) -> Option<Self> {
                Self::all(parameter).into_iter().find(|act| act.code().0 == kind)
            }
        }
    };
    (@f64 $parameter:ident) => { f64 };
    (@value $value:ident, $parameter:ident) => { $value };
}

activations! {
    /// max(x, 0)
    Relu = RELU,
    /// min(max(x, 0), 6)
    Relu6 = RELU6,
    /// x, or slope·x below zero
    LeakyRelu(slope) = LEAKY_RELU,
    /// x·sigmoid(x)
    Silu = SILU,
    /// 1 / (1 + e^−x)
    Sigmoid = SIGMOID,
    /// relu6(x + 3) / 6
    HardSigmoid = HARD_SIGMOID,
    /// x·relu6(x + 3) / 6
    HardSwish = HARD_SWISH,
    /// tanh(x)
    Tanh = TANH,
    /// x·tanh(ln(1 + e^x))
    Mish = MISH,
    /// That of YOLOv5's `Conv(act=True)`: SiLU, unless the model file's key `activation` names another.
    Conv = CONV,
}

/// How a new parameter is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Every element the same.
    Constant(f64),
    /// Uniform between two bounds.
    Uniform(f64, f64),
    /// Normal with mean and standard deviation.
    Normal(f64, f64),
}

impl Init {
    /// The filling that the C struct describes.
    pub fn from_code(init: abi::Init) -> Option<Self> {
        match init.kind {
            abi::init::CONSTANT => Some(Init::Constant(init.a)),
            abi::init::UNIFORM => Some(Init::Uniform(init.a, init.b)),
            abi::init::NORMAL => Some(Init::Normal(init.a, init.b)),
            _ => None,
        }
    }
}

impl From<Init> for abi::Init {
    fn from(init: Init) -> Self {
        match init {
            Init::Constant(a) => abi::Init { kind: abi::init::CONSTANT, a, b: 0.0 },
            Init::Uniform(a, b) => abi::Init { kind: abi::init::UNIFORM, a, b },
            Init::Normal(a, b) => abi::Init { kind: abi::init::NORMAL, a, b },
        }
    }
}
