//! The chosen tensors and convolutions, written.

use super::Runtime;
use super::choice::Choice;
use super::net::Net;
use super::numbers::{Steps, whole};
use crate::export::onnx::activation::SIXTH;
use crate::export::onnx::schema::{NodeProto, data_type};
use crate::export::onnx::writer::{Value, Writer, attribute};
use std::collections::BTreeMap;

/// Writes all nodes anew, those of int8 among them.
pub fn emit(w: &mut Writer, net: &Net, choice: &Choice, runtime: Runtime) {
    let nodes = std::mem::take(&mut w.nodes);
    let floats: BTreeMap<String, Vec<f32>> = weights(w, &nodes, choice);
    w.constants.retain(|constant| constant.name.as_ref().is_none_or(|name| !floats.contains_key(name)));
    // The name under which each tensor is read.
    let mut read: BTreeMap<String, String> = BTreeMap::new();
    let input = |w: &mut Writer, tensor: usize| {
        choice.steps[tensor]
            .map(|steps| (net.names[tensor].clone(), pair(w, &net.names[tensor], steps, steps.scale)))
    };
    let inputs = (0..net.names.len()).filter(|tensor| net.maker[*tensor].is_none());
    read.extend(inputs.filter_map(|tensor| input(w, tensor)));
    for (place, mut node) in nodes.into_iter().enumerate() {
        let item = &net.items[place];
        if choice.convs[place]
            && let [x] = item.reads.as_slice()
            && let Some(steps) = choice.steps[*x]
        {
            convolution(w, &mut node, steps, &floats);
        }
        for name in &mut node.input {
            if let Some(given) = read.get(name) {
                name.clone_from(given);
            }
        }
        let hard = is_hard_sigmoid(&node);
        let pool = node.op_type.as_deref() == Some("MaxPool");
        let names = node.output.clone();
        if hard && item.writes.iter().all(|y| choice.steps[*y].is_some()) {
            // (x + 3) / 6 from 0 to 1: the sum cut off at 0 and 6 by its steps, which are read as steps a sixth as long.
            let three = whole_constant(w, Steps { scale: 3.0, zero: 0, signed: false }, 1);
            let x = node.input[0].clone();
            let y = w.node("Add", &[&x, &three], &[]);
            let steps = Steps::up_to(6.0);
            read.insert(names[0].clone(), pair(w, &y, steps, Steps::up_to(1.0).scale));
            continue;
        }
        w.nodes.push(node);
        for (name, tensor) in names.iter().zip(&item.writes) {
            let Some(steps) = choice.steps[*tensor] else { continue };
            let mut from = name.clone();
            let float = runtime == Runtime::OnnxRuntime && pool && !net.comes_from(&choice.convs, *tensor);
            if float && net.range(*tensor).is_some_and(|[low, _]| low >= 0.0) {
                // It changes nothing, but ONNX Runtime would give the pool whole numbers, in which it is many times slower.
                from = w.node("Relu", &[&from], &[]);
            }
            let given = pair(w, &from, steps, steps.scale);
            read.insert(name.clone(), given);
        }
    }
}

/// Whether a node is PyTorch's hard sigmoid; that of a plugin may have ONNX's own slope.
fn is_hard_sigmoid(node: &NodeProto) -> bool {
    node.op_type.as_deref() == Some("HardSigmoid")
        && *node.attribute == SIXTH.map(|(name, value)| attribute(name, &value))
}

/// The floats of the chosen convolutions, by name.
fn weights(w: &Writer, nodes: &[NodeProto], choice: &Choice) -> BTreeMap<String, Vec<f32>> {
    let chosen = nodes.iter().zip(&choice.convs).filter(|(_, chosen)| **chosen);
    let mut floats: BTreeMap<String, Vec<f32>> =
        chosen.flat_map(|(node, _)| node.input.iter().skip(1)).map(|name| (name.clone(), vec![])).collect();
    for constant in &w.constants {
        if let (Some(name), Some(raw)) = (&constant.name, &constant.raw_data)
            && let Some(values) = floats.get_mut(name)
        {
            *values = raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        }
    }
    floats
}

/// Gives a convolution its weights in whole numbers.
fn convolution(w: &mut Writer, node: &mut NodeProto, input: Steps, floats: &BTreeMap<String, Vec<f32>>) {
    let [_, weight, bias] = node.input.as_slice() else { return };
    let (Some(weights), Some(biases)) = (floats.get(weight), floats.get(bias)) else { return };
    let numbers = whole(weights, biases, input.scale);
    let cout = biases.len();
    let kernel = node.attribute.iter().find(|a| a.name.as_deref() == Some("kernel_shape"));
    let [kh, kw] = match kernel.map(|kernel| kernel.ints.as_slice()) {
        Some([kh, kw]) => [*kh as usize, *kw as usize],
        _ => [1, 1],
    };
    let shape = [cout, weights.len() / (cout * kh * kw).max(1), kh, kw];
    let (weight, bias) = (weight.clone(), bias.clone());
    let bytes = numbers.weight.iter().map(|number| *number as u8).collect();
    let whole = w.constant(&format!("{weight}/int8"), &shape, data_type::INT8, bytes);
    node.input[1] = channels(w, &weight, &whole, &numbers.weight_scale, data_type::INT8);
    let bytes = numbers.bias.iter().flat_map(|number| number.to_le_bytes()).collect();
    let whole = w.constant(&format!("{bias}/int32"), &[cout], data_type::INT32, bytes);
    node.input[2] = channels(w, &bias, &whole, &numbers.bias_scale, data_type::INT32);
}

/// Floats of a constant with a scale for each output channel.
fn channels(w: &mut Writer, name: &str, whole: &str, scales: &[f32], kind: i32) -> String {
    let bytes = if kind == data_type::INT32 { 4 } else { 1 };
    let scale = w.floats(&format!("{name}/scale"), &[scales.len()], scales);
    let zero = w.constant(&format!("{name}/zero"), &[scales.len()], kind, vec![0; bytes * scales.len()]);
    w.scope = name.into();
    w.node("DequantizeLinear", &[whole, &scale, &zero], &[("axis", Value::Int(0))])
}

/// A number of 8 bits as a float.
fn whole_constant(w: &mut Writer, steps: Steps, number: u8) -> String {
    let whole = w.constant("three/int8", &[], data_type::UINT8, vec![number]);
    let [scale, zero] = ends(w, "three", steps, steps.scale);
    w.scope = "three".into();
    w.node("DequantizeLinear", &[&whole, &scale, &zero], &[])
}

/// A tensor rounded to steps and back; back with a scale of its own.
fn pair(w: &mut Writer, name: &str, steps: Steps, back: f32) -> String {
    let [scale, zero] = ends(w, name, steps, steps.scale);
    w.scope = name.into();
    let whole = w.node("QuantizeLinear", &[name, &scale, &zero], &[]);
    let [scale, zero] = if back == steps.scale { [scale, zero] } else { ends(w, name, steps, back) };
    w.node("DequantizeLinear", &[&whole, &scale, &zero], &[])
}

fn ends(w: &mut Writer, name: &str, steps: Steps, scale: f32) -> [String; 2] {
    let scale = w.floats(&format!("{name}/scale"), &[], &[scale]);
    let kind = if steps.signed { data_type::INT8 } else { data_type::UINT8 };
    [scale, w.constant(&format!("{name}/zero"), &[], kind, vec![steps.zero as u8])]
}
