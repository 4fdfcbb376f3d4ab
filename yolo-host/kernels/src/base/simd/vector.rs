//! What an instruction set is to the kernels: vectors of f32, and the sizes of tiles that suit its registers.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

/// Floats of the widest vector of all sets, for buffers on the stack that any of them may fill.
pub const MAX_LANES: usize = 16;

/// An instruction set. The vectors have [`LANES`](Simd::LANES) numbers; a micro-kernel's tile is MR pixels by NR = `LANES` ×
/// vectors channels.
///
/// # Safety
/// All functions need a processor that has the instructions, and pointers to as many numbers as they read or write.
#[allow(clippy::missing_safety_doc)] // said above
pub trait Simd: Copy {
    /// Floats of a vector.
    const LANES: usize;
    /// The tiles of inference: MR that are tried for panels of one vector, of two and so on, the largest first and 1 last. Each
    /// needs a micro-kernel in `infer/microkernel.rs`.
    const INFER_TILES: &'static [&'static [usize]];
    /// The tiles of training: MR for one vector, for two and so on. Each needs an arm in `train/microkernel.rs`.
    const TRAIN_TILES: &'static [usize];
    /// Floats that [`load_input`](Simd::load_input) loads: as many as [`mul_add_lane`](Simd::mul_add_lane) chooses from.
    const INPUT_FLOATS: usize = 1;
    /// Vectors for kernels that need few registers, so that a step does more: two of these, where they are short.
    type Wide: Simd;
    /// A vector.
    type V: Copy;
    /// All zeros.
    unsafe fn zero() -> Self::V;
    /// The same number in every lane.
    unsafe fn splat(value: f32) -> Self::V;
    /// As many floats as there are lanes, at any address.
    unsafe fn load(from: *const f32) -> Self::V;
    /// The first `count` floats, and zeros in the other lanes.
    unsafe fn load_partial(from: *const f32, count: usize) -> Self::V;
    /// As many floats as there are lanes, at any address.
    unsafe fn store(to: *mut f32, v: Self::V);
    /// Stores only the first `count` lanes.
    unsafe fn store_partial(to: *mut f32, v: Self::V, count: usize);
    /// a · b + c, rounded once where the processor can
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// a + b
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// a · b
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; NaN where `b` is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The greater; NaN where `b` is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// v − ⌊v⌋
    unsafe fn fraction(v: Self::V) -> Self::V;
    /// v · 2^⌊n⌋ for n up to 126; from −127 down it may be 0.
    unsafe fn scalef(v: Self::V, n: Self::V) -> Self::V;
    /// a / b
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;

    /// Four neighbouring vectors, behind which the pointer is moved.
    #[inline(always)]
    unsafe fn load_four(from: &mut *const f32) -> [Self::V; 4] {
        // SAFETY: see the trait.
        unsafe {
            let [a, b, c, d] = [0, 1, 2, 3].map(|n| from.wrapping_add(n * Self::LANES));
            *from = from.wrapping_add(4 * Self::LANES);
            [Self::load(a), Self::load(b), Self::load(c), Self::load(d)]
        }
    }

    /// `INPUT_FLOATS` floats, at any address; one of them in every lane.
    #[inline(always)]
    unsafe fn load_input(from: *const f32) -> Self::V {
        // SAFETY: see the trait.
        unsafe { Self::splat(from.read_unaligned()) }
    }

    /// a · b + c, where b is the number in a lane below `INPUT_FLOATS` of what [`load_input`](Simd::load_input) loaded; in lane 0
    /// also of a [`splat`](Simd::splat).
    #[inline(always)]
    unsafe fn mul_add_lane<const LANE: i32>(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: see the trait.
        unsafe { Self::mul_add(b, a, c) }
    }
}

/// The sizes of an instruction set as values, for what packs and plans.
#[derive(Clone, Copy, Debug)]
pub struct Tiling {
    /// [`Simd::LANES`]
    pub lanes: usize,
    /// [`Simd::INFER_TILES`]
    pub infer: &'static [&'static [usize]],
    /// [`Simd::TRAIN_TILES`]
    pub train: &'static [usize],
}

impl Tiling {
    /// Those of a set.
    pub const fn of<S: Simd>() -> Self {
        Tiling { lanes: S::LANES, infer: S::INFER_TILES, train: S::TRAIN_TILES }
    }
}
