//! SPP and SPPF: spatial pyramid pooling (arXiv:1406.4729).

use super::pointwise;
use yolo_plugin::{Args, Block, Builder, Param, Pool, Pool2d, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h, w]`.
pub static SPP: Block = Block::new("SPP", "spatial pyramid pooling", build_spp).params(&[
    Param::width("c2").help("output channels"),
    Param::ints("k").range(1, i64::MAX).or_ints(&[5, 9, 13]).help("pooling kernels, odd"),
]);

/// The same as SPP with kernels k, 2k − 1 and 3k − 2, by pooling three times.
pub static SPPF: Block = Block::new("SPPF", "SPP by repeated pooling", sppf).params(&[
    Param::width("c2").help("output channels"),
    Param::int("k").range(1, i64::MAX).or_int(5).help("pooling kernel, odd"),
]);

register!(SPP, SPPF);

fn build_spp(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    spp(b, x[0], args.int("c2"), args.ints("k"))
}

pub(super) fn spp(b: &mut Builder, x: Value, c2: usize, kernels: &[i64]) -> Value {
    let hidden = b.channels(x) / 2;
    let y = pointwise(b, "cv1", x, hidden);
    let mut maps = vec![y];
    for &kernel in kernels {
        maps.push(pool(b, y, kernel as usize));
    }
    let y = b.concat(&maps, 1);
    pointwise(b, "cv2", y, c2)
}

fn sppf(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let hidden = b.channels(x[0]) / 2;
    let mut maps = vec![pointwise(b, "cv1", x[0], hidden)];
    for i in 0..3 {
        maps.push(pool(b, maps[i], args.int("k")));
    }
    let y = b.concat(&maps, 1);
    pointwise(b, "cv2", y, args.int("c2"))
}

/// Maximum over a square window of stride 1; the size stays for odd kernels.
fn pool(b: &mut Builder, x: Value, kernel: usize) -> Value {
    b.pool2d(x, Pool::Max, Pool2d::square(kernel, 1, kernel / 2))
}
