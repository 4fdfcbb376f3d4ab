//! C3: cross-stage partial bottlenecks with three convolutions.

use super::bottleneck::sequence;
use super::{hidden, pointwise};
use yolo_plugin::{Args, Block, Builder, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h, w]`.
pub static C3: Block =
    Block::new("C3", "cross-stage partial bottlenecks with 3 Conv", build).repeats_inside().params(&[
        Param::width("c2").help("output channels"),
        Param::bool("shortcut").or_bool(true).help("shortcuts in the bottlenecks"),
        Param::int("g").range(1, i64::MAX).or_int(1).help("groups in the bottlenecks"),
        Param::float("e").or_float(0.5).help("hidden channels / c2"),
    ]);

register!(C3);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let hidden = hidden(args);
    partial(b, x[0], args.int("c2"), hidden, |b, y| sequence(b, y, hidden, args))
}

/// `cv3(concat(inner(cv1(x)), cv2(x)))`
pub(super) fn partial(
    b: &mut Builder,
    x: Value,
    c2: usize,
    hidden: usize,
    inner: impl FnOnce(&mut Builder, Value) -> Value,
) -> Value {
    let y = pointwise(b, "cv1", x, hidden);
    let y = inner(b, y);
    let side = pointwise(b, "cv2", x, hidden);
    let y = b.concat(&[y, side], 1);
    pointwise(b, "cv3", y, c2)
}
