//! Blobs in other sizes or orders.

use super::activation::Kind;
use super::writer::Param::{Int, Ints};
use super::writer::{Blob, Param, Writer};
use crate::graph::Order;

/// A layer whose output has its input's sizes.
pub fn elementwise(w: &mut Writer, x: Blob, (kind, params): Kind) -> Blob {
    let dims = w.dims(x).to_vec();
    w.layer(kind, &[x], &params, &dims)
}

/// A blob in other sizes, if it has not these already.
pub fn as_dims(w: &mut Writer, x: Blob, dims: &[usize]) -> Blob {
    if w.dims(x) == dims { x } else { w.layer("Reshape", &[x], &sizes(dims), dims) }
}

/// Sizes as parameters of a layer: width, height, depth, channels.
pub fn sizes(dims: &[usize]) -> Vec<(i32, Param)> {
    let ids: &[i32] = match dims.len() {
        4 => &[2, 11, 1, 0],
        3 => &[2, 1, 0],
        2 => &[1, 0],
        _ => &[0],
    };
    let mut params: Vec<_> = ids.iter().zip(dims).map(|(id, size)| (*id, Int(*size as i64))).collect();
    params.sort_unstable_by_key(|(id, _)| *id);
    params
}

/// ncnn's orders of axes, the innermost first: width, height, depth, channels.
const ORDERS: [&[&str]; 3] = [
    &["WH", "HW"],
    &["WHC", "HWC", "WCH", "CWH", "HCW", "CHW"],
    &[
        "WHDC", "HWDC", "WDHC", "DWHC", "HDWC", "DHWC", "WHCD", "HWCD", "WCHD", "CWHD", "HCWD", "CHWD",
        "WDCH", "DWCH", "WCDH", "CWDH", "DCWH", "CDWH", "HDCW", "DHCW", "HCDW", "CHDW", "DCHW", "CDHW",
    ],
];

/// The axes in another order, the outermost first: axis i of the output is axis `axes[i]` of `x`.
pub fn permute(w: &mut Writer, x: Blob, axes: &[usize]) -> Option<Blob> {
    let dims = w.dims(x).to_vec();
    let letters: &[char] = match dims.len() {
        2 => &['H', 'W'],
        3 => &['C', 'H', 'W'],
        4 => &['C', 'D', 'H', 'W'],
        _ => return (axes == [0]).then_some(x),
    };
    let order: String = axes.iter().rev().map(|axis| letters[*axis]).collect();
    let kind = ORDERS[dims.len() - 2].iter().position(|known| **known == order)?;
    let to: Vec<usize> = axes.iter().map(|axis| dims[*axis]).collect();
    Some(w.layer("Permute", &[x], &[(0, Int(kind as i64))], &to))
}

/// The channels of pixels of a block by columns, where ncnn has them by rows, and the other way round.
pub fn turned(w: &mut Writer, x: Blob, size: usize, order: Order) -> Blob {
    match order {
        Order::Rows => x,
        Order::Columns => {
            let dims = w.dims(x).to_vec();
            let part = [&[dims[0] / (size * size)], &dims[1..]].concat();
            let rest = vec![-233; size * size];
            let parts = w.layers("Slice", &[x], &[(0, Ints(rest)), (1, Int(0))], &vec![part; size * size]);
            let turned: Vec<Blob> = (0..size * size).map(|i| parts[i % size * size + i / size]).collect();
            w.layer("Concat", &turned, &[(0, Int(0))], &dims)
        }
    }
}
