//! MixConv2d: convolutions of several kernel sizes side by side (arXiv:1907.09595).

use super::conv::gcd;
use yolo_plugin::{Act, Args, Block, Builder, Conv2d, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`.
pub static MIX_CONV2D: Block = Block::new("MixConv2d", "grouped convolutions of several kernels", build)
    .params(&[
        Param::width("c2").help("output channels"),
        Param::ints("k").range(1, i64::MAX).or_ints(&[1, 3]).help("kernels, odd"),
        Param::int("s").range(1, i64::MAX).or_int(1).help("stride"),
        Param::bool("equal_ch").or_bool(true).help("equal channels for each kernel; else equal weights"),
    ]);

register!(MIX_CONV2D);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let (c1, c2, kernels) = (b.channels(x[0]), args.int("c2"), args.ints("k"));
    let widths =
        if args.bool("equal_ch") { equal_channels(c2, kernels.len()) } else { equal_weights(c2, kernels) };
    if widths.iter().sum::<usize>() != c2 || widths.contains(&0) {
        return b
            .fail(&format!("{c2} channels fall to kernels {kernels:?} as {widths:?}; choose another c2"));
    }
    let parts: Vec<Value> = kernels
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(i, (&kernel, width))| {
            let conv = Conv2d::same(width, kernel as usize).stride(args.int("s")).groups(gcd(c1, width));
            b.conv2d(&format!("m.{i}"), x[0], conv)
        })
        .collect();
    let y = b.concat(&parts, 1);
    let y = b.batch_norm("bn", y);
    b.activation(y, Act::Silu)
}

/// How often each whole number occurs among `floor(linspace(0, n − 1e-6, c2))`.
fn equal_channels(c2: usize, n: usize) -> Vec<usize> {
    let step = (n as f64 - 1e-6) / (c2.max(2) - 1) as f64;
    let mut widths = vec![0; n];
    for i in 0..c2 {
        widths[((i as f64 * step) as usize).min(n - 1)] += 1;
    }
    widths
}

/// Channels in proportion to 1/k², rounded half to even: the solution of the reference's least squares.
fn equal_weights(c2: usize, kernels: &[i64]) -> Vec<usize> {
    let inverse: Vec<f64> = kernels.iter().map(|&k| 1.0 / (k as f64 * k as f64)).collect();
    let total: f64 = inverse.iter().sum();
    inverse.iter().map(|share| (c2 as f64 * share / total).round_ties_even() as usize).collect()
}
