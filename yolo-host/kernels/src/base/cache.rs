//! Bytes of the caches that kernels cut their work for, with room beside it for what else they read. ARM's small cores have 32 KiB
//! and often 256 KiB of their own; of x86, processors of the last ten years have at least 32 KiB and 512 KiB.

const ARM: bool = cfg!(any(target_arch = "aarch64", target_arch = "arm"));

/// Input that the first-level cache holds beside the weights of a panel.
pub const L1_BYTES: usize = if ARM { 16 << 10 } else { 24 << 10 };
/// The same in less than f32, beside the maps that it is converted from.
pub const L1_CONVERTED_BYTES: usize = 16 << 10;
/// Input in less than f32 that the second-level cache holds, where weights are too large for it …
pub const L2_BYTES: usize = if ARM { 96 << 10 } else { 256 << 10 };
/// … as they are from so many bytes on.
pub const L2_WEIGHT_BYTES: usize = if ARM { 128 << 10 } else { 384 << 10 };
/// Floats of Winograd's transformed tiles that it holds.
pub const L2_FLOATS: usize = if ARM { 48 << 10 } else { 160 << 10 };
