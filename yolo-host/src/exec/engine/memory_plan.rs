//! A program for images of one size: how large each buffer is, and which memory it has while it is needed.

use super::program::Program;
use crate::graph::{Graph, NodeError};

/// How the buffers of a program share memory.
#[derive(Debug)]
pub struct MemoryPlan {
    /// The shape of every node's tensor.
    pub shapes: Vec<Vec<usize>>,
    /// Elements of each buffer.
    pub lens: Vec<usize>,
    /// The slot that each buffer lies in.
    pub slots: Vec<usize>,
    /// Elements of each slot.
    pub sizes: Vec<usize>,
}

impl MemoryPlan {
    /// Fits a program; a slot is used again as soon as nobody reads it any more.
    pub fn new(graph: &Graph, program: &Program, shape: [usize; 4]) -> Result<Self, NodeError> {
        let shapes = graph.shapes(&shape)?;
        let len = |buffer: &super::program::Buffer| match shapes[buffer.node].as_slice() {
            // Some of a map's channels, or more: their number is the same for every size, as that of tokens is not.
            [n, _, h, w] if buffer.channels != graph.nodes[buffer.node].shape[1] => {
                n * h * w * buffer.channels
            }
            shape => shape.iter().product(),
        };
        let lens: Vec<usize> = program.buffers.iter().map(len).collect();
        // From the step that writes a buffer to the last that reads it.
        let mut lives = vec![(0, 0); lens.len()];
        for (i, step) in program.steps.iter().enumerate() {
            lives[step.writes] = (i, i);
            step.reads.iter().for_each(|buffer| lives[*buffer].1 = i);
        }
        program.outputs.iter().for_each(|buffer| lives[*buffer].1 = program.steps.len());
        // The largest first: what comes later fits in.
        let mut order: Vec<usize> = (0..lens.len()).collect();
        order.sort_by_key(|buffer| std::cmp::Reverse(lens[*buffer]));
        let (mut slots, mut sizes, mut taken) =
            (vec![0; lens.len()], vec![], Vec::<Vec<(usize, usize)>>::new());
        for buffer in order {
            let (from, to) = lives[buffer];
            let free =
                |taken: &Vec<(usize, usize)>| taken.iter().all(|(first, last)| to < *first || *last < from);
            let slot = taken.iter().position(free).unwrap_or(taken.len());
            if slot == taken.len() {
                sizes.push(lens[buffer]);
                taken.push(vec![]);
            }
            taken[slot].push((from, to));
            slots[buffer] = slot;
        }
        Ok(MemoryPlan { shapes, lens, slots, sizes })
    }
}
