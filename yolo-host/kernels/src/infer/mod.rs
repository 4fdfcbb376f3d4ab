//! Kernels for inference: convolutions that read their input channels from the maps where they lie, apply the activation and
//! add the shortcut while the sums are in registers or in the first-level cache, and keep nothing for a gradient.
//!
//! ```text
//! conv            which algorithm computes a convolution
//!  ├─ dense       f32 ──────────────────┐
//!  ├─ lowp        bf16 and int8 ────────┼─ row ─ microkernel, epilogue
//!  └─ winograd    3×3 in f32 ───────────┘
//! depthwise, pool, add, scale, upsample, input: everything else
//! ```

mod add;
mod conv;
mod dense;
mod depthwise;
mod epilogue;
mod input;
mod layer;
mod lowp;
mod map;
mod microkernel;
mod pack_rows;
mod panel;
mod pool;
mod row;
mod row_ring;
mod scale;
#[cfg(test)]
mod tests;
mod tile_height;
mod upsample;
mod vector_act;
mod winograd;

pub use crate::base::simd::dot::{MAX_INT8_TERMS, QuantParams};
pub use add::add;
pub use conv::Conv;
pub use dense::Dense;
pub use depthwise::Depthwise;
pub use input::{from_bytes, from_planes};
pub use layer::Layer;
pub use lowp::{LowPrecision, LowPrecisionConv};
pub use map::{Geometry, Source, Target};
pub use pool::max_pool;
pub use scale::scale;
pub use upsample::upsample;
pub use winograd::Winograd;
