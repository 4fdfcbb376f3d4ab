//! The block {{Name}}, as a plugin library.

use yolo_plugin::{Act, Args, Block, Builder, Conv2d, Param, Value};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`.
static BLOCK: Block = Block::new("{{Name}}", "depthwise, then pointwise convolution", build).params(&[
    Param::width("c2").help("output channels"),
    Param::int("k").range(1, 31).or_int(3).help("kernel of the depthwise convolution, odd"),
    Param::int("s").range(1, 2).or_int(1).help("its stride"),
]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let (channels, kernel) = (b.channels(x[0]), args.int("k"));
    if kernel % 2 == 0 {
        return b.fail("the kernel must be odd");
    }
    // Names make those of parameters: model.LAYER.dw.conv.weight, as in a state_dict of PyTorch.
    let depthwise = Conv2d::same(channels, kernel).stride(args.int("s")).groups(channels);
    let y = b.conv_bn_act("dw", x[0], depthwise, Some(Act::Relu));
    b.conv_bn_act("pw", y, Conv2d::same(args.int("c2"), 1), Some(Act::Relu))
}

yolo_plugin::register!(BLOCK);
yolo_plugin::export!();
