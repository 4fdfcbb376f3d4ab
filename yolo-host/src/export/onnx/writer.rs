//! Nodes and constants by name, as they are emitted.

use super::schema::{
    AttributeProto, Dimension, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto, attribute_type, data_type,
};
use half::f16;
use std::collections::BTreeSet;

/// A graph that grows.
#[derive(Debug)]
pub struct Writer {
    /// The operator set.
    pub opset: i64,
    /// Whether floats have 16 bits.
    pub half: bool,
    /// Where names begin: the layer.
    pub scope: String,
    /// What was emitted.
    pub nodes: Vec<NodeProto>,
    /// Weights and constants.
    pub constants: Vec<TensorProto>,
    names: BTreeSet<String>,
}

/// An attribute's value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A float.
    Float(f64),
    /// An integer.
    Int(i64),
    /// Integers.
    Ints(Vec<i64>),
    /// A text.
    Text(&'static str),
}

impl Writer {
    /// An empty graph.
    pub fn new(opset: i64, half: bool) -> Self {
        Writer { opset, half, scope: String::new(), nodes: vec![], constants: vec![], names: BTreeSet::new() }
    }

    /// A name that nothing has yet.
    pub fn fresh(&mut self, name: &str) -> String {
        let mut unique = name.to_string();
        let mut count = 1;
        while !self.names.insert(unique.clone()) {
            count += 1;
            unique = format!("{name}_{count}");
        }
        unique
    }

    /// Gives a tensor the name that the file's readers know, or one like it; the name that it got.
    pub fn rename(&mut self, from: &str, to: &str) -> String {
        let to = self.fresh(to);
        let names = self.nodes.iter_mut().flat_map(|node| node.output.iter_mut().chain(&mut node.input));
        names.filter(|name| *name == from).for_each(|name| name.clone_from(&to));
        to
    }

    /// Adds a node with one output; its name.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: &[(&str, Value)]) -> String {
        let output = self.fresh(&format!("{}/{op}", self.scope));
        self.push(op, inputs, vec![output.clone()], attributes);
        output
    }

    /// Adds a node with several outputs; their names.
    pub fn nodes<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: &[(&str, Value)],
    ) -> [String; N] {
        let outputs: [String; N] = std::array::from_fn(|_| self.fresh(&format!("{}/{op}", self.scope)));
        self.push(op, inputs, outputs.to_vec(), attributes);
        outputs
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: Vec<String>, attributes: &[(&str, Value)]) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|name| name.to_string()).collect(),
            name: output.first().cloned(),
            output,
            op_type: Some(op.into()),
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        });
    }

    /// Adds floats of a shape, by a name or one like it; the name that they got.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let half = |values: &[f32]| values.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect();
        let (kind, bytes) = match self.half {
            true => (data_type::FLOAT16, half(values)),
            false => (data_type::FLOAT, values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        self.constant(name, shape, kind, bytes)
    }

    /// Adds one float.
    pub fn float(&mut self, value: f64) -> String {
        let name = format!("{}/value", self.scope);
        self.floats(&name, &[], &[value as f32])
    }

    /// Adds a list of integers.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let name = format!("{}/ints", self.scope);
        self.constant(&name, &[values.len()], data_type::INT64, bytes)
    }

    /// Adds one integer.
    pub fn int(&mut self, value: i64) -> String {
        let name = format!("{}/int", self.scope);
        self.constant(&name, &[], data_type::INT64, value.to_le_bytes().into())
    }

    /// Adds a constant of any kind, by a name or one like it; the name that it got.
    pub fn constant(&mut self, name: &str, shape: &[usize], kind: i32, bytes: Vec<u8>) -> String {
        let name = self.fresh(name);
        self.constants.push(TensorProto {
            dims: shape.iter().map(|size| *size as i64).collect(),
            data_type: Some(kind),
            name: Some(name.clone()),
            raw_data: Some(bytes),
        });
        name
    }

    /// The kind of floats.
    pub fn float_type(&self) -> i32 {
        if self.half { data_type::FLOAT16 } else { data_type::FLOAT }
    }
}

/// An attribute of a node.
pub fn attribute(name: &str, value: &Value) -> AttributeProto {
    let empty = AttributeProto { name: Some(name.into()), ..AttributeProto::default() };
    match value {
        Value::Float(f) => {
            AttributeProto { f: Some(*f as f32), r#type: Some(attribute_type::FLOAT), ..empty }
        }
        Value::Int(i) => AttributeProto { i: Some(*i), r#type: Some(attribute_type::INT), ..empty },
        Value::Ints(ints) => {
            AttributeProto { ints: ints.clone(), r#type: Some(attribute_type::INTS), ..empty }
        }
        Value::Text(s) => {
            AttributeProto { s: Some((*s).into()), r#type: Some(attribute_type::STRING), ..empty }
        }
    }
}

/// One axis of an input or output.
#[derive(Clone, Debug)]
pub enum Axis {
    /// Of this size.
    Fixed(usize),
    /// Of any size.
    Free(String),
}

/// An input or output of a type.
pub fn value_info(name: &str, elem_type: i32, shape: &[Axis]) -> ValueInfoProto {
    let dimension = |axis: &Axis| match axis {
        Axis::Fixed(size) => Dimension { dim_value: Some(*size as i64), dim_param: None },
        Axis::Free(name) => Dimension { dim_value: None, dim_param: Some(name.clone()) },
    };
    let shape = TensorShapeProto { dim: shape.iter().map(dimension).collect() };
    let tensor = TensorTypeProto { elem_type: Some(elem_type), shape: Some(shape) };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}
