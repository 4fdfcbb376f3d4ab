//! Two Ghost modules with a shortcut, and a depthwise convolution between them when the stride is 2.

use crate::ghost_conv::ghost_conv;
use yolo_plugin::{Act, Args, Block, Builder, Conv2d, Param, Value};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`; stride 1 needs c1 = c2.
pub static GHOST_BOTTLENECK: Block = Block::new("GhostBottleneck", "two Ghost modules and a shortcut", build)
    .params(&[
        Param::width("c2").help("output channels, a multiple of 4"),
        Param::int("k")
            .range(1, i64::MAX)
            .or_int(3)
            .help("kernel of the depthwise convolutions, for stride 2"),
        Param::int("s").range(1, 2).or_int(1).help("stride"),
    ]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    bottleneck(b, x[0], args.int("c2"), args.int("k"), args.int("s"))
}

/// `conv` is the sequence Ghost module, depthwise, Ghost module; `shortcut` the sequence depthwise, pointwise.
pub(crate) fn bottleneck(b: &mut Builder, x: Value, c2: usize, kernel: usize, stride: usize) -> Value {
    let (c1, hidden) = (b.channels(x), c2 / 2);
    if stride == 1 && c1 != c2 {
        return b.fail(&format!("stride 1 keeps the channels, but the input has {c1} and c2 is {c2}"));
    }
    let mut y = b.scope("conv.0", |b| ghost_conv(b, x, Conv2d::same(hidden, 1), Some(Act::Conv)));
    if stride == 2 {
        y = b.conv_bn_act("conv.1", y, Conv2d::same(hidden, kernel).stride(2).groups(hidden), None);
    }
    let y = b.scope("conv.2", |b| ghost_conv(b, y, Conv2d::same(c2, 1), None));
    let mut shortcut = x;
    if stride == 2 {
        shortcut = b.conv_bn_act("shortcut.0", x, Conv2d::same(c1, kernel).stride(2).groups(c1), None);
        shortcut = b.conv_bn_act("shortcut.1", shortcut, Conv2d::same(c2, 1), None);
    }
    b.add(y, shortcut)
}
