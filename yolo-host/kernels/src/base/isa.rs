//! Which instruction set the kernels use: the best that this processor has, or the one that `YOLO_KERNELS` names.
#![allow(unsafe_code)] // `dispatch!` calls functions that need their instruction set

use super::dot_product::{DotProduct, FEATURES, is_detected};
use super::simd::{Simd, Tiling, dispatch, instruction_sets};
use std::sync::OnceLock;

/// Whether this processor has a feature, on the architecture that has such features.
#[allow(unused_macros)] // on architectures that have no set in the table
macro_rules! detected {
    ("x86_64", $feature:tt) => {
        is_x86_feature_detected!($feature)
    };
    ("aarch64", $feature:tt) => {
        std::arch::is_aarch64_feature_detected!($feature)
    };
    // A module with instructions that a browser lacks is not loaded at all: what it was compiled for is there.
    ("wasm32", $feature:tt) => {
        cfg!(target_feature = $feature)
    };
}
#[allow(unused_imports)] // likewise
pub(super) use detected;

/// The enumeration of the table's instruction sets.
macro_rules! enumerate {
    ({ $($(#[$doc:meta])* $set:ident $name:literal on $arch:tt with [$($feature:tt),*])* }) => {
        /// An instruction set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Isa {
            /// Plain loops, the readable ones that the others are tested against; what has none uses the portable vectors.
            Reference,
            /// The fast algorithms without special instructions: any processor.
            Portable,
            $(
                #[cfg(target_arch = $arch)]
                $(#[$doc])*
                $set,
            )*
        }

        impl Isa {
            /// Those that this processor can run, the simplest first.
            pub fn available() -> Vec<Isa> {
                #[allow(unused_mut)] // on other architectures
                let mut sets = vec![Isa::Reference, Isa::Portable];
                $(
                    #[cfg(target_arch = $arch)]
                    if $(detected!($arch, $feature))&&* {
                        sets.push(Isa::$set);
                    }
                )*
                sets
            }

            /// Its name in `YOLO_KERNELS`.
            pub fn name(self) -> &'static str {
                match self {
                    Isa::Reference => "reference",
                    Isa::Portable => "portable",
                    $(
                        #[cfg(target_arch = $arch)]
                        Isa::$set => $name,
                    )*
                }
            }
        }

        /// Names of this architecture's sets.
        const SETS: &[&str] = &[$(
            #[cfg(target_arch = $arch)]
            $name,
        )*];
    };
}
instruction_sets!([enumerate]);

impl Isa {
    /// This set, for kernels to rely on.
    ///
    /// # Panics
    /// Where this processor lacks its instructions.
    pub(crate) fn required(self) -> Isa {
        assert!(Isa::available().contains(&self), "this processor has no {}", self.name());
        self
    }

    /// The sizes of its vectors and tiles.
    pub(crate) fn tiling(self) -> Tiling {
        #[inline(always)]
        unsafe fn tiling<S: Simd>() -> Tiling {
            Tiling::of::<S>()
        }
        dispatch!(self, tiling() -> Tiling)
    }
}

/// What the kernels use: an instruction set, and the features beyond it that dot products may use; all of them if there is no
/// list.
#[derive(Debug, PartialEq)]
struct Choice {
    isa: Isa,
    features: Option<Vec<&'static str>>,
}

/// A value of `YOLO_KERNELS` that names what there is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrongKernels {
    /// No instruction set or feature of this architecture; with those that there are.
    Unknown(String, Vec<&'static str>),
    /// One that this processor lacks.
    Missing(String),
}

impl std::fmt::Display for WrongKernels {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            WrongKernels::Unknown(name, known) => {
                let known = if known.is_empty() { "no feature".into() } else { known.join(", ") };
                write!(f, "YOLO_KERNELS: there is no {name:?} here, only {known}")
            }
            WrongKernels::Missing(name) => write!(f, "YOLO_KERNELS: this processor has no {name}"),
        }
    }
}

impl std::error::Error for WrongKernels {}

/// An instruction set and features, joined by `+`: `neon`, `neon+dotprod`. Nothing is the best that this processor has.
fn parse(text: &str) -> Result<Choice, WrongKernels> {
    let available = Isa::available();
    let best = *available.last().unwrap_or(&Isa::Portable);
    if text.is_empty() {
        return Ok(Choice { isa: best, features: None });
    }
    let mut names = text.split('+');
    let set = names.next().unwrap_or_default();
    let Some(isa) = available.iter().copied().find(|isa| isa.name() == set) else {
        return Err(match SETS.contains(&set) {
            true => WrongKernels::Missing(set.to_string()),
            false => WrongKernels::Unknown(set.to_string(), [&["reference", "portable"], SETS].concat()),
        });
    };
    let mut features = vec![];
    for name in names {
        let Some(feature) = FEATURES.iter().copied().find(|feature| *feature == name) else {
            return Err(WrongKernels::Unknown(name.to_string(), FEATURES.to_vec()));
        };
        if !is_detected(feature) {
            return Err(WrongKernels::Missing(name.to_string()));
        }
        features.push(feature);
    }
    Ok(Choice { isa, features: Some(features) })
}

fn choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| {
        let best = Choice { isa: Isa::available().last().copied().unwrap_or(Isa::Portable), features: None };
        parse(&std::env::var("YOLO_KERNELS").unwrap_or_default()).unwrap_or(best)
    })
}

/// The set in use. One that `YOLO_KERNELS` names wrongly is not used: see [`check_kernels`].
pub fn isa() -> Isa {
    choice().isa
}

/// Whether `YOLO_KERNELS` names what this processor has.
///
/// # Errors
/// [`WrongKernels`]
pub fn check_kernels() -> Result<(), WrongKernels> {
    parse(&std::env::var("YOLO_KERNELS").unwrap_or_default()).map(|_| ())
}

/// The set in use and the features beyond it, as `YOLO_KERNELS` takes them.
pub fn kernels() -> String {
    let mut names = vec![isa().name()];
    for dot in DotProduct::available().into_iter().filter(|dot| dot.isa() == isa()) {
        names.extend(dot.features().iter().filter(|feature| !names.contains(feature)).collect::<Vec<_>>());
    }
    names.join("+")
}

/// Whether dot products may use a feature.
#[allow(dead_code)] // on architectures that have no dot product in the table
pub(super) fn is_allowed(feature: &str) -> bool {
    choice().features.as_ref().is_none_or(|features| features.contains(&feature))
}
