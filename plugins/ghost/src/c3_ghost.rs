//! YOLOv5's C3 with Ghost bottlenecks inside.

use crate::ghost_bottleneck::bottleneck;
use yolo_plugin::{Act, Args, Block, Builder, Conv2d, Param, Value};

/// `[b, c1, h, w]` to `[b, c2, h, w]`.
///
/// `shortcut` and `g` are read as C3 reads them and change nothing, as in the reference: a Ghost bottleneck has its own.
pub static C3_GHOST: Block =
    Block::new("C3Ghost", "C3 with Ghost bottlenecks", build).repeats_inside().params(&[
        Param::width("c2").help("output channels"),
        Param::bool("shortcut").or_bool(true).help("without effect"),
        Param::int("g").or_int(1).help("without effect"),
        Param::float("e").or_float(0.5).help("hidden channels / c2"),
    ]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let c2 = args.int("c2");
    let hidden = (c2 as f64 * args.float("e")) as usize;
    let pointwise = |channels| Conv2d::same(channels, 1);
    let mut y = b.conv_bn_act("cv1", x[0], pointwise(hidden), Some(Act::Conv));
    for i in 0..args.repeat() {
        y = b.scope(&format!("m.{i}"), |b| bottleneck(b, y, hidden, 3, 1));
    }
    let side = b.conv_bn_act("cv2", x[0], pointwise(hidden), Some(Act::Conv));
    let joined = b.concat(&[y, side], 1);
    b.conv_bn_act("cv3", joined, pointwise(c2), Some(Act::Conv))
}
