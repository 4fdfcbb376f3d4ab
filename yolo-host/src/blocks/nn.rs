//! Plain PyTorch layers that YAML may name.

use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Pool, Pool2d, Upsample, Value, Word, register};

/// A convolution without batch norm; its channels never scale.
pub static CONV2D: Block = Block::new("nn.Conv2d", "convolution", conv2d).params(&[
    Param::int("in_channels").range(1, i64::MAX).help("must equal those of the input"),
    Param::int("out_channels").range(1, i64::MAX).help("output channels, never scaled"),
    Param::ints("kernel_size").range(1, i64::MAX).help("one number, or height and width"),
    Param::ints("stride").range(1, i64::MAX).or_ints(&[1]).help("likewise"),
    Param::ints("padding").or_ints(&[0]).help("likewise"),
    Param::ints("dilation").range(1, i64::MAX).or_ints(&[1]).help("likewise"),
    Param::int("groups").range(1, i64::MAX).or_int(1).help("groups"),
    Param::bool("bias").or_bool(true).help("with a bias"),
]);

/// Batch normalisation.
pub static BATCH_NORM2D: Block = Block::new("nn.BatchNorm2d", "batch normalisation", batch_norm2d)
    .params(&[Param::int("num_features").optional().help("must equal the channels of the input")]);

/// Height and width times a whole number.
pub static UPSAMPLE: Block = Block::new("nn.Upsample", "larger by a whole factor", upsample).params(&[
    Param::ints("size").optional().help("not supported: None"),
    Param::float("scale_factor").help("a whole number"),
    Param::choice("mode", &[Word::new("nearest"), Word::new("bilinear")]).or_word("nearest").help("filling"),
]);

/// Maximum over a window.
pub static MAX_POOL2D: Block = Block::new("nn.MaxPool2d", "maximum over a window", max_pool2d).params(&[
    Param::ints("kernel_size").range(1, i64::MAX).help("one number, or height and width"),
    Param::ints("stride").range(1, i64::MAX).optional().help("likewise; the kernel size when None"),
    Param::ints("padding").or_ints(&[0]).help("likewise"),
    Param::ints("dilation").range(1, i64::MAX).or_ints(&[1]).help("likewise"),
    Param::bool("return_indices").or_bool(false).help("not supported: False"),
    Param::bool("ceil_mode").or_bool(false).help("the last window may reach over the border"),
]);

/// Mean over a window; zeros of the border count.
pub static AVG_POOL2D: Block = Block::new("nn.AvgPool2d", "mean over a window", avg_pool2d).params(&[
    Param::ints("kernel_size").range(1, i64::MAX).help("one number, or height and width"),
    Param::ints("stride").range(1, i64::MAX).optional().help("likewise; the kernel size when None"),
    Param::ints("padding").or_ints(&[0]).help("likewise"),
]);

/// A border of zeros.
pub static ZERO_PAD2D: Block = Block::new("nn.ZeroPad2d", "a border of zeros", zero_pad2d)
    .params(&[Param::ints("padding").help("one number, or left, right, top, bottom")]);

/// The input.
pub static IDENTITY: Block = Block::new("nn.Identity", "the input", |_, x, _| x[0]);

register!(CONV2D, BATCH_NORM2D, UPSAMPLE, MAX_POOL2D, AVG_POOL2D, ZERO_PAD2D, IDENTITY);

/// Height and width from one number or two.
fn pair(b: &mut Builder, args: &Args, name: &str) -> [usize; 2] {
    match *args.ints(name) {
        [both] => [both as usize; 2],
        [height, width] => [height as usize, width as usize],
        _ => {
            b.fail(&format!("argument `{name}` must be one number or two"));
            [1, 1]
        }
    }
}

fn conv2d(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let (channels, expected) = (b.channels(x[0]), args.int("in_channels"));
    if channels != expected {
        return b.fail(&format!("in_channels is {expected}, but the input has {channels}"));
    }
    let conv = Conv2d {
        out_channels: args.int("out_channels"),
        kernel: pair(b, args, "kernel_size"),
        stride: pair(b, args, "stride"),
        padding: pair(b, args, "padding"),
        dilation: pair(b, args, "dilation"),
        groups: args.int("groups"),
        bias: args.bool("bias").into(),
    };
    // An empty name: the parameters are the layer's own, `model.N.weight`.
    b.conv2d("", x[0], conv)
}

fn batch_norm2d(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let channels = b.channels(x[0]);
    match args.optional_int("num_features") {
        Some(expected) if expected != channels => {
            b.fail(&format!("num_features is {expected}, but the input has {channels} channels"))
        }
        _ => b.batch_norm("", x[0]),
    }
}

fn upsample(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let scale = args.float("scale_factor");
    if !args.ints("size").is_empty() {
        return b.fail("a fixed size is not supported; use None and scale_factor");
    }
    if scale.fract() != 0.0 || !(1.0..=1024.0).contains(&scale) {
        return b.fail(&format!("scale_factor must be a whole number, not {scale}"));
    }
    let mode = if args.word("mode") == "bilinear" { Upsample::Bilinear } else { Upsample::Nearest };
    b.upsample(x[0], scale as usize, mode)
}

fn max_pool2d(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    if args.bool("return_indices") {
        return b.fail("return_indices is not supported");
    }
    let dilation = pair(b, args, "dilation");
    let window = Pool2d { dilation, ceil_mode: args.bool("ceil_mode").into(), ..window(b, args) };
    b.pool2d(x[0], Pool::Max, window)
}

fn avg_pool2d(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let window = window(b, args);
    b.pool2d(x[0], Pool::Average, window)
}

/// The window of arguments kernel_size, stride and padding.
fn window(b: &mut Builder, args: &Args) -> Pool2d {
    let kernel = pair(b, args, "kernel_size");
    let stride = if args.ints("stride").is_empty() { kernel } else { pair(b, args, "stride") };
    Pool2d { kernel, stride, padding: pair(b, args, "padding"), dilation: [1, 1], ceil_mode: 0 }
}

fn zero_pad2d(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let border = match *args.ints("padding") {
        [all] => [all; 4],
        [left, right, top, bottom] => [left, right, top, bottom],
        _ => return b.fail("padding must be one number, or left, right, top, bottom"),
    };
    b.pad(x[0], border.map(|side| side as usize), 0.0)
}
