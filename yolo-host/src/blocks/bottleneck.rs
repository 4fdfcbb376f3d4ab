//! Bottleneck: 1×1 to fewer channels, 3×3 back, and the input added where the channels allow it.

use super::{CONV_ACT, hidden, pointwise};
use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h, w]`.
pub static BOTTLENECK: Block = Block::new("Bottleneck", "1×1 and 3×3 Conv with a shortcut", build).params(&[
    Param::width("c2").help("output channels"),
    Param::bool("shortcut").or_bool(true).help("add the input when c1 = c2"),
    Param::int("g").range(1, i64::MAX).or_int(1).help("groups of the 3×3"),
    Param::float("e").or_float(0.5).help("hidden channels / c2"),
]);

register!(BOTTLENECK);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    bottleneck(b, x[0], args.int("c2"), hidden(args), args.int("g"), args.bool("shortcut"))
}

pub(super) fn bottleneck(
    b: &mut Builder,
    x: Value,
    c2: usize,
    hidden: usize,
    groups: usize,
    shortcut: bool,
) -> Value {
    let add = shortcut && b.channels(x) == c2;
    let y = pointwise(b, "cv1", x, hidden);
    let y = b.conv_bn_act("cv2", y, Conv2d::same(c2, 3).groups(groups), CONV_ACT);
    if add { b.add(x, y) } else { y }
}

/// A sequence of bottlenecks `m.0`, `m.1`, … with equal channels, as in C3 and BottleneckCSP.
pub(super) fn sequence(b: &mut Builder, mut x: Value, channels: usize, args: &Args) -> Value {
    let (groups, shortcut) = (args.int("g"), args.bool("shortcut"));
    for i in 0..args.repeat() {
        x = b.scope(&format!("m.{i}"), |b| bottleneck(b, x, channels, channels, groups, shortcut));
    }
    x
}
