//! Layers and blobs as they are emitted, and the two files of them: `.param`, text, and `.bin`, the weights in the layers' order.

use half::f16;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A tensor, by its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob(usize);

/// A layer's parameter.
#[derive(Clone, Debug)]
pub enum Param {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// Integers.
    Ints(Vec<i64>),
    /// Floats.
    Floats(Vec<f64>),
}

#[derive(Debug)]
struct Layer {
    kind: &'static str,
    name: String,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    params: Vec<(i32, Param)>,
    data: Vec<u8>,
}

/// A network that grows.
#[derive(Debug)]
pub struct Writer {
    /// Whether weights have 16 bits.
    pub half: bool,
    layers: Vec<Layer>,
    /// Sizes of every blob, the innermost last: `[channels, height, width]`, or fewer axes.
    dims: Vec<Vec<usize>>,
    names: BTreeMap<String, usize>,
}

/// The text of `.param`, and the bytes of `.bin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Layers.
    pub param: String,
    /// Weights.
    pub bin: Vec<u8>,
}

/// The first line of every `.param`.
pub const MAGIC: &str = "7767517";

/// The blob of the images.
const INPUT: &str = "in0";

/// What stands before weights of 16 bits.
const HALF: u32 = 0x0130_6b47;

impl Writer {
    /// An empty network.
    pub fn new(half: bool) -> Self {
        Writer { half, layers: vec![], dims: vec![], names: BTreeMap::new() }
    }

    /// A blob's sizes.
    pub fn dims(&self, blob: Blob) -> &[usize] {
        &self.dims[blob.0]
    }

    /// Adds a layer with one output of these sizes.
    pub fn layer(
        &mut self,
        kind: &'static str,
        inputs: &[Blob],
        params: &[(i32, Param)],
        dims: &[usize],
    ) -> Blob {
        self.layers(kind, inputs, params, &[dims.to_vec()])[0]
    }

    /// Adds a layer with several outputs.
    pub fn layers(
        &mut self,
        kind: &'static str,
        inputs: &[Blob],
        params: &[(i32, Param)],
        outputs: &[Vec<usize>],
    ) -> Vec<Blob> {
        let count = self.names.entry(kind.to_lowercase()).or_default();
        let name = format!("{}_{count}", kind.to_lowercase());
        *count += 1;
        self.push(kind, name, inputs, params, outputs)
    }

    /// Adds a layer under a name of its own, such as that of a module; its weights follow by [`Self::weights`] and
    /// [`Self::floats`].
    pub fn named(
        &mut self,
        kind: &'static str,
        name: &str,
        inputs: &[Blob],
        params: &[(i32, Param)],
        dims: &[usize],
    ) -> Blob {
        self.push(kind, name.to_string(), inputs, params, &[dims.to_vec()])[0]
    }

    fn push(
        &mut self,
        kind: &'static str,
        name: String,
        inputs: &[Blob],
        params: &[(i32, Param)],
        outputs: &[Vec<usize>],
    ) -> Vec<Blob> {
        let first = self.dims.len();
        self.dims.extend_from_slice(outputs);
        let blobs: Vec<usize> = (first..self.dims.len()).collect();
        self.layers.push(Layer {
            kind,
            name,
            inputs: inputs.iter().map(|blob| blob.0).collect(),
            outputs: blobs.clone(),
            params: params.to_vec(),
            data: vec![],
        });
        blobs.into_iter().map(Blob).collect()
    }

