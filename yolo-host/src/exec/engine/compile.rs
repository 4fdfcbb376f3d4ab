//! From units to steps over buffers: made once a model.

use super::Arithmetic;
use super::fold::{Kind, Unit, units};
use super::layout::{Channel, Run, join, pairs, runs, whole};
use super::program::{Buffer, Program, Step, Work};
use crate::exec::primitive::from_rows as in_memory;
use crate::graph::{Graph, Node, Op, Pool, Upsample, ValueId, primitive};
use crate::model::State;
use yolo_kernels::infer::{Conv, Depthwise, Layer};
use yolo_kernels::{Isa, Window};

/// Where a tensor is.
#[derive(Clone, Debug)]
enum Value {
    Map(Vec<Channel>),
    Flat(usize),
}

/// Channels of a map; of another tensor the sizes of its last axis.
fn channels(shape: &[usize]) -> usize {
    if shape.len() == 4 { shape[1] } else { shape.last().copied().unwrap_or(1) }
}

struct Maker<'a> {
    isa: Isa,
    arithmetic: Arithmetic<'a>,
    wanted: &'a [ValueId],
    graph: &'a Graph,
    state: &'a State,
    values: Vec<Option<Value>>,
    program: Program,
}

/// The program of a graph whose tensors `wanted` are read. The weights of convolutions are taken from the state.
pub fn program(
    graph: &Graph,
    state: &mut State,
    wanted: &[ValueId],
    isa: Isa,
    arithmetic: Arithmetic,
) -> Program {
    let units = units(graph, state, wanted);
    let program = Program { steps: vec![], buffers: vec![], outputs: vec![] };
    let mut maker =
        Maker { isa, arithmetic, wanted, graph, state, values: vec![None; graph.nodes.len()], program };
    for unit in units {
        let mut value = maker.unit(&unit);
        for node in unit.twins.iter().rev() {
            if let Value::Map(channel_map) = &mut value {
                let own = channel_map.split_off(channel_map.len() - channels(&graph.nodes[*node].shape));
                maker.values[*node] = Some(Value::Map(own));
            }
        }
        maker.values[unit.node] = Some(value);
    }
    maker.program.outputs = wanted.iter().map(|value| maker.together(value.0)).collect();
    maker.program
}

