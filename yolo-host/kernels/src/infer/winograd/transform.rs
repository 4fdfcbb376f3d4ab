//! Winograd's transforms of weights, of input tiles and of products, on vectors of channels.
#![allow(unsafe_code)] // vectors, and loads and stores through pointers
#![allow(clippy::needless_range_loop)] // rows become columns

use crate::base::simd::Simd;
use crate::base::simd::vectorised;

/// Output channels whose weights are transformed at once.
pub const AT_ONCE: usize = 8;
/// The largest side of a tile of the input.
pub const MAX_IN: usize = 6;
/// The largest side of a tile of the output.
pub const MAX_OUT: usize = 4;

/// How `IN` neighbouring numbers of the input and 3 weights make `OUT` outputs with `IN` products.
pub trait Transform<const IN: usize, const OUT: usize> {
    /// The transform of weights.
    const G: [[f64; 3]; IN];

    /// The transform of the input, Bᵀ d.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn forward<S: Simd>(d: [S::V; IN]) -> [S::V; IN];

    /// The transform of products, Aᵀ m.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn backward<S: Simd>(m: [S::V; IN]) -> [S::V; OUT];
}

/// F(4, 3) with the points 0, ±1, ±2 and infinity: 6 products instead of 12.
pub struct F4x3;

/// F(2, 3) with the points 0, ±1 and infinity: 4 products instead of 6.
pub struct F2x3;

/// 2 outputs with stride 2: 5 products instead of 6. The first and the third weight meet even inputs only, as a filter of two with
/// stride 1 would: F(2, 2) with the points 0, 1 and infinity, 3 products. The second meets odd inputs, 2 products.
pub struct F2x3Stride2;

