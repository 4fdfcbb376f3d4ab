//! The stem.

use yolo_plugin::{Act, Args, Block, Builder, Conv2d, Param, Value};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`.
pub static CONV_BN_HSWISH: Block =
    Block::new("conv_bn_hswish", "3×3 convolution, batch norm, hard swish", build).params(&[
        Param::width("c2").help("output channels"),
        Param::int("s").range(1, i64::MAX).help("stride"),
    ]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let conv = Conv2d::same(args.int("c2"), 3).stride(args.int("s"));
    b.conv_bn_act("", x[0], conv, Some(Act::HardSwish))
}
