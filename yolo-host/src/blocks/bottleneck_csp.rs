//! BottleneckCSP: the cross-stage partial network of arXiv:1911.11929, with bare convolutions on both ways.

use super::bottleneck::sequence;
use super::{CONV_ACT, hidden, pointwise};
use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h, w]`.
pub static BOTTLENECK_CSP: Block =
    Block::new("BottleneckCSP", "cross-stage partial bottlenecks", build).repeats_inside().params(&[
        Param::width("c2").help("output channels"),
        Param::bool("shortcut").or_bool(true).help("shortcuts in the bottlenecks"),
        Param::int("g").range(1, i64::MAX).or_int(1).help("groups in the bottlenecks"),
        Param::float("e").or_float(0.5).help("hidden channels / c2"),
    ]);

register!(BOTTLENECK_CSP);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let hidden = hidden(args);
    let y = pointwise(b, "cv1", x[0], hidden);
    let y = sequence(b, y, hidden, args);
    let y = b.conv2d("cv3", y, Conv2d::same(hidden, 1));
    let side = b.conv2d("cv2", x[0], Conv2d::same(hidden, 1));
    let y = b.concat(&[y, side], 1);
    let y = b.batch_norm("bn", y);
    let y = b.activation(y, yolo_plugin::Act::Silu);
    b.conv_bn_act("cv4", y, Conv2d::same(args.int("c2"), 1), CONV_ACT)
}