impl Maker<'_> {
    fn buffer(&mut self, node: usize, channels: usize) -> usize {
        self.program.buffers.push(Buffer { node, channels });
        self.program.buffers.len() - 1
    }

    fn step(&mut self, node: usize, work: Work, reads: Vec<usize>, channels: usize) -> usize {
        let writes = self.buffer(node, channels);
        self.program.steps.push(Step { node, work, reads, writes });
        writes
    }

    fn channel_map(&self, node: usize) -> Vec<Channel> {
        match &self.values[node] {
            Some(Value::Map(channel_map)) => channel_map.clone(),
            Some(Value::Flat(buffer)) => whole(*buffer, self.program.buffers[*buffer].channels),
            None => vec![],
        }
    }

    /// The buffer that holds a tensor and nothing else, in its order; made if there is none.
    fn together(&mut self, node: usize) -> usize {
        let channel_map = match &self.values[node] {
            Some(Value::Map(channel_map)) => channel_map.clone(),
            Some(Value::Flat(buffer)) => return *buffer,
            None => return 0,
        };
        let joined = join(&channel_map);
        if let [run] = joined.as_slice()
            && run.len == self.program.buffers[run.buffer].channels
        {
            return run.buffer;
        }
        let reads = joined.iter().map(|run| run.buffer).collect();
        let buffer = self.step(node, Work::Gather(joined), reads, channel_map.len());
        self.values[node] = Some(Value::Map(whole(buffer, channel_map.len())));
        buffer
    }

    fn unit(&mut self, unit: &Unit) -> Value {
        let node = &self.graph.nodes[unit.node];
        if let Kind::Conv { input, spec, shortcut, .. } = &unit.kind {
            let shortcut = shortcut.map(|value| self.shortcut(value.0));
            let channels = self.graph.nodes[input.0].shape[1];
            let depthwise = spec.groups == channels && node.shape[1] == channels && channels > 1;
            return match depthwise {
                true => self.depthwise(unit),
                false => self.dense(unit, shortcut),
            };
        }
        if let Kind::Scale { input, scale, act } = unit.kind {
            let reads = vec![self.together(input.0), self.together(scale.0)];
            let buffer = self.step(unit.node, Work::Scale(act), reads, node.shape[1]);
            return Value::Map(whole(buffer, node.shape[1]));
        }
        let inputs: Vec<usize> = node.inputs.iter().map(|input| input.0).collect();
        if let Some(value) = self.relabelled(node, &inputs) {
            return value;
        }
        if let (Op::Add, [a, b], 4) = (&node.op, inputs.as_slice(), node.shape.len())
            && self.graph.nodes[*a].shape == self.graph.nodes[*b].shape
        {
            let pairs = pairs(&self.channel_map(*a), &self.channel_map(*b));
            let reads = pairs.iter().flat_map(|(a, b)| [a.buffer, b.buffer]).collect();
            let buffer = self.step(unit.node, Work::Add(pairs), reads, node.shape[1]);
            return Value::Map(whole(buffer, node.shape[1]));
        }
        let reads: Vec<usize> = inputs.iter().map(|input| self.together(*input)).collect();
        let channels = channels(&node.shape);
        let work = match &node.op {
            Op::Input => Work::Input,
            Op::Parameter(id) => {
                let rows = self.state.floats(*id);
                let mut values = vec![0.0; rows.len()];
                in_memory(rows, &node.shape, &mut values);
                Work::Parameter(values)
            }
            Op::Pool(kind, spec) => {
                let window = Window::from(spec);
                match kind {
                    Pool::Max => Work::MaxPool { node: inputs[0], window },
                    Pool::Average => Work::MeanPool { node: inputs[0], window },
                }
            }
            Op::GlobalPool(kind) => Work::GlobalPool(*kind),
            Op::Upsample(scale, Upsample::Nearest) => Work::Upsample { node: inputs[0], scale: *scale },
            // The first two are convolutions by now, if they can be.
            Op::Conv2d { .. } | Op::BatchNorm { .. } | Op::Custom(_) | primitive!() => Work::Other(inputs),
        };
        let buffer = self.step(unit.node, work, reads, channels);
        self.value(unit.node, buffer)
    }

    /// The output of an operation that only gives channels another order, if this is one: nothing is computed then.
    fn relabelled(&mut self, node: &Node, inputs: &[usize]) -> Option<Value> {
        let is_map = node.shape.len() == 4;
        if let (Op::Concat { axis: 1 }, true) = (&node.op, is_map) {
            return Some(Value::Map(inputs.iter().flat_map(|input| self.channel_map(*input)).collect()));
        }
        if let (Op::Slice { axis: 1, start, length }, true) = (&node.op, is_map) {
            return Some(Value::Map(self.channel_map(inputs[0])[*start..start + length].to_vec()));
        }
        if let Op::ChannelShuffle { groups } = node.op {
            let channel_map = self.channel_map(inputs[0]);
            let per_group = channel_map.len() / groups;
            let from = |c: usize| channel_map[c % groups * per_group + c / groups];
            return Some(Value::Map((0..channel_map.len()).map(from).collect()));
        }
        // One number a channel lies the same way in a map and in rows; it is one at every size of images.
        let Op::Reshape(spec) = &node.op else { return None };
        let x = &self.graph.nodes[inputs[0]];
        match (x.shape.as_slice(), node.shape.as_slice()) {
            ([n, c, 1, 1], [m, d]) if (n, c) == (m, d) && matches!(x.op, Op::GlobalPool(_)) => {
                Some(Value::Flat(self.together(inputs[0])))
            }
            ([n, c], [m, d, 1, 1]) if (n, c) == (m, d) && spec.ends_with(&[1, 1]) => {
                Some(Value::Map(self.channel_map(inputs[0])))
            }
            _ => None,
        }
    }

    /// A node's tensor that fills a buffer.
    fn value(&self, node: usize, buffer: usize) -> Value {
        match self.graph.nodes[node].shape.len() {
            4 => Value::Map(whole(buffer, self.program.buffers[buffer].channels)),
            _ => Value::Flat(buffer),
        }
    }

    /// A shortcut is added as one run.
    fn shortcut(&mut self, node: usize) -> Run {
        match join(&self.channel_map(node)).as_slice() {
            [run] => *run,
            _ => {
                let buffer = self.together(node);
                Run { buffer, first: 0, len: self.program.buffers[buffer].channels }
            }
        }
    }

    fn dense(&mut self, unit: &Unit, shortcut: Option<Run>) -> Value {
        let Kind::Conv { input, spec, weight, bias, act, .. } = &unit.kind else { return Value::Flat(0) };
        let window = Window::from(spec);
        let channel_map = self.channel_map(input.0);
        let (cin, cout) = (channel_map.len() / spec.groups, bias.len() / spec.groups);
        let wanted = self.wanted.contains(&ValueId(unit.node));
        let is_map = self.graph.nodes[unit.node].shape.len() == 4;
        let format = self.arithmetic.format(unit.node, cin, wanted).filter(|_| is_map);
        let (mut parts, mut reads) = (vec![], vec![]);
        for group in 0..spec.groups {
            let (found, order) = runs(&channel_map[group * cin..(group + 1) * cin]);
            let size = weight.len() / spec.groups;
            let weight = &weight[group * size..(group + 1) * size];
            let bias = &bias[group * cout..(group + 1) * cout];
            let lens = found.iter().map(|run| run.len).collect();
            reads.extend(found.iter().map(|run| run.buffer));
            let layer = Layer { isa: self.isa, window, weight, bias, lens, order: &order, act: *act };
            parts.push((Conv::new(format, layer), found, group * cout));
        }
        reads.extend(shortcut.map(|run| run.buffer));
        let work = Work::Dense { node: input.0, parts, shortcut };
        let buffer = self.step(unit.node, work, reads, bias.len());
        self.value(unit.node, buffer)
    }

    /// The output has its channels in the order in which the input's lie.
    fn depthwise(&mut self, unit: &Unit) -> Value {
        let Kind::Conv { input, spec, weight, bias, act, .. } = &unit.kind else { return Value::Flat(0) };
        let window = Window::from(spec);
        let (found, order) = runs(&self.channel_map(input.0));
        let (mut parts, mut first) = (vec![], 0);
        for run in &found {
            let order = &order[first..first + run.len];
            parts.push((Depthwise::new(self.isa, window, weight, bias, order, *act), *run, first));
            first += run.len;
        }
        let reads = found.iter().map(|run| run.buffer).collect();
        let work = Work::Depthwise { node: input.0, parts };
        let buffer = self.step(unit.node, work, reads, order.len());
        let mut channel_map = whole(buffer, order.len());
        order.iter().enumerate().for_each(|(channel, number)| channel_map[*number].channel = channel);
        Value::Map(channel_map)
    }
}
