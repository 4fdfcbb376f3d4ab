//! The basic unit (stride 1) and the down-sampling unit (stride 2 or 3).

use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Value};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`.
///
/// Stride 1 leaves half of the channels as they are and needs c1 = c2; a larger stride has two branches, each with half
/// of the output channels. A shuffle of two groups mixes the halves.
pub static SHUFFLE_BLOCK: Block = Block::new("Shuffle_Block", "ShuffleNetV2 unit", build).params(&[
    Param::width("c2").help("output channels, even"),
    Param::int("s").range(1, 3).help("stride; 1 keeps the channels"),
]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let (c1, c2, stride) = (b.channels(x[0]), args.int("c2"), args.int("s"));
    if !c2.is_multiple_of(2) {
        return b.fail(&format!("c2 must be even, not {c2}"));
    }
    if stride == 1 && c1 != c2 {
        return b.fail(&format!("stride 1 keeps the channels, but the input has {c1} and c2 is {c2}"));
    }
    let half = c2 / 2;
    let (left, right) = if stride == 1 {
        (b.slice(x[0], 1, 0, half), b.slice(x[0], 1, half, half))
    } else {
        (down_branch(b, x[0], c1, half, stride), x[0])
    };
    let right = main_branch(b, right, half, stride);
    let y = b.concat(&[left, right], 1);
    b.channel_shuffle(y, 2)
}

/// Depthwise 3×3 with the stride, then pointwise.
fn down_branch(b: &mut Builder, x: Value, c1: usize, half: usize, stride: usize) -> Value {
    let y = b.conv2d("branch1.0", x, Conv2d::same(c1, 3).stride(stride).groups(c1));
    let y = b.batch_norm("branch1.1", y);
    let y = b.conv2d("branch1.2", y, Conv2d::same(half, 1));
    let y = b.batch_norm("branch1.3", y);
    b.relu(y)
}

/// Pointwise, depthwise 3×3 with the stride, pointwise.
fn main_branch(b: &mut Builder, x: Value, half: usize, stride: usize) -> Value {
    let y = b.conv2d("branch2.0", x, Conv2d::same(half, 1));
    let y = b.batch_norm("branch2.1", y);
    let y = b.relu(y);
    let y = b.conv2d("branch2.3", y, Conv2d::same(half, 3).stride(stride).groups(half));
    let y = b.batch_norm("branch2.4", y);
    let y = b.conv2d("branch2.5", y, Conv2d::same(half, 1));
    let y = b.batch_norm("branch2.6", y);
    b.relu(y)
}
