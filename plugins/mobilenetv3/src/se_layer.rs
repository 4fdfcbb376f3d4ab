//! Squeeze-and-excite: each channel weighted by what the whole map says.

use yolo_plugin::{Act, Args, Block, Builder, Param, Pool, Value};

/// Keeps the shape `[b, c, h, w]`.
pub static SE_LAYER: Block = Block::new("SELayer", "squeeze-and-excite; keeps the channels", build)
    .params(&[Param::int("reduction").range(1, i64::MAX).or_int(4).help("channels / hidden features")]);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    squeeze_excite(b, x[0], args.int("reduction"))
}

/// x · hard_sigmoid(fc.2(relu(fc.0(mean over height and width of x))))
pub(crate) fn squeeze_excite(b: &mut Builder, x: Value, reduction: usize) -> Value {
    let channels = b.channels(x);
    if channels < reduction {
        return b.fail(&format!("{channels} channels reduced by {reduction} leave none"));
    }
    let y = b.global_pool(x, Pool::Average);
    let y = b.reshape(y, &[0, 0]);
    let y = b.linear("fc.0", y, channels / reduction, true);
    let y = b.relu(y);
    let y = b.linear("fc.2", y, channels, true);
    let y = b.activation(y, Act::HardSigmoid);
    let y = b.reshape(y, &[0, 0, 1, 1]);
    b.mul(x, y)
}