    /// Weights of the last layer, which may have 16 bits.
    pub fn weights(&mut self, values: &[f32]) {
        let mut bytes = vec![];
        if self.half {
            bytes.extend(HALF.to_le_bytes());
            bytes.extend(values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        } else {
            bytes.extend(0u32.to_le_bytes());
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        self.data(bytes);
    }

    /// Numbers of the last layer that have 32 bits always.
    pub fn floats(&mut self, values: &[f32]) {
        self.data(values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    fn data(&mut self, bytes: Vec<u8>) {
        if let Some(layer) = self.layers.last_mut() {
            layer.data.extend(bytes);
        }
    }

    /// The files that compute these blobs, `out0`, `out1`, …. What none of them needs is left out, and a blob that several read
    /// is split, since ncnn lets go of a blob when it has been read.
    pub fn finish(self, outputs: &[Blob]) -> Files {
        let needed = self.needed(outputs);
        let mut readers = vec![0; self.dims.len()];
        let read =
            needed.iter().flat_map(|layer| &layer.inputs).copied().chain(outputs.iter().map(|blob| blob.0));
        read.for_each(|blob| readers[blob] += 1);

        let mut names = Names { unread: vec![vec![]; self.dims.len()], count: 0 };
        let (mut lines, mut bin) = (vec![], vec![]);
        for layer in needed {
            let inputs: Vec<String> = layer.inputs.iter().map(|blob| names.next(*blob)).collect();
            let (mut made, mut splits) = (vec![], vec![]);
            for &blob in &layer.outputs {
                let places = outputs.iter().enumerate().filter(|(_, output)| output.0 == blob);
                let mut readable: Vec<String> = places.map(|(place, _)| format!("out{place}")).collect();
                let given = readable.len();
                let is_input = layer.kind == "Input";
                if readers[blob] > 1 || (is_input && given > 0) {
                    let from = if is_input { INPUT.to_string() } else { names.fresh() };
                    readable.extend((given..readers[blob]).map(|_| names.fresh()));
                    names.unread[blob] = readable.split_off(given);
                    splits.push((from.clone(), [readable, names.unread[blob].clone()].concat()));
                    made.push(from);
                } else {
                    let name =
                        readable.pop().unwrap_or_else(|| if is_input { INPUT.into() } else { names.fresh() });
                    names.unread[blob] = vec![name.clone()];
                    made.push(name);
                }
            }
            let params: Vec<String> = layer.params.iter().map(|(id, value)| text(*id, value)).collect();
            lines.push(line(layer.kind, &layer.name, &inputs, &made, &params));
            bin.extend_from_slice(&layer.data);
            for (from, copies) in splits {
                let name = format!("splitncnn_{from}");
                lines.push(line("Split", &name, &[from], &copies, &[]));
            }
        }
        let blobs: usize = lines.iter().map(|(_, made)| made).sum();
        let body: String = lines.iter().map(|(text, _)| format!("{text}\n")).collect();
        Files { param: format!("{MAGIC}\n{} {blobs}\n{body}", lines.len()), bin }
    }

    /// The layers that the outputs need, in their order; the first is the input.
    fn needed(&self, outputs: &[Blob]) -> Vec<&Layer> {
        let mut wanted = vec![false; self.dims.len()];
        outputs.iter().for_each(|blob| wanted[blob.0] = true);
        let mut needed = vec![];
        for layer in self.layers.iter().rev() {
            if layer.kind == "Input" || layer.outputs.iter().any(|blob| wanted[*blob]) {
                layer.inputs.iter().for_each(|blob| wanted[*blob] = true);
                needed.push(layer);
            }
        }
        needed.reverse();
        needed
    }
}

/// Under which names every blob can still be read, each once.
struct Names {
    unread: Vec<Vec<String>>,
    count: usize,
}

impl Names {
    fn fresh(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }

    fn next(&mut self, blob: usize) -> String {
        let unread = &mut self.unread[blob];
        if unread.is_empty() { String::new() } else { unread.remove(0) }
    }
}

/// A line, and how many blobs it makes.
fn line(kind: &str, name: &str, inputs: &[String], outputs: &[String], params: &[String]) -> (String, usize) {
    let mut line = format!("{kind:<24} {name:<24} {} {}", inputs.len(), outputs.len());
    for word in inputs.iter().chain(outputs).chain(params) {
        let _ = write!(line, " {word}");
    }
    (line, outputs.len())
}

fn text(id: i32, value: &Param) -> String {
    let list = |items: Vec<String>| format!("{}={},{}", -23300 - id, items.len(), items.join(","));
    match value {
        Param::Int(value) => format!("{id}={value}"),
        Param::Float(value) => format!("{id}={:?}", *value as f32),
        Param::Ints(values) => list(values.iter().map(i64::to_string).collect()),
        Param::Floats(values) => list(values.iter().map(|value| format!("{:?}", *value as f32)).collect()),
    }
}
