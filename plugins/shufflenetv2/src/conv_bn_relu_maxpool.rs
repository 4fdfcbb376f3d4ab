//! The stem: stride 4 in two steps.

use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Pool, Pool2d, Value};

/// `[b, c1, h, w]` to `[b, c2, h/4, w/4]`.
pub static CONV_BN_RELU_MAXPOOL: Block = Block::new(
    "conv_bn_relu_maxpool",
    "stem: 3×3 convolution of stride 2, ReLU, 3×3 max pooling of stride 2",
    build,
)
.params(&[Param::width("c2").help("output channels")]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let y = b.conv2d("conv.0", x[0], Conv2d::same(args.int("c2"), 3).stride(2));
    let y = b.batch_norm("conv.1", y);
    let y = b.relu(y);
    b.pool2d(y, Pool::Max, Pool2d::square(3, 2, 1))
}
