//! C3 with a transformer inside (arXiv:2010.11929 without layer norms, as in the reference).

use super::c3::partial;
use super::hidden;
use yolo_plugin::{Args, Block, Builder, Init, Param, Value, register};

/// `[b, c1, h, w]` to `[b, c2, h, w]`.
pub static C3_TR: Block = Block::new("C3TR", "C3 with a transformer", build).repeats_inside().params(&[
    Param::width("c2").help("output channels"),
    Param::bool("shortcut").or_bool(true).help("without effect"),
    Param::int("g").or_int(1).help("without effect"),
    Param::float("e").or_float(0.5).help("hidden channels / c2; hidden channels are a multiple of 4"),
]);

register!(C3_TR);

const HEADS: usize = 4;

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    let hidden = hidden(args);
    if !hidden.is_multiple_of(HEADS) {
        return b.fail(&format!("{hidden} hidden channels do not split into {HEADS} heads"));
    }
    let layers = args.repeat();
    partial(b, x[0], args.int("c2"), hidden, |b, y| b.scope("m", |b| transformer(b, y, hidden, layers)))
}

/// Pixels as a sequence `[b, h·w, c]`, a learned position term, then the layers.
fn transformer(b: &mut Builder, x: Value, channels: usize, layers: usize) -> Value {
    let y = b.reshape(x, &[0, 0, -1]);
    let y = b.transpose(y, 1, 2);
    let position = b.linear("linear", y, channels, true);
    let mut y = b.add(y, position);
    for i in 0..layers {
        y = b.scope(&format!("tr.{i}"), |b| layer(b, y, channels));
    }
    let y = b.transpose(y, 1, 2);
    b.unflatten_like(y, x)
}

/// Attention and two linear maps, each with the input added.
fn layer(b: &mut Builder, x: Value, channels: usize) -> Value {
    let [q, k, v] = ["q", "k", "v"].map(|name| b.linear(name, x, channels, false));
    let y = b.scope("ma", |b| attention(b, [q, k, v], channels));
    let x = b.add(y, x);
    let y = b.linear("fc1", x, channels, false);
    let y = b.linear("fc2", y, channels, false);
    b.add(y, x)
}

/// PyTorch's MultiheadAttention: one weight `[3c, c]` projects query, key and value.
fn attention(b: &mut Builder, qkv: [Value; 3], channels: usize) -> Value {
    // Xavier: ±√(6 / (fan_in + fan_out)).
    let bound = (6.0 / (4 * channels) as f64).sqrt();
    let weight = b.parameter("in_proj_weight", &[3 * channels, channels], Init::Uniform(-bound, bound));
    let bias = b.parameter("in_proj_bias", &[3 * channels], Init::Constant(0.0));
    let size = channels / HEADS;
    let mut part = 0;
    let [q, k, v] = qkv.map(|x| {
        let w = b.slice(weight, 0, part * channels, channels);
        let w = b.transpose(w, 0, 1);
        let y = b.matmul(x, w);
        let shift = b.slice(bias, 0, part * channels, channels);
        let y = b.add(y, shift);
        part += 1;
        let y = b.reshape(y, &[0, 0, HEADS as i64, size as i64]);
        b.transpose(y, 1, 2)
    });
    let q = b.affine(q, (size as f64).powf(-0.5), 0.0);
    let k = b.transpose(k, 2, 3);
    let scores = b.matmul(q, k);
    let scores = b.softmax(scores, 3);
    let y = b.matmul(scores, v);
    let y = b.transpose(y, 1, 2);
    let y = b.reshape(y, &[0, 0, channels as i64]);
    b.linear("out_proj", y, channels, true)
}
