//! The nodes of an ONNX network that have weights, and what each of them reads.

use super::file::{File, Node};
use super::tensor::Tensor;
use crate::weights::ErrorKind;
use crate::weights::budget::Budget;
use crate::weights::exported::{IMAGE, Norm, Sizes, Sources, Tracer, Unit, UnitKind};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Operators of which only the first input is data: others say sizes and places.
const FIRST: [&str; 17] = [
    "Cast",
    "Clip",
    "Expand",
    "Gather",
    "GatherND",
    "Pad",
    "QuantizeLinear",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Reshape",
    "Resize",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "Unsqueeze",
];

/// Operators whose output holds nothing of their input.
const SIZES: [&str; 4] = ["ConstantOfShape", "Range", "Shape", "Size"];

/// Operators that compute with 8 bits.
const INT8: [&str; 4] = ["ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"];

/// A constant, perhaps seen through a transpose of its two axes.
#[derive(Clone, Copy, Debug)]
struct Constant {
    tensor: usize,
    transposed: bool,
}

/// A network as it is followed.
struct Network<'a> {
    tensors: Vec<Tensor<'a>>,
    constants: HashMap<&'a str, Constant>,
    /// Constants that come out of integers.
    quantised: HashSet<&'a str>,
    values: HashMap<&'a str, Sources>,
    /// The unit whose own output a value is.
    direct: HashMap<&'a str, usize>,
    readers: HashMap<&'a str, usize>,
    tracer: Tracer,
    budget: Budget,
    units: Vec<Unit>,
    /// Of each unit, the name of its weight or bias.
    names: Vec<Option<(&'a str, &'static str)>>,
}

/// Units, and for each the name of the module that its tensors' names give, as written.
pub type Named = (Vec<Unit>, Vec<Option<String>>);

/// The units of a file of `len` bytes.
///
/// # Errors
/// Weights that are not there or cannot be read, and sizes that do not fit.
pub fn units(file: &File, len: usize) -> Result<Named, ErrorKind> {
    let mut network = Network {
        tensors: file.constants.clone(),
        constants: HashMap::new(),
        quantised: HashSet::new(),
        values: HashMap::new(),
        direct: HashMap::new(),
        readers: HashMap::new(),
        tracer: Tracer::default(),
        budget: Budget::for_file(len),
        units: vec![],
        names: vec![],
    };
    for (tensor, constant) in file.constants.iter().enumerate() {
        network.constants.insert(constant.name, Constant { tensor, transposed: false });
    }
    for input in file.inputs.iter().filter(|input| !network.constants.contains_key(**input)) {
        network.values.insert(input, Tracer::of(IMAGE));
    }
    for name in file.nodes.iter().flat_map(|node| &node.inputs) {
        *network.readers.entry(name).or_default() += 1;
    }
    for node in &file.nodes {
        network.follow(node)?;
    }
    let module = |name: &Option<(&str, &str)>| {
        let (name, end) = (*name)?;
        name.strip_suffix(end).map(str::to_owned)
    };
    let names = network.names.iter().map(module).collect();
    Ok((network.units, names))
}

