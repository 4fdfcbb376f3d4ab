//! The table of C functions through which every block, linked in or loaded, grows the graph. Nothing unwinds across it,
//! and nothing that a plugin passes is trusted.
#![allow(unsafe_code)] // reads what plugins pass by pointer

use super::custom::Custom;
use super::session::{guarded, with_open};
use crate::graph::{Act, BuildError, GraphBuilder, Init, Op, Order, Pool, Role, Upsample, ValueId};
use std::sync::Arc;
use yolo_plugin::abi::{self, Conv2d, Graph, Host, Pool2d, Str, Value};

/// The table handed to every block.
pub static HOST: Host = Host {
    abi_version: abi::ABI_VERSION,
    struct_size: size_of::<Host>(),
    fail,
    push_scope,
    pop_scope,
    channels,
    parameter,
    conv2d,
    batch_norm,
    linear,
    activation,
    pool2d,
    global_pool,
    pad,
    add,
    mul,
    affine,
    concat,
    slice,
    channel_shuffle,
    upsample,
    space_to_depth,
    depth_to_space,
    matmul,
    softmax,
    reshape,
    transpose,
    unflatten_like,
    status,
    message,
    custom,
    layer_norm,
};

/// No list that a plugin passes is longer.
const MAX_LIST: usize = 1 << 16;
const MAX_ATTRIBUTES: usize = 256;

/// Adds the operation that `body` makes.
fn emit(graph: *mut Graph, body: impl FnOnce(&mut GraphBuilder) -> Result<ValueId, BuildError>) -> Value {
    guarded(graph, Value::NONE, |b| body(b).map(|id| b.handle(id)))
}

/// Adds an operation of one input.
fn unary(graph: *mut Graph, x: Value, op: Op) -> Value {
    emit(graph, |b| b.resolve(x).and_then(|x| b.push(op, vec![x])))
}

/// Adds an operation of two inputs.
fn binary(graph: *mut Graph, x: Value, y: Value, op: Op) -> Value {
    emit(graph, |b| {
        let inputs = vec![b.resolve(x)?, b.resolve(y)?];
        b.push(op, inputs)
    })
}

/// A text as long as the plugin keeps it, which it does at least during the call.
pub(crate) fn text<'a>(text: Str) -> Result<&'a str, BuildError> {
    std::str::from_utf8(list(text.data, text.len)?).map_err(|_| misuse("a text is not UTF-8"))
}

fn list<'a, T>(data: *const T, len: usize) -> Result<&'a [T], BuildError> {
    match len {
        0 => Ok(&[]),
        _ if len > MAX_LIST => {
            Err(misuse(&format!("a text or list has {len} elements, where {MAX_LIST} are the most")))
        }
        _ if data.is_null() || !data.is_aligned() => Err(misuse("a pointer is null or misaligned")),
        // SAFETY: not null, and a plugin passes a list that lives during the call.
        _ => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

fn read<T: Copy>(data: *const T) -> Result<T, BuildError> {
    list(data, 1).map(|one| one[0])
}

fn misuse(what: &str) -> BuildError {
    BuildError::Misuse(what.to_string())
}

fn known<T>(kind: Option<T>) -> Result<T, BuildError> {
    kind.ok_or_else(|| misuse("a kind that this host does not know"))
}

extern "C" fn fail(graph: *mut Graph, message: Str) -> Value {
    emit(graph, |_| match String::from_utf8_lossy(list(message.data, message.len)?) {
        text if text.is_empty() => Err(misuse("the block reports an error without a text")),
        text => Err(BuildError::Block(text.into_owned())),
    })
}

extern "C" fn push_scope(graph: *mut Graph, name: Str) {
    guarded(graph, (), |b| {
        b.push_scope(text(name)?);
        Ok(())
    });
}

extern "C" fn pop_scope(graph: *mut Graph) {
    guarded(graph, (), |b| {
        b.pop_scope();
        Ok(())
    });
}

extern "C" fn channels(graph: *mut Graph, x: Value) -> usize {
    guarded(graph, 0, |b| {
        let id = b.resolve(x)?;
        b.shape(id).get(1).copied().ok_or_else(|| misuse("a tensor of one axis has no channels"))
    })
}

extern "C" fn parameter(
    graph: *mut Graph,
    name: Str,
    shape: *const usize,
    rank: usize,
    init: abi::Init,
) -> Value {
    emit(graph, |b| {
        let init = known(Init::from_code(init))?;
        let id = b.define("", text(name)?, list(shape, rank)?, init, Role::Trainable, None)?;
        b.push(Op::Parameter(id), vec![])
    })
}

extern "C" fn conv2d(graph: *mut Graph, name: Str, x: Value, spec: *const Conv2d) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.conv2d(text(name)?, x, read(spec)?)
    })
}

extern "C" fn batch_norm(graph: *mut Graph, name: Str, x: Value) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.batch_norm(text(name)?, x)
    })
}

extern "C" fn linear(graph: *mut Graph, name: Str, x: Value, features: usize, bias: u32) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.linear(text(name)?, x, features, bias != 0)
    })
}

