//! Hints to the processor and to the compiler about memory.
#![allow(unsafe_code)] // instructions without a function of their own

/// Prefetches into the first-level cache; any address will do.
#[inline(always)]
pub fn prefetch<T>(_at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which reads nothing that the program could see.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(_at.cast());
    }
}

/// Prefetches memory that will be written; any address will do.
#[inline(always)]
pub fn prefetch_to_write(_at: *mut f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which processors that do not know it ignore.
    unsafe {
        std::arch::asm!("prefetchw [{0}]", in(reg) _at, options(nostack, preserves_flags));
    }
}

/// The same pointer, in a register of its own: the compiler would make one pointer for each pixel of a tile, and keep half of
/// them in memory.
#[inline(always)]
#[allow(clippy::pointers_in_nomem_asm_block)] // there is no instruction that could use it
pub fn pin_in_register<T>(pointer: *const T) -> *const T {
    let mut _pointer = pointer;
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: no instruction.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) _pointer, options(pure, nomem, nostack, preserves_flags));
    }
    _pointer
}

/// Loads that come after this stay after it: the compiler would load early what there are no registers for.
#[inline(always)]
pub fn loads_stay_behind() {
    #[cfg(target_arch = "aarch64")]
    // SAFETY: no instruction.
    unsafe {
        std::arch::asm!("", options(nostack, preserves_flags));
    }
}