impl<'a> Network<'a> {
    fn follow(&mut self, node: &Node<'a>) -> Result<(), ErrorKind> {
        let x = node.input(0);
        let constant = |place| node.input(place).and_then(|name| self.constants.get(name).copied());
        match (node.op, constant(0), constant(1)) {
            ("Constant", ..) => {
                if let (Some(mut tensor), Some(output)) = (node.tensor()?, node.outputs.first()) {
                    tensor.name = output;
                    self.constants.insert(output, Constant { tensor: self.tensors.len(), transposed: false });
                    self.tensors.push(tensor);
                }
                return Ok(());
            }
            ("Identity" | "Cast", Some(constant), _) => return self.also(node, constant),
            ("Transpose", Some(constant), _) if self.tensors[constant.tensor].shape.len() == 2 => {
                return self.also(node, Constant { transposed: !constant.transposed, ..constant });
            }
            ("DequantizeLinear", Some(_), _) => {
                self.quantised.extend(&node.outputs);
                return Ok(());
            }
            (op, ..) if INT8.contains(&op) => return Err(ErrorKind::Quantised { place: node.place() }),
            ("Conv", _, Some(weight)) => return self.convolution(node, weight),
            ("Gemm" | "MatMul", None, Some(weight)) if self.tensors[weight.tensor].shape.len() == 2 => {
                return self.linear(node, weight);
            }
            ("Conv" | "Gemm" | "MatMul", ..)
                if node.inputs.iter().any(|name| self.quantised.contains(name)) =>
            {
                return Err(ErrorKind::Quantised { place: node.place() });
            }
            ("Add", None, Some(_)) if self.bias(node, 0, 1)? => return Ok(()),
            ("Add", Some(_), None) if self.bias(node, 1, 0)? => return Ok(()),
            ("BatchNormalization", _, Some(_)) => return self.batch_norm(node),
            ("LayerNormalization", _, Some(weight)) => {
                let weight = self.floats(weight)?;
                let bias = node.input(2).map(|name| self.named(node, name)).transpose()?;
                let sizes = Sizes::by_channel(UnitKind::LayerNorm, weight.len());
                return self.push(node, 1, sizes, weight, bias, None);
            }
            _ => (),
        }
        let read = |name: &&str| self.values.get(*name).cloned();
        let made = match node.op {
            op if SIZES.contains(&op) => Rc::new(vec![]),
            op if FIRST.contains(&op) => x.as_ref().and_then(read).unwrap_or_default(),
            op => {
                let inputs: Vec<Sources> = node.inputs.iter().filter_map(read).collect();
                if op == "Concat" { self.tracer.joined(&inputs)? } else { self.tracer.merged(&inputs)? }
            }
        };
        for output in &node.outputs {
            self.values.insert(output, made.clone());
        }
        Ok(())
    }

    /// The outputs of a node are a constant.
    fn also(&mut self, node: &Node<'a>, constant: Constant) -> Result<(), ErrorKind> {
        self.constants.extend(node.outputs.iter().map(|output| (*output, constant)));
        Ok(())
    }

    /// The values of a constant.
    fn floats(&mut self, constant: Constant) -> Result<Vec<f32>, ErrorKind> {
        let tensor = &self.tensors[constant.tensor];
        let values = tensor.floats(&mut self.budget)?;
        match (constant.transposed, tensor.shape.as_slice()) {
            (true, [rows, columns]) => Ok(transposed(&values, *rows, *columns)),
            _ => Ok(values),
        }
    }

    /// The values of an input that must be a constant.
    fn named(&mut self, node: &Node, name: &str) -> Result<Vec<f32>, ErrorKind> {
        match self.constants.get(name).copied() {
            Some(constant) => self.floats(constant),
            None if self.quantised.contains(name) => Err(ErrorKind::Quantised { place: node.place() }),
            None => Err(ErrorKind::Onnx(format!("{} reads values that are no constant", node.place()))),
        }
    }

    fn convolution(&mut self, node: &Node<'a>, weight: Constant) -> Result<(), ErrorKind> {
        let bad = |what: String| ErrorKind::Onnx(format!("{} {what}", node.place()));
        let shape = self.tensors[weight.tensor].shape.clone();
        let [out, per_group, height, width] = shape[..] else {
            return Err(bad(format!("has a weight of the shape {shape:?}, and images need four axes")));
        };
        let groups = node.int("group", 1)?;
        let groups = usize::try_from(groups).ok().filter(|groups| *groups > 0 && out.is_multiple_of(*groups));
        let groups = groups.ok_or_else(|| bad("has groups that do not divide its outputs".to_owned()))?;
        let sizes = Sizes {
            kind: UnitKind::Conv,
            out,
            per_group,
            kernel: [height, width],
            stride: node.pair("strides")?,
            dilation: node.pair("dilations")?,
            groups,
        };
        let bias = node.input(2).map(|name| self.named(node, name)).transpose()?;
        let weight = self.floats(weight)?;
        self.push(node, 1, sizes.normal(), weight, bias, None)
    }

    /// `[in, out]` as MatMul has it, or as Gemm says.
    fn linear(&mut self, node: &Node<'a>, weight: Constant) -> Result<(), ErrorKind> {
        let mut values = self.floats(weight)?;
        let mut shape = self.tensors[weight.tensor].shape.clone();
        if weight.transposed {
            shape.reverse();
        }
        let [mut out, mut input] = shape[..] else { return Ok(()) };
        let gemm = node.op == "Gemm";
        if !(gemm && node.int("transB", 0)? != 0) {
            values = transposed(&values, out, input);
            (out, input) = (input, out);
        }
        let scaled = node.float("alpha", 1.0)? != 1.0 || node.float("beta", 1.0)? != 1.0;
        if gemm && (scaled || node.int("transA", 0)? != 0) {
            return Err(ErrorKind::Onnx(format!("{} scales or transposes, which is not read", node.place())));
        }
        let bias = match node.input(2) {
            Some(name) if gemm => Some(self.named(node, name)?),
            _ => None,
        };
        self.push(node, 1, Sizes::linear(out, input), values, bias, None)
    }

