//! The nodes of an ONNX network that have weights, and what each of them reads.

use super::acts;
use super::file::{File, Node};
use super::tensor::Tensor;
use crate::weights::ErrorKind;
use crate::weights::budget::Budget;
use crate::weights::exported::{IMAGE, Norm, Sizes, Sources, Tracer, Unit, UnitKind};
use crate::weights::probe::Probes;
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
pub struct Constant {
    /// Its place.
    pub tensor: usize,
    /// Whether rows and columns change places.
    pub transposed: bool,
}

/// A network as it is followed.
pub struct Network<'a> {
    /// Initialisers and constants.
    pub tensors: Vec<Tensor<'a>>,
    /// Constants by name.
    pub constants: HashMap<&'a str, Constant>,
    /// Constants that come out of integers.
    quantised: HashSet<&'a str>,
    /// What each value is made of.
    pub values: HashMap<&'a str, Sources>,
    /// The unit whose own output a value is.
    pub direct: HashMap<&'a str, usize>,
    /// How many nodes read a value.
    pub readers: HashMap<&'a str, usize>,
    tracer: Tracer,
    /// The numbers that tell activations.
    pub probes: Probes<'a>,
    budget: Budget,
    /// What was found.
    pub units: Vec<Unit>,
    /// Of each unit, the name of its weight or bias.
    pub names: Vec<Option<(&'a str, &'static str)>>,
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
        probes: Probes::default(),
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
    for (place, unit) in network.units.iter_mut().enumerate() {
        unit.behind = network.probes.behind(place);
    }
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
        self.act(node)?;
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

    /// Follows the numbers that tell activations.
    fn act(&mut self, node: &Node<'a>) -> Result<(), ErrorKind> {
        let (tensors, constants, budget) = (&self.tensors, &self.constants, &mut self.budget);
        let mut number = |name: Option<&'a str>| {
            let tensor = &tensors[constants.get(name?)?.tensor];
            let one = tensor.shape.iter().all(|side| *side == 1) && tensor.is_float();
            let values = if one { tensor.floats(budget).ok()? } else { vec![] };
            values.first().map(|value| f64::from(*value))
        };
        acts::follow(node, &mut self.probes, &mut number)
    }

    /// The outputs of a node are a constant.
    fn also(&mut self, node: &Node<'a>, constant: Constant) -> Result<(), ErrorKind> {
        self.constants.extend(node.outputs.iter().map(|output| (*output, constant)));
        Ok(())
    }

    /// The values of a constant.
    pub fn floats(&mut self, constant: Constant) -> Result<Vec<f32>, ErrorKind> {
        let tensor = &self.tensors[constant.tensor];
        let values = tensor.floats(&mut self.budget)?;
        match (constant.transposed, tensor.shape.as_slice()) {
            (true, [rows, columns]) => Ok(transposed(&values, *rows, *columns)),
            _ => Ok(values),
        }
    }

    /// The values of an input that must be a constant.
    pub fn named(&mut self, node: &Node, name: &str) -> Result<Vec<f32>, ErrorKind> {
        match self.constants.get(name).copied() {
            Some(constant) => self.floats(constant),
            None if self.quantised.contains(name) => Err(ErrorKind::Quantised { place: node.place() }),
            None => Err(ErrorKind::Onnx(format!("{} reads values that are no constant", node.place()))),
        }
    }

    /// Adds a unit that reads the node's first input; its name is that of the weight among the inputs.
    pub fn push(
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
        node.inputs.iter().for_each(|input| self.probes.end(input));
        let read = node.input(0).and_then(|name| self.values.get(name)).cloned().unwrap_or_default();
        let reads = self.tracer.keep(&read)?;
        let constant = node.input(weight_at).and_then(|name| self.constants.get(name));
        let name = constant.map(|constant| (self.tensors[constant.tensor].name, ".weight"));
        self.units.push(Unit {
            place: node.place(),
            module: None,
            sizes,
            weight,
            bias,
            norm,
            reads,
            behind: None,
        });
        self.names.push(name);
        let unit = self.units.len() - 1;
        let made = Tracer::of(unit);
        for output in &node.outputs {
            self.values.insert(output, made.clone());
            self.direct.insert(output, unit);
            self.probes.start(unit, output);
        }
        Ok(())
    }
}

/// `[rows, columns]` as `[columns, rows]`.
pub fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}
