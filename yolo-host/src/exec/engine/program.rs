//! A model as steps over buffers, the same for every size of images.

use super::layout::Run;
use crate::graph::{Act, Pool};
use yolo_kernels::Window;
use yolo_kernels::infer::{Conv, Depthwise};

/// Steps, and what they read and write.
#[derive(Debug)]
pub struct Program {
    /// In running order.
    pub steps: Vec<Step>,
    /// The node whose size each buffer has, and its channels.
    pub buffers: Vec<Buffer>,
    /// The buffers of the tensors that were asked for.
    pub outputs: Vec<usize>,
}

/// A map, or another tensor.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    /// Its batch, height and width (of another tensor also the rest) are those of this node …
    pub node: usize,
    /// … and it has so many channels.
    pub channels: usize,
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// The node whose tensor it makes, or brings together.
    pub node: usize,
    /// What is done.
    pub work: Work,
    /// The buffers that are read.
    pub reads: Vec<usize>,
    /// The buffer that is written.
    pub writes: usize,
}

/// What a step does.
#[derive(Debug)]
pub enum Work {
    /// Images into a map.
    Input,
    /// One convolution for each group, with what it reads and the first channel that it writes.
    Dense { node: usize, parts: Vec<(Conv, Vec<Run>, usize)>, shortcut: Option<Run> },
    /// A depthwise convolution for each run of channels that it reads, with the first channel that it writes.
    Depthwise { node: usize, parts: Vec<(Depthwise, Run, usize)> },
    /// Channels brought together.
    Gather(Vec<Run>),
    /// Channels added, pair by pair.
    Add(Vec<(Run, Run)>),
    /// The greatest of windows; the node that is read.
    MaxPool { node: usize, window: Window },
    /// The mean of windows.
    MeanPool { node: usize, window: Window },
    /// Over height and width.
    GlobalPool(Pool),
    /// act(map · scale), the two buffers that are read.
    Scale(Option<Act>),
    /// Pixels repeated so many times.
    Upsample { node: usize, scale: usize },
    /// The node's operation on whole tensors: the nodes that are read.
    Other(Vec<usize>),
    /// A constant.
    Parameter(Vec<f32>),
}

impl Work {
    /// In a few words.
    pub fn describe(&self) -> String {
        match self {
            Work::Input => "input".into(),
            Work::Dense { parts, .. } => {
                let groups =
                    if parts.len() == 1 { String::new() } else { format!(" of {} groups", parts.len()) };
                let reads = parts.first().map_or(0, |part| part.1.len());
                format!(
                    "{}{groups}, {reads} runs",
                    parts.first().map_or(String::new(), |part| part.0.describe())
                )
            }
            Work::Depthwise { parts, .. } => {
                format!("depthwise {}, {} runs", parts.first().map_or(0, |part| part.0.kernel()), parts.len())
            }
            Work::Gather(runs) => format!("gather of {} runs", runs.len()),
            Work::Add(pairs) => format!("sum of {} runs", pairs.len()),
            Work::MaxPool { .. } => "max pool".into(),
            Work::MeanPool { .. } => "mean pool".into(),
            Work::GlobalPool(_) => "global pool".into(),
            Work::Scale(_) => "scale".into(),
            Work::Upsample { .. } => "upsample".into(),
            Work::Other(_) => "other".into(),
            Work::Parameter(_) => "constant".into(),
        }
    }

    /// Multiply-adds for an output of this shape.
    pub fn macs(&self, shape: &[usize]) -> usize {
        let [batch, height, width] = extent(shape);
        let pixels = batch * height * width;
        match self {
            Work::Dense { parts, .. } => pixels * parts.iter().map(|part| part.0.macs()).sum::<usize>(),
            Work::Depthwise { parts, .. } => pixels * parts.iter().map(|part| part.0.macs()).sum::<usize>(),
            Work::Input | Work::Gather(_) | Work::Add(_) | Work::MaxPool { .. } | Work::MeanPool { .. } => 0,
            Work::GlobalPool(_) | Work::Scale(_) | Work::Upsample { .. } => 0,
            Work::Other(_) | Work::Parameter(_) => 0,
        }
    }
}

/// Batch, height and width of a map; of another tensor all but the last axis is a line of pixels.
pub fn extent(shape: &[usize]) -> [usize; 3] {
    match shape {
        [n, _, h, w] => [*n, *h, *w],
        [rows @ .., _] => [1, 1, rows.iter().product()],
        [] => [1, 1, 1],
    }
}
