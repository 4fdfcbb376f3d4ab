//! A `yolo` of one's own: the whole command, with one more block than the repository has.
//!
//! ```text
//! cargo run --example own_block -- blocks Separable
//! cargo run --example own_block -- info --cfg yolo-host/examples/own_block.yaml
//! ```
//!
//! A program outside this repository looks the same; it depends on `yolo-host`, on `yolo-plugin`, and on `yolo-bundle` if
//! it wants the families of `plugins/` as well.

// Links the families of `plugins/`; without this line the program has YOLOv5's own blocks and Separable.
use yolo_bundle as _;
use yolo_plugin::{Act, Args, Block, Builder, Conv2d, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`: a depthwise convolution looks around, a pointwise one mixes the channels.
static SEPARABLE: Block = Block::new("Separable", "depthwise, then pointwise convolution", build).params(&[
    Param::width("c2").help("output channels"),
    Param::int("s").range(1, 2).or_int(1).help("stride"),
    Param::int("k").range(1, 31).or_int(3).help("kernel of the depthwise convolution, odd"),
]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let (channels, kernel) = (b.channels(x[0]), args.int("k"));
    if kernel % 2 == 0 {
        return b.fail(&format!("k must be odd, not {kernel}"));
    }
    // In layer 3 its parameters are model.3.dw.conv.weight, model.3.dw.bn.weight, …
    let depthwise = Conv2d::same(channels, kernel).stride(args.int("s")).groups(channels);
    let y = b.conv_bn_act("dw", x[0], depthwise, Some(Act::Conv));
    b.conv_bn_act("pw", y, Conv2d::same(args.int("c2"), 1), Some(Act::Conv))
}

register!(SEPARABLE);

fn main() -> std::process::ExitCode {
    yolo_host::run()
}
