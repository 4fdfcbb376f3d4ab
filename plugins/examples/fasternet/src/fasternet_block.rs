//! FasterNet's block: a convolution over a part of the channels, then two pointwise ones, and a shortcut.

use crate::gelu::GELU;
use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Value, Word};

/// `[b, c, h, w]` to the same shape.
pub static FASTERNET_BLOCK: Block =
    Block::new("FasterNet_Block", "partial convolution, two pointwise convolutions, shortcut", build).params(&[
        Param::int("mlp_ratio").range(1, 64).or_int(2).help("widening between the pointwise convolutions"),
        Param::int("n_div").range(1, 1024).or_int(4).help("one channel of so many is convolved"),
        Param::choice("act", &[Word::new("relu"), Word::new("gelu")]).or_word("relu").help("activation"),
    ]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let channels = b.channels(x[0]);
    let part = channels / args.int("n_div");
    if part == 0 {
        return b.fail(&format!("{channels} channels are fewer than n_div, {}", args.int("n_div")));
    }
    let convolved = b.slice(x[0], 1, 0, part);
    let convolved = b.conv2d("spatial_mixing.partial_conv3", convolved, Conv2d::same(part, 3));
    let mixed = if part == channels {
        convolved
    } else {
        let rest = b.slice(x[0], 1, part, channels - part);
        b.concat(&[convolved, rest], 1)
    };
    let wide = channels * args.int("mlp_ratio");
    let y = b.conv2d("mlp.0", mixed, Conv2d::same(wide, 1));
    let y = b.batch_norm("mlp.1", y);
    let y = match args.word("act") {
        "gelu" => b.custom(&GELU, &[y], &[]),
        _ => b.relu(y),
    };
    let y = b.conv2d("mlp.3", y, Conv2d::same(channels, 1));
    b.add(x[0], y)
}
