//! Numbers that carry their derivatives by a box's four values, so that a formula is written once and differentiates
//! itself exactly.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A value and its derivatives by x, y, width and height of the predicted box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dual {
    pub value: f64,
    pub slopes: [f64; 4],
}

impl Dual {
    /// Does not depend on the prediction.
    pub fn constant(value: f64) -> Self {
        Dual { value, slopes: [0.0; 4] }
    }

    /// The prediction's own box.
    pub fn variables(values: [f64; 4]) -> [Self; 4] {
        std::array::from_fn(|i| {
            let mut slopes = [0.0; 4];
            slopes[i] = 1.0;
            Dual { value: values[i], slopes }
        })
    }

    /// The same value with no derivatives, as `detach` and `no_grad` make it.
    pub fn detached(self) -> Self {
        Self::constant(self.value)
    }

    /// The value `value` of a function whose derivative at `self` is `slope`.
    fn chain(self, value: f64, slope: f64) -> Self {
        Dual { value, slopes: self.slopes.map(|s| s * slope) }
    }

    pub fn squared(self) -> Self {
        self.chain(self.value * self.value, 2.0 * self.value)
    }

    pub fn atan(self) -> Self {
        self.chain(self.value.atan(), 1.0 / (1.0 + self.value * self.value))
    }

    /// Not below 0; a value of 0 keeps its derivatives, as in PyTorch.
    pub fn clamped(self) -> Self {
        if self.value < 0.0 { Self::constant(0.0) } else { self }
    }

    /// The lesser; equal values share the derivative, as in PyTorch.
    pub fn min(self, other: Self) -> Self {
        -(-self).max(-other)
    }

    /// The greater; equal values share the derivative, as in PyTorch.
    pub fn max(self, other: Self) -> Self {
        if self.value == other.value {
            return self.join(other, self.value, [0.5, 0.5]);
        }
        if self.value > other.value { self } else { other }
    }

    /// The value `value` of a function whose derivatives at `self` and `other` are `by_self` and `by_other`.
    fn join(self, other: Self, value: f64, [by_self, by_other]: [f64; 2]) -> Self {
        let slope = |i: usize| self.slopes[i] * by_self + other.slopes[i] * by_other;
        Dual { value, slopes: std::array::from_fn(slope) }
    }
}

impl Neg for Dual {
    type Output = Self;

    fn neg(self) -> Self {
        self.chain(-self.value, -1.0)
    }
}

impl Add for Dual {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.join(other, self.value + other.value, [1.0, 1.0])
    }
}

impl Sub for Dual {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.join(other, self.value - other.value, [1.0, -1.0])
    }
}

impl Mul for Dual {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.join(other, self.value * other.value, [other.value, self.value])
    }
}

impl Div for Dual {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value;
        self.join(other, quotient, [1.0 / other.value, -quotient / other.value])
    }
}

impl Add<f64> for Dual {
    type Output = Self;

    fn add(self, number: f64) -> Self {
        Dual { value: self.value + number, ..self }
    }
}

impl Mul<f64> for Dual {
    type Output = Self;

    fn mul(self, number: f64) -> Self {
        self.chain(self.value * number, number)
    }
}