extern "C" fn activation(graph: *mut Graph, x: Value, kind: u32, parameter: f64) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.activation(known(Act::from_code(kind, parameter))?, x)
    })
}

extern "C" fn pool2d(graph: *mut Graph, x: Value, kind: u32, spec: *const Pool2d) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.push(Op::Pool(known(Pool::from_code(kind))?, read(spec)?), vec![x])
    })
}

extern "C" fn global_pool(graph: *mut Graph, x: Value, kind: u32) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.push(Op::GlobalPool(known(Pool::from_code(kind))?), vec![x])
    })
}

extern "C" fn pad(graph: *mut Graph, x: Value, border: *const usize, constant: f64) -> Value {
    emit(graph, |b| {
        let &[left, right, top, bottom] = list(border, 4)? else {
            return Err(misuse("a border has four sides"));
        };
        let x = b.resolve(x)?;
        b.push(Op::Pad([left, right, top, bottom], constant), vec![x])
    })
}

extern "C" fn add(graph: *mut Graph, a: Value, b: Value) -> Value {
    binary(graph, a, b, Op::Add)
}

extern "C" fn mul(graph: *mut Graph, a: Value, b: Value) -> Value {
    binary(graph, a, b, Op::Mul)
}

extern "C" fn affine(graph: *mut Graph, x: Value, factor: f64, offset: f64) -> Value {
    unary(graph, x, Op::Affine { factor, offset })
}

extern "C" fn concat(graph: *mut Graph, tensors: *const Value, len: usize, axis: usize) -> Value {
    emit(graph, |b| {
        let inputs = list(tensors, len)?.iter().map(|x| b.resolve(*x)).collect::<Result<_, _>>()?;
        b.push(Op::Concat { axis }, inputs)
    })
}

extern "C" fn slice(graph: *mut Graph, x: Value, axis: usize, start: usize, length: usize) -> Value {
    unary(graph, x, Op::Slice { axis, start, length })
}

extern "C" fn channel_shuffle(graph: *mut Graph, x: Value, groups: usize) -> Value {
    unary(graph, x, Op::ChannelShuffle { groups })
}

extern "C" fn upsample(graph: *mut Graph, x: Value, scale: usize, mode: u32) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.push(Op::Upsample(scale, known(Upsample::from_code(mode))?), vec![x])
    })
}

extern "C" fn space_to_depth(graph: *mut Graph, x: Value, size: usize, order: u32) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.push(Op::SpaceToDepth(size, known(Order::from_code(order))?), vec![x])
    })
}

extern "C" fn depth_to_space(graph: *mut Graph, x: Value, size: usize, order: u32) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.push(Op::DepthToSpace(size, known(Order::from_code(order))?), vec![x])
    })
}

extern "C" fn matmul(graph: *mut Graph, a: Value, b: Value) -> Value {
    binary(graph, a, b, Op::MatMul)
}

extern "C" fn softmax(graph: *mut Graph, x: Value, axis: usize) -> Value {
    unary(graph, x, Op::Softmax { axis })
}

extern "C" fn reshape(graph: *mut Graph, x: Value, shape: *const i64, rank: usize) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        if rank > abi::MAX_RANK {
            return Err(misuse("a shape of too many axes"));
        }
        b.push(Op::Reshape(list(shape, rank)?.to_vec()), vec![x])
    })
}

extern "C" fn transpose(graph: *mut Graph, x: Value, a: usize, b: usize) -> Value {
    unary(graph, x, Op::Transpose(a, b))
}

extern "C" fn unflatten_like(graph: *mut Graph, x: Value, like: Value) -> Value {
    binary(graph, x, like, Op::UnflattenLike)
}

extern "C" fn status(graph: *mut Graph) -> u32 {
    with_open(graph, |b| b.error().map_or(abi::status::OK, BuildError::status)).unwrap_or(abi::status::MISUSE)
}

extern "C" fn message(graph: *mut Graph) -> Str {
    with_open(graph, |b| Str::new(b.error_text())).unwrap_or(Str::EMPTY)
}

extern "C" fn custom(
    graph: *mut Graph,
    op: *const abi::Op,
    inputs: *const Value,
    inputs_len: usize,
    attributes: *const f64,
    attributes_len: usize,
) -> Value {
    emit(graph, |b| {
        if inputs_len == 0 || attributes_len > MAX_ATTRIBUTES {
            return Err(misuse("a custom operation without inputs, or with too many attributes"));
        }
        let inputs = list(inputs, inputs_len)?.iter().map(|x| b.resolve(*x)).collect::<Result<_, _>>()?;
        // SAFETY: null and sizes are checked; what a descriptor points to is static data of the plugin.
        let custom =
            unsafe { Custom::read(op, inputs_len, list(attributes, attributes_len)?, b.owner().clone()) }?;
        b.push(Op::Custom(Arc::new(custom)), inputs)
    })
}

extern "C" fn layer_norm(graph: *mut Graph, name: Str, x: Value, eps: f64) -> Value {
    emit(graph, |b| {
        let x = b.resolve(x)?;
        b.layer_norm(text(name)?, x, eps)
    })
}