    /// A constant that is added to what a linear layer without bias gives is its bias; whether that is so.
    fn bias(&mut self, node: &Node<'a>, of: usize, constant: usize) -> Result<bool, ErrorKind> {
        let (Some(x), Some(name)) = (node.input(of), node.input(constant)) else { return Ok(false) };
        let (Some(&unit), Some(&bias)) = (self.direct.get(x), self.constants.get(name)) else {
            return Ok(false);
        };
        let out = self.units[unit].sizes.out;
        let free = self.units[unit].bias.is_none() && self.units[unit].norm.is_none();
        if !free || self.tensors[bias.tensor].shape != [out] || self.readers.get(x) != Some(&1) {
            return Ok(false);
        }
        self.units[unit].bias = Some(self.floats(bias)?);
        // A linear layer's weight is renamed where it is transposed, its bias is not.
        let name = self.tensors[bias.tensor].name;
        if name.ends_with(".bias") && !self.names[unit].is_some_and(|(name, _)| name.ends_with(".weight")) {
            self.names[unit] = Some((name, ".bias"));
        }
        let made = self.values.get(x).cloned().unwrap_or_default();
        for output in &node.outputs {
            self.values.insert(output, made.clone());
            self.direct.insert(output, unit);
        }
        Ok(true)
    }

    fn batch_norm(&mut self, node: &Node<'a>) -> Result<(), ErrorKind> {
        let mut all = vec![];
        for place in 1..5 {
            let missing = || ErrorKind::Onnx(format!("{} has too few inputs", node.place()));
            let name = node.input(place).ok_or_else(missing)?;
            all.push(self.named(node, name)?);
        }
        let [weight, bias, mean, var] = <[Vec<f32>; 4]>::try_from(all).unwrap_or_default();
        let channels = weight.len();
        if [&bias, &mean, &var].iter().any(|values| values.len() != channels) {
            return Err(ErrorKind::Onnx(format!("{} has values for different channels", node.place())));
        }
        let norm = Norm { weight, bias, mean, var, eps: f64::from(node.float("epsilon", 1e-5)?) };
        let x = node.input(0).unwrap_or_default();
        let before = self.direct.get(x).copied().filter(|_| self.readers.get(x) == Some(&1));
        match before {
            Some(unit) if self.units[unit].norm.is_none() && self.units[unit].sizes.out == channels => {
                self.units[unit].norm = Some(norm);
                let made = self.values.get(x).cloned().unwrap_or_default();
                self.values.extend(node.outputs.first().map(|output| (*output, made)));
                Ok(())
            }
            _ => {
                let sizes = Sizes::by_channel(UnitKind::Conv, channels);
                self.push(node, 1, sizes, vec![1.0; channels], None, Some(norm))
            }
        }
    }

    /// Adds a unit that reads the node's first input; its name is that of the weight among the inputs.
    fn push(
        &mut self,
        node: &Node<'a>,
        weight_at: usize,
        sizes: Sizes,
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        norm: Option<Norm>,
    ) -> Result<(), ErrorKind> {
        if bias.as_ref().is_some_and(|bias| bias.len() != sizes.out) {
            return Err(ErrorKind::Onnx(format!("{} has a bias for other channels", node.place())));
        }
        let read = node.input(0).and_then(|name| self.values.get(name)).cloned().unwrap_or_default();
        let reads = self.tracer.keep(&read)?;
        let constant = node.input(weight_at).and_then(|name| self.constants.get(name));
        let name = constant.map(|constant| (self.tensors[constant.tensor].name, ".weight"));
        self.units.push(Unit { place: node.place(), module: None, sizes, weight, bias, norm, reads });
        self.names.push(name);
        let unit = self.units.len() - 1;
        let made = Tracer::of(unit);
        for output in &node.outputs {
            self.values.insert(output, made.clone());
            self.direct.insert(output, unit);
        }
        Ok(())
    }
}

/// `[rows, columns]` as `[columns, rows]`.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}
