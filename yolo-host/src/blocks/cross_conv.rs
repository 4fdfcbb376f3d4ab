//! CrossConv: a 1×k and a k×1 convolution instead of a k×k one.

use super::{CONV_ACT, hidden};
use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`.
pub static CROSS_CONV: Block = Block::new("CrossConv", "1×k and k×1 Conv with a shortcut", build).params(&[
    Param::width("c2").help("output channels"),
    Param::int("k").range(1, i64::MAX).or_int(3).help("kernel, odd"),
    Param::int("s").range(1, i64::MAX).or_int(1).help("stride"),
    Param::int("g").range(1, i64::MAX).or_int(1).help("groups of the second"),
    Param::float("e").or_float(1.0).help("hidden channels / c2"),
    Param::bool("shortcut").or_bool(false).help("add the input when c1 = c2"),
]);

register!(CROSS_CONV);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let (c2, kernel, stride) = (args.int("c2"), args.int("k"), args.int("s"));
    let across = Conv2d { stride: [1, stride], ..Conv2d::rectangle(hidden(args), [1, kernel]) };
    let down = Conv2d { stride: [stride, 1], ..Conv2d::rectangle(c2, [kernel, 1]) };
    let y = b.conv_bn_act("cv1", x[0], across, CONV_ACT);
    let y = b.conv_bn_act("cv2", y, down.groups(args.int("g")), CONV_ACT);
    if args.bool("shortcut") && b.channels(x[0]) == c2 { b.add(x[0], y) } else { y }
}
