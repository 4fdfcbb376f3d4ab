//! Conv and DWConv: convolution, batch norm, SiLU.

use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h/s, w/s]`.
pub static CONV: Block = Block::new("Conv", "convolution, batch norm, activation", conv).params(&[
    Param::width("c2").help("output channels"),
    Param::int("k").range(1, i64::MAX).or_int(1).help("kernel"),
    Param::int("s").range(1, i64::MAX).or_int(1).help("stride"),
    Param::int("p").optional().help("padding; k // 2 when None"),
    Param::int("g").range(1, i64::MAX).or_int(1).help("groups"),
    Param::activation("act").help("activation"),
]);

/// Conv with as many groups as input and output channels have in common.
pub static DW_CONV: Block = Block::new("DWConv", "Conv with gcd(c1, c2) groups", dw_conv).params(&[
    Param::width("c2").help("output channels"),
    Param::int("k").range(1, i64::MAX).or_int(1).help("kernel"),
    Param::int("s").range(1, i64::MAX).or_int(1).help("stride"),
    Param::activation("act").help("activation"),
]);

register!(CONV, DW_CONV);

fn conv(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let conv = spec(args).groups(args.int("g"));
    b.conv_bn_act("", x[0], conv, args.activation("act"))
}

fn dw_conv(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let conv = Conv2d::same(args.int("c2"), args.int("k")).stride(args.int("s"));
    let groups = gcd(b.channels(x[0]), conv.out_channels);
    b.conv_bn_act("", x[0], conv.groups(groups), args.activation("act"))
}

/// The convolution of arguments c2, k, s and p.
pub(super) fn spec(args: &Args) -> Conv2d {
    let conv = Conv2d::same(args.int("c2"), args.int("k")).stride(args.int("s"));
    match args.optional_int("p") {
        Some(padding) => conv.padding(padding),
        None => conv,
    }
}

pub(super) fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
