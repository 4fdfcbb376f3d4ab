//! C3 with spatial pyramid pooling inside.

use super::hidden;
use super::{c3::partial, spp::spp};
use yolo_plugin::{Args, Block, Builder, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h, w]`.
pub static C3_SPP: Block = Block::new("C3SPP", "C3 with SPP", build).params(&[
    Param::width("c2").help("output channels"),
    Param::ints("k").range(1, i64::MAX).or_ints(&[5, 9, 13]).help("pooling kernels, odd"),
    Param::int("n").or_int(1).help("without effect"),
    Param::bool("shortcut").or_bool(true).help("without effect"),
    Param::int("g").or_int(1).help("without effect"),
    Param::float("e").or_float(0.5).help("hidden channels / c2"),
]);

register!(C3_SPP);

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let hidden = hidden(args);
    partial(b, x[0], args.int("c2"), hidden, |b, y| b.scope("m", |b| spp(b, y, hidden, args.ints("k"))))
}
