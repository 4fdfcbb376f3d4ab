//! The inverted residual with optional squeeze-and-excite (figure 4 of the paper).

use crate::se_layer::squeeze_excite;
use yolo_plugin::{Act, Args, Block, Builder, Conv2d, Param, Value};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`; the input is added when stride and channels allow it.
///
/// Without expansion (hidden = c1) the activation stands before squeeze-and-excite, else after it.
pub static MOBILENET_BLOCK: Block = Block::new("MobileNet_Block", "MobileNetV3 inverted residual", build)
    .params(&[
        Param::width("c2").help("output channels"),
        Param::int("hidden").range(1, i64::MAX).help("expanded channels, never scaled"),
        Param::int("k").range(1, i64::MAX).help("depthwise kernel, odd"),
        Param::int("s").range(1, 2).help("stride"),
        Param::bool("se").help("squeeze-and-excite"),
        Param::bool("hs").help("hard swish instead of ReLU"),
    ]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let (c1, c2, hidden) = (b.channels(x[0]), args.int("c2"), args.int("hidden"));
    let (kernel, stride) = (args.int("k"), args.int("s"));
    let act = if args.bool("hs") { Act::HardSwish } else { Act::Relu };
    let depthwise = Conv2d::same(hidden, kernel).padding((kernel - 1) / 2).stride(stride).groups(hidden);

    let y = if c1 == hidden {
        let y = b.conv2d("conv.0", x[0], depthwise);
        let y = b.batch_norm("conv.1", y);
        let y = b.activation(y, act);
        let y = if args.bool("se") { b.scope("conv.3", |b| squeeze_excite(b, y, 4)) } else { y };
        let y = b.conv2d("conv.4", y, Conv2d::same(c2, 1));
        b.batch_norm("conv.5", y)
    } else {
        let y = b.conv2d("conv.0", x[0], Conv2d::same(hidden, 1));
        let y = b.batch_norm("conv.1", y);
        let y = b.activation(y, act);
        let y = b.conv2d("conv.3", y, depthwise);
        let y = b.batch_norm("conv.4", y);
        let y = if args.bool("se") { b.scope("conv.5", |b| squeeze_excite(b, y, 4)) } else { y };
        let y = b.activation(y, act);
        let y = b.conv2d("conv.7", y, Conv2d::same(c2, 1));
        b.batch_norm("conv.8", y)
    };
    if stride == 1 && c1 == c2 { b.add(x[0], y) } else { y }
}
