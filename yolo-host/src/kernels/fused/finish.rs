//! What is done with sums before they are stored: activation, and the shortcut added.
#![allow(unsafe_code)] // calls loops that are compiled for more than the least processor

use crate::graph::Act;
use crate::kernels::Float;
use crate::kernels::act::{Curve, with_curve};
use crate::kernels::isa::vectorised;

type T = f32;

vectorised! {
    fn at_all<C: Curve<f32>>(x: &mut [f32], curve: C) {
        for x in x.iter_mut() {
            *x = curve.at(*x);
        }
    }
}

/// x = act(x)
pub fn activate(act: Act, x: &mut [f32]) {
    with_curve!(act, curve => at_all(x, curve));
}
