//! Focus: every second pixel to channels, then Conv.

use super::conv::spec;
use yolo_plugin::{Args, Block, Builder, Order, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h/2s, w/2s]`.
pub static FOCUS: Block = Block::new("Focus", "2×2 pixels to channels, then Conv", build).params(&[
    Param::width("c2").help("output channels"),
    Param::int("k").range(1, i64::MAX).or_int(1).help("kernel"),
    Param::int("s").range(1, i64::MAX).or_int(1).help("stride"),
    Param::int("p").optional().help("padding; k // 2 when None"),
    Param::int("g").range(1, i64::MAX).or_int(1).help("groups"),
    Param::activation("act").help("activation"),
]);

register!(FOCUS);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let y = b.space_to_depth(x[0], 2, Order::Columns);
    b.conv_bn_act("conv", y, spec(args).groups(args.int("g")), args.activation("act"))
}
