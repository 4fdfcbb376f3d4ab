//! YOLOv5's own blocks, registered exactly as a plugin's are. Names, arguments and parameter names are those of v6.1's
//! `models/common.py` and `models/experimental.py`.

mod activations;
mod bottleneck;
mod bottleneck_csp;
mod c3;
mod c3_spp;
mod c3_tr;
mod concat;
mod conv;
mod cross_conv;
mod focus;
mod mix_conv2d;
mod nn;
mod spp;

use yolo_plugin::{Act, Args, Builder, Conv2d, Value};

/// What `Conv(act=True)` has.
const CONV_ACT: Option<Act> = Some(Act::Conv);

/// YOLOv5's Conv with a 1×1 kernel and SiLU.
fn pointwise(b: &mut Builder, name: &str, x: Value, channels: usize) -> Value {
    b.conv_bn_act(name, x, Conv2d::same(channels, 1), CONV_ACT)
}

/// `int(c2 * e)`: the hidden channels of a block with output channels `c2` and expansion `e`.
fn hidden(args: &Args) -> usize {
    (args.int("c2") as f64 * args.float("e")) as usize
}
