//! The Ghost module.

use yolo_plugin::{Act, Args, Block, Builder, Conv2d, Param, Value};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`.
pub static GHOST_CONV: Block =
    Block::new("GhostConv", "half by convolution, half by a depthwise 5×5 of it", build).params(&[
        Param::width("c2").help("output channels, even"),
        Param::int("k").range(1, i64::MAX).or_int(1).help("kernel"),
        Param::int("s").range(1, i64::MAX).or_int(1).help("stride"),
        Param::int("g").range(1, i64::MAX).or_int(1).help("groups"),
        Param::activation("act").help("activation after each convolution"),
    ]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let conv = Conv2d::same(args.int("c2"), args.int("k")).stride(args.int("s")).groups(args.int("g"));
    ghost_conv(b, x[0], conv, args.activation("act"))
}

/// The first half of `conv.out_channels` by `conv` in `cv1`, the second by a depthwise 5×5 of the first in `cv2`.
pub(crate) fn ghost_conv(b: &mut Builder, x: Value, conv: Conv2d, act: Option<Act>) -> Value {
    if !conv.out_channels.is_multiple_of(2) {
        return b.fail(&format!(
            "a Ghost module needs an even number of output channels, not {}",
            conv.out_channels
        ));
    }
    let half = conv.out_channels / 2;
    let y = b.conv_bn_act("cv1", x, Conv2d { out_channels: half, ..conv }, act);
    let cheap = b.conv_bn_act("cv2", y, Conv2d::same(half, 5).groups(half), act);
    b.concat(&[y, cheap], 1)
}
