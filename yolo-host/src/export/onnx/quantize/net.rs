//! The written nodes as a graph of numbered tensors, and which of these must share their steps.

use crate::export::onnx::writer::Writer;
use std::collections::BTreeMap;

/// What a node does with numbers of 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A convolution.
    Conv,
    /// Gives its first input's numbers another place.
    Moves,
    /// Puts its inputs side by side.
    Joins,
    /// Adds or multiplies its inputs.
    Combines,
    /// Cuts its first input off: numbers of 8 bits do that by themselves.
    Cuts,
    /// A function of its first input whose values are from 0 to 1.
    Gates,
    /// Another function of its first input.
    Computes,
    /// The mean of its first input over height and width.
    Averages,
    /// Anything else.
    Other,
}

/// A node by the numbers of its tensors.
#[derive(Debug)]
pub struct Item {
    /// What it does.
    pub role: Role,
    /// The tensors that it computes with; neither constants nor sizes.
    pub reads: Vec<usize>,
    /// Those that it makes.
    pub writes: Vec<usize>,
}

/// All nodes.
#[derive(Debug)]
pub struct Net {
    /// In running order.
    pub items: Vec<Item>,
    /// Each tensor's name.
    pub names: Vec<String>,
    /// The node that makes each tensor.
    pub maker: Vec<Option<usize>>,
    /// The nodes that read it.
    pub readers: Vec<Vec<usize>>,
    ranges: Vec<Option<[f32; 2]>>,
    /// A tensor that shares its steps with this one, or itself.
    like: Vec<usize>,
}

impl Net {
    /// Numbers what was written, with the ranges that are known by name.
    pub fn new(w: &Writer, known: &BTreeMap<&str, [f32; 2]>) -> Self {
        let constants: BTreeMap<&str, ()> =
            w.constants.iter().filter_map(|constant| Some((constant.name.as_deref()?, ()))).collect();
        let mut net = Net {
            items: vec![],
            names: vec![],
            maker: vec![],
            readers: vec![],
            ranges: vec![],
            like: vec![],
        };
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, node) in w.nodes.iter().enumerate() {
            let mode = node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some("mode"));
            let nearest = mode.is_some_and(|mode| mode.s.as_deref() == Some(b"nearest"));
            let role = match node.op_type.as_deref().unwrap_or_default() {
                "Conv" => Role::Conv,
                "MaxPool" | "Reshape" | "Slice" | "Transpose" => Role::Moves,
                "Resize" if nearest => Role::Moves,
                "Concat" => Role::Joins,
                "Add" | "Mul" => Role::Combines,
                "Relu" | "Clip" => Role::Cuts,
                "Sigmoid" | "HardSigmoid" => Role::Gates,
                "LeakyRelu" | "Tanh" | "Mish" | "HardSwish" => Role::Computes,
                "GlobalAveragePool" => Role::Averages,
                _ => Role::Other,
            };
            let several = matches!(role, Role::Joins | Role::Combines | Role::Other);
            let inputs = node.input.iter().take(if several { usize::MAX } else { 1 });
            let tensors = inputs.filter(|name| !name.is_empty() && !constants.contains_key(name.as_str()));
            let mut number = |name| *numbers.entry(name).or_insert_with(|| net.add(name, known));
            let reads: Vec<usize> = tensors.map(|name| number(name)).collect();
            let writes: Vec<usize> = node.output.iter().map(|name| number(name)).collect();
            reads.iter().for_each(|tensor| net.readers[*tensor].push(place));
            for tensor in &writes {
                net.maker[*tensor] = Some(place);
                if role == Role::Gates {
                    net.ranges[*tensor] = Some([0.0, 1.0]);
                }
            }
            net.items.push(Item { role, reads, writes });
        }
        net.share();
        net
    }

    fn add(&mut self, name: &str, known: &BTreeMap<&str, [f32; 2]>) -> usize {
        self.names.push(name.into());
        self.maker.push(None);
        self.readers.push(vec![]);
        self.ranges.push(known.get(name).copied());
        self.like.push(self.like.len());
        self.like.len() - 1
    }

    /// What moves keeps its steps. What is put side by side has the same steps, too, so that it is copied; save where only some
    /// of it has negative numbers: the others need zero at the lowest step, which then cuts them off.
    fn share(&mut self) {
        for place in 0..self.items.len() {
            if let Item { role: Role::Moves, reads, writes } = &self.items[place]
                && let [x, ys @ ..] = [reads.as_slice(), writes].concat().as_slice()
            {
                ys.iter().for_each(|y| self.unite(*x, *y));
            }
        }
        for place in 0..self.items.len() {
            let Item { role: Role::Joins, reads, writes } = &self.items[place] else { continue };
            let [reads, writes] = [reads.clone(), writes.clone()];
            let negative = |net: &Net, tensor: usize| net.range(tensor).map(|[low, _]| low < 0.0);
            for (x, y) in reads.iter().flat_map(|x| writes.iter().map(move |y| (*x, *y))) {
                if negative(self, x) == negative(self, y) {
                    self.unite(x, y);
                }
            }
        }
    }

    fn first(&self, mut tensor: usize) -> usize {
        while self.like[tensor] != tensor {
            tensor = self.like[tensor];
        }
        tensor
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        if a != b {
            let ranges = [self.ranges[a], self.ranges[b]].into_iter().flatten();
            self.ranges[a] = ranges.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
            self.like[b] = a;
        }
    }

    /// The range of a tensor and all that share its steps.
    pub fn range(&self, tensor: usize) -> Option<[f32; 2]> {
        self.ranges[self.first(tensor)]
    }

    /// Whether a tensor comes from these convolutions alone, on ways that have numbers of 8 bits.
    pub fn comes_from(&self, convs: &[bool], tensor: usize) -> bool {
        // Nodes stand in running order: every step goes back.
        let mut open = vec![tensor];
        let mut seen = vec![false; self.names.len()];
        while let Some(tensor) = open.pop() {
            if std::mem::replace(&mut seen[tensor], true) {
                continue;
            }
            let Some(place) = self.maker[tensor] else { return false };
            match self.items[place].role {
                _ if convs[place] => {}
                Role::Conv | Role::Other => return false,
                Role::Averages => {}
                Role::Moves | Role::Joins | Role::Combines | Role::Cuts | Role::Gates | Role::Computes => {
                    open.extend(&self.items[place].reads);
                }
            }
        }
        true
    }
}