impl Transform<6, 4> for F4x3 {
    const G: [[f64; 3]; 6] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];

    #[inline(always)]
    unsafe fn forward<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
        // SAFETY: passed on.
        unsafe {
            let (even, odd) = (plus::<S>(d[4], -4.0, d[2]), plus::<S>(d[3], -4.0, d[1]));
            let (inner, outer) = (plus::<S>(d[4], -1.0, d[2]), plus::<S>(d[3], -1.0, d[1]));
            [
                plus::<S>(plus::<S>(d[4], -5.0, d[2]), 4.0, d[0]),
                S::add(even, odd),
                plus::<S>(even, -1.0, odd),
                plus::<S>(inner, 2.0, outer),
                plus::<S>(inner, -2.0, outer),
                plus::<S>(plus::<S>(d[5], -5.0, d[3]), 4.0, d[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
        // SAFETY: passed on.
        unsafe {
            let (a, b) = (S::add(m[1], m[2]), plus::<S>(m[1], -1.0, m[2]));
            let (c, e) = (S::add(m[3], m[4]), plus::<S>(m[3], -1.0, m[4]));
            [
                S::add(S::add(m[0], a), c),
                plus::<S>(b, 2.0, e),
                plus::<S>(a, 4.0, c),
                S::add(plus::<S>(b, 8.0, e), m[5]),
            ]
        }
    }
}

impl Transform<4, 2> for F2x3 {
    const G: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

    #[inline(always)]
    unsafe fn forward<S: Simd>(d: [S::V; 4]) -> [S::V; 4] {
        // SAFETY: passed on.
        unsafe {
            [
                plus::<S>(d[0], -1.0, d[2]),
                S::add(d[1], d[2]),
                plus::<S>(d[2], -1.0, d[1]),
                plus::<S>(d[1], -1.0, d[3]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd>(m: [S::V; 4]) -> [S::V; 2] {
        // SAFETY: passed on.
        unsafe { [S::add(S::add(m[0], m[1]), m[2]), plus::<S>(plus::<S>(m[1], -1.0, m[2]), -1.0, m[3])] }
    }
}

impl Transform<5, 2> for F2x3Stride2 {
    const G: [[f64; 3]; 5] =
        [[1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]];

    #[inline(always)]
    unsafe fn forward<S: Simd>(d: [S::V; 5]) -> [S::V; 5] {
        // SAFETY: passed on.
        unsafe { [plus::<S>(d[0], -1.0, d[2]), d[2], plus::<S>(d[4], -1.0, d[2]), d[1], d[3]] }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd>(m: [S::V; 5]) -> [S::V; 2] {
        // SAFETY: passed on.
        unsafe { [S::add(S::add(m[0], m[1]), m[3]), S::add(S::add(m[1], m[2]), m[4])] }
    }
}

vectorised! {
    /// G w Gᵀ of some weights `[3, 3]`.
    pub fn weight_points(g: &[[f64; 3]], weight: &[[f64; AT_ONCE]; 9], points: &mut [[f32; AT_ONCE]]) {
        for (column, v) in g.iter().enumerate() {
            let mut rows = [[0.0; AT_ONCE]; 3];
            for (row, weight) in rows.iter_mut().zip(weight.chunks_exact(3)) {
                for i in 0..AT_ONCE {
                    row[i] = v[0] * weight[0][i] + v[1] * weight[1][i] + v[2] * weight[2][i];
                }
            }
            for (row, u) in g.iter().enumerate() {
                let point = &mut points[row * g.len() + column];
                for i in 0..AT_ONCE {
                    point[i] = (u[0] * rows[0][i] + u[1] * rows[1][i] + u[2] * rows[2][i]) as f32;
                }
            }
        }
    }
}

/// a + factor · b
///
/// # Safety
/// The processor has the instructions, as for all that follows.
#[inline(always)]
unsafe fn plus<S: Simd>(a: S::V, factor: f32, b: S::V) -> S::V {
    // SAFETY: passed on.
    unsafe { S::mul_add(S::splat(factor), b, a) }
}

/// Transforms a tile, whose rows and pixels lie so many numbers apart; of each pixel `count` numbers are read, at most a
/// vector. Point i goes to `to` + i · `pitch`.
///
/// # Safety
/// As for [`plus`]; all of it can be read, and written.
#[inline(always)]
pub unsafe fn input<S: Simd, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(
    from: *const f32,
    [row, pixel]: [usize; 2],
    count: usize,
    to: *mut f32,
    pitch: usize,
) {
    // SAFETY: passed on.
    unsafe {
        let mut columns = [[S::zero(); IN]; IN];
        for x in 0..IN {
            let mut d = [S::zero(); IN];
            for y in 0..IN {
                let at = from.add(y * row + x * pixel);
                d[y] = if count == S::LANES { S::load(at) } else { S::load_partial(at, count) };
            }
            columns[x] = T::forward::<S>(d);
        }
        for y in 0..IN {
            let mut d = [S::zero(); IN];
            for x in 0..IN {
                d[x] = columns[x][y];
            }
            let row = T::forward::<S>(d);
            for x in 0..IN {
                let to = to.add((y * IN + x) * pitch);
                if count == S::LANES { S::store(to, row[x]) } else { S::store_partial(to, row[x], count) }
            }
        }
    }
}

/// Transforms the products of a tile, a vector for each point, `pitch` apart, adds the bias and writes the output's vectors.
///
/// # Safety
/// As for [`plus`]; all of it can be read, and written.
#[inline(always)]
pub unsafe fn output<S: Simd, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(
    from: *const f32,
    pitch: usize,
    bias: *const f32,
    to: *mut f32,
) {
    // SAFETY: passed on.
    unsafe {
        let mut columns = [[S::zero(); OUT]; IN];
        for x in 0..IN {
            let mut m = [S::zero(); IN];
            for y in 0..IN {
                m[y] = S::load(from.add((y * IN + x) * pitch));
            }
            columns[x] = T::backward::<S>(m);
        }
        let bias = S::load(bias);
        for y in 0..OUT {
            let mut m = [S::zero(); IN];
            for x in 0..IN {
                m[x] = columns[x][y];
            }
            let row = T::backward::<S>(m);
            for x in 0..OUT {
                S::store(to.add((y * OUT + x) * S::LANES), S::add(row[x], bias));
            }
        }
    }
}
