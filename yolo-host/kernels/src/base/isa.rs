//! Which instructions the kernels use: the best that this processor has, or what `YOLO_KERNELS` says.

use std::sync::OnceLock;

/// A set of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain loops, the readable ones.
    Reference,
    /// The fast algorithms without special instructions: any processor.
    Portable,
    /// 256-bit vectors and fused multiply-add.
    Avx2,
    /// 512-bit vectors.
    Avx512,
}

impl Isa {
    /// Those that this processor can run, the plainest first.
    pub fn available() -> Vec<Isa> {
        let plain = [Isa::Reference, Isa::Portable];
        plain.into_iter().chain(wide()).collect()
    }

    /// Its name in `YOLO_KERNELS`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Reference => "reference",
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }
}

/// The sets of vector instructions that this processor has.
#[cfg(target_arch = "x86_64")]
fn wide() -> impl Iterator<Item = Isa> {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = avx2
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq");
    [(Isa::Avx2, avx2), (Isa::Avx512, avx512)].into_iter().filter_map(|(isa, there)| there.then_some(isa))
}

/// None yet.
#[cfg(not(target_arch = "x86_64"))]
fn wide() -> impl Iterator<Item = Isa> {
    std::iter::empty()
}

/// The set in use. One that `YOLO_KERNELS` names and this processor lacks is not used.
pub fn isa() -> Isa {
    static ISA: OnceLock<Isa> = OnceLock::new();
    *ISA.get_or_init(|| {
        let available = Isa::available();
        let wanted = std::env::var("YOLO_KERNELS").unwrap_or_default();
        let named = available.iter().find(|isa| isa.name() == wanted);
        *named.or(available.last()).unwrap_or(&Isa::Portable)
    })
}

/// Defines functions of plain loops that are compiled for every set of instructions; each call takes the best.
macro_rules! vectorised {
    ($(
        $(#[$doc:meta])*
        $vis:vis fn $name:ident<$($generic:ident: $bound:path),*>($($arg:ident: $kind:ty),* $(,)?) $body:block
    )*) => {
        $(
            $(#[$doc])*
            #[allow(clippy::too_many_arguments)]
            $vis fn $name<$($generic: $bound),*>($($arg: $kind),*) {
                #[inline(always)]
                #[allow(clippy::too_many_arguments)]
                fn body<$($generic: $bound),*>($($arg: $kind),*) $body
                #[cfg(target_arch = "x86_64")]
                {
                    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                    #[allow(clippy::too_many_arguments)]
                    unsafe fn avx512<$($generic: $bound),*>($($arg: $kind),*) {
                        body($($arg),*)
                    }
                    #[target_feature(enable = "avx2,fma")]
                    #[allow(clippy::too_many_arguments)]
                    unsafe fn avx2<$($generic: $bound),*>($($arg: $kind),*) {
                        body($($arg),*)
                    }
                    match $crate::base::isa() {
                        // SAFETY: these sets are chosen only where the processor has them.
                        $crate::base::Isa::Avx512 => return unsafe { avx512($($arg),*) },
                        // SAFETY: likewise.
                        $crate::base::Isa::Avx2 => return unsafe { avx2($($arg),*) },
                        _ => (),
                    }
                }
                body($($arg),*)
            }
        )*
    };
}
pub(crate) use vectorised;
