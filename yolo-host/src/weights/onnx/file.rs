//! The parts of an ONNX file that a network is made of, by the field numbers of `onnx/onnx.proto`
//! (<https://github.com/onnx/onnx>).

use super::tensor::Tensor;
use super::wire::{Value, fields, ints};
use crate::weights::ErrorKind;
use std::collections::BTreeMap;

/// No network has more nodes or constants.
const MOST: usize = 100_000;

/// A file.
#[derive(Debug, Default)]
pub struct File<'a> {
    /// Operations in running order.
    pub nodes: Vec<Node<'a>>,
    /// Weights and constants.
    pub constants: Vec<Tensor<'a>>,
    /// Names of what the network takes; of old files constants, too.
    pub inputs: Vec<&'a str>,
    /// Named texts.
    pub metadata: BTreeMap<String, String>,
}

/// An operation.
#[derive(Clone, Debug, Default)]
pub struct Node<'a> {
    /// Its operator.
    pub op: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Tensors that it reads; empty for one that is left out.
    pub inputs: Vec<&'a str>,
    /// Tensors that it makes.
    pub outputs: Vec<&'a str>,
    attributes: Vec<&'a [u8]>,
}

impl<'a> File<'a> {
    /// Of a `ModelProto`.
    ///
    /// # Errors
    /// When it is damaged, or without a network.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ErrorKind> {
        let mut file = File::default();
        let mut graphs = 0;
        for field in fields(bytes) {
            match field? {
                (7, value) => {
                    graphs += 1;
                    file.graph(value.bytes())?;
                }
                (14, value) => {
                    let (mut key, mut text) = ("", "");
                    for field in fields(value.bytes()) {
                        match field? {
                            (1, value) => key = value.text()?,
                            (2, value) => text = value.text()?,
                            _ => (),
                        }
                    }
                    file.metadata.insert(key.to_owned(), text.to_owned());
                }
                _ => (),
            }
        }
        match graphs {
            1 => Ok(file),
            _ => Err(ErrorKind::Onnx(format!("it holds {graphs} networks"))),
        }
    }

    fn graph(&mut self, bytes: &'a [u8]) -> Result<(), ErrorKind> {
        for field in fields(bytes) {
            match field? {
                (1, value) => self.nodes.push(Node::parse(value.bytes())?),
                (5, value) => self.constants.push(Tensor::parse(value.bytes())?),
                (11, value) => self.inputs.push(name(value.bytes(), 1)?),
                _ => (),
            }
            if self.nodes.len() + self.constants.len() + self.inputs.len() > MOST {
                return Err(ErrorKind::TooLarge(format!(
                    "a network of more than {MOST} nodes and constants"
                )));
            }
        }
        Ok(())
    }
}

/// The text of one field.
fn name(bytes: &[u8], number: u64) -> Result<&str, ErrorKind> {
    let mut name = "";
    for field in fields(bytes) {
        match field? {
            (found, value) if found == number => name = value.text()?,
            _ => (),
        }
    }
    Ok(name)
}

impl<'a> Node<'a> {
    /// Of a `NodeProto`.
    fn parse(bytes: &'a [u8]) -> Result<Self, ErrorKind> {
        let mut node = Node::default();
        for field in fields(bytes) {
            match field? {
                (1, value) => node.inputs.push(value.text()?),
                (2, value) => node.outputs.push(value.text()?),
                (3, value) => node.name = value.text()?,
                (4, value) => node.op = value.text()?,
                (5, value) => node.attributes.push(value.bytes()),
                _ => (),
            }
        }
        Ok(node)
    }

    /// What a message calls it.
    pub fn place(&self) -> String {
        let name = if self.name.is_empty() { self.outputs.first().unwrap_or(&"") } else { &self.name };
        format!("{} `{}`", self.op.escape_debug(), name.escape_debug())
    }

    /// An input; none where it is left out.
    pub fn input(&self, place: usize) -> Option<&'a str> {
        self.inputs.get(place).copied().filter(|name| !name.is_empty())
    }

    /// The values of an attribute by its name and field.
    fn attribute(&self, wanted: &str, number: u64) -> Result<Vec<Value<'a>>, ErrorKind> {
        for bytes in &self.attributes {
            if name(bytes, 1)? == wanted {
                let values =
                    fields(bytes).filter(|field| !matches!(field, Ok((found, _)) if *found != number));
                return values.map(|field| field.map(|(_, value)| value)).collect();
            }
        }
        Ok(vec![])
    }

    /// An integer.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn int(&self, name: &str, otherwise: i64) -> Result<i64, ErrorKind> {
        Ok(self.attribute(name, 3)?.last().map_or(otherwise, |value| value.int()))
    }

    /// A float.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn float(&self, name: &str, otherwise: f32) -> Result<f32, ErrorKind> {
        Ok(self.attribute(name, 2)?.last().map_or(otherwise, |value| value.float()))
    }

    /// Two sizes, 1 where they are not told.
    ///
    /// # Errors
    /// When they are no two sizes.
    pub fn pair(&self, name: &str) -> Result<[usize; 2], ErrorKind> {
        let mut all = vec![];
        for value in self.attribute(name, 8)? {
            all.extend(ints(value)?);
        }
        let size = |value: i64| usize::try_from(value).ok().filter(|size| *size <= 1 << 30);
        match all.as_slice() {
            [] => Some([1, 1]),
            [height, width] => size(*height).zip(size(*width)).map(|(height, width)| [height, width]),
            _ => None,
        }
        .map_or_else(|| Err(ErrorKind::Onnx(format!("{} has {name} {all:?}", self.place()))), Ok)
    }

    /// The tensor of a `Constant`.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn tensor(&self) -> Result<Option<Tensor<'a>>, ErrorKind> {
        self.attribute("value", 5)?.last().map(|value| Tensor::parse(value.bytes())).transpose()
    }
}
