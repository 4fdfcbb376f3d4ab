//! The two kinds of numbers that kernels compute with.

use num_traits::NumAssign;
use std::cell::RefCell;
use std::fmt::Debug;
use std::iter::Sum;
use std::thread::LocalKey;

/// Vectors of a thread that are free to be used again.
pub type Scratch<T> = LocalKey<RefCell<Vec<Vec<T>>>>;

/// f32 with the fast kernels, or f64 with the reference kernels, for checking whole networks.
pub trait Float: num_traits::Float + NumAssign + Default + Debug + Send + Sync + Sum + 'static {
    /// The nearest number of this kind.
    fn of(value: f64) -> Self;
    /// This number in double precision.
    fn f64(self) -> f64;

    /// Vectors of this thread that nobody needs at the moment.
    fn scratch() -> &'static Scratch<Self>;

    /// e^x; for f32 without a branch, so that loops over it are vectorised.
    fn exponential(self) -> Self;
}

impl Float for f64 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }

    fn exponential(self) -> Self {
        self.exp()
    }

    fn scratch() -> &'static Scratch<f64> {
        thread_local! { static SCRATCH: RefCell<Vec<Vec<f64>>> = const { RefCell::new(vec![]) }; }
        &SCRATCH
    }

    fn f64(self) -> f64 {
        self
    }
}

impl Float for f32 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }

    fn scratch() -> &'static Scratch<f32> {
        thread_local! { static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(vec![]) }; }
        &SCRATCH
    }

    /// Within 2 units in the last place, from the smallest normal number to e^88.7: e^x = 2^n · e^r with |r| ≤ ln 2 / 2, and
    /// the Taylor polynomial of e^r, whose next term is below 1e-8.
    #[inline(always)]
    fn exponential(self) -> Self {
        const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it leaves the nearest whole number in the last bits
        const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4]; // in two parts, the first exact
        let x = self.clamp(-87.3, 88.7);
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = x - n * LN2[0] - n * LN2[1];
        let p = 1.0 / 5040.0;
        let p = p * r + 1.0 / 720.0;
        let p = p * r + 1.0 / 120.0;
        let p = p * r + 1.0 / 24.0;
        let p = p * r + 1.0 / 6.0;
        let p = p * r + 0.5;
        let p = p * r * r + r + 1.0;
        // 2^n in two factors, since n may be 128.
        let n = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
        let half = n >> 1;
        let power = |n: i32| f32::from_bits(((n + 127) as u32) << 23);
        let result = p * power(half) * power(n - half);
        if self > 88.7 { f32::INFINITY } else { result }
    }

    fn f64(self) -> f64 {
        self.into()
    }
}
