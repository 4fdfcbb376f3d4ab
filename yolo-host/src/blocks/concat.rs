//! Concat, Contract and Expand: layers without parameters that change the channels.

use yolo_plugin::{Args, Block, Builder, Order, Param, Value, register};

/// Several maps of one size to one map with all their channels.
pub static CONCAT: Block = Block::new("Concat", "maps joined along an axis", concat)
    .inputs(1, 64)
    .params(&[Param::int("dimension").range(0, 3).or_int(1).help("axis; 1 joins channels")]);

/// `[b, c, h, w]` to `[b, c·gain², h/gain, w/gain]`.
pub static CONTRACT: Block =
    Block::new("Contract", "pixels to channels", contract)
        .params(&[Param::int("gain").range(1, 1024).or_int(2).help("side of the blocks")]);

/// `[b, c, h, w]` to `[b, c/gain², h·gain, w·gain]`.
pub static EXPAND: Block = Block::new("Expand", "channels to pixels", expand)
    .params(&[Param::int("gain").range(1, 1024).or_int(2).help("side of the blocks")]);

register!(CONCAT, CONTRACT, EXPAND);

fn concat(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    b.concat(x, args.int("dimension"))
}

fn contract(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    b.space_to_depth(x[0], args.int("gain"), Order::Rows)
}

fn expand(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    b.depth_to_space(x[0], args.int("gain"), Order::Rows)
}
