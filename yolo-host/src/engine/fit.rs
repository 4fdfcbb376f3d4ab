//! A program for pictures of one size: how large each buffer is, and which memory it has while it is needed.

use super::program::{Program, Work};
use crate::graph::{Graph, NodeError};

/// Sizes and memory.
#[derive(Debug)]
pub struct Fit {
    /// The shape of every node's tensor.
    pub shapes: Vec<Vec<usize>>,
    /// Numbers of each buffer, and the slot that it lies in.
    pub lens: Vec<usize>,
    /// See there.
    pub slots: Vec<usize>,
    /// Numbers of each slot.
    pub sizes: Vec<usize>,
}

impl Fit {
    /// Fits a program; a slot is used again as soon as nobody reads it any more.
    pub fn new(graph: &Graph, program: &Program, shape: [usize; 4]) -> Result<Self, NodeError> {
        let shapes = graph.shapes(&shape)?;
        let len = |buffer: &super::program::Buffer| match shapes[buffer.node].as_slice() {
            [n, _, h, w] => n * h * w * buffer.channels,
            shape => shape.iter().product(),
        };
        let lens: Vec<usize> = program.buffers.iter().map(len).collect();
        let mut last = vec![0; lens.len()];
        for (i, step) in program.steps.iter().enumerate() {
            last[step.writes] = i;
            step.reads.iter().for_each(|buffer| last[*buffer] = i);
        }
        program.outputs.iter().for_each(|buffer| last[*buffer] = program.steps.len());
        let (mut slots, mut sizes, mut free) = (vec![0; lens.len()], vec![], Vec::<usize>::new());
        for (i, step) in program.steps.iter().enumerate() {
            let needed = lens[step.writes];
            // The smallest that is large enough, or else the largest, which grows.
            let best = |slot: &usize| {
                let size: usize = sizes[*slot];
                (size < needed, if size < needed { usize::MAX - size } else { size })
            };
            let found = match free.iter().copied().min_by_key(best) {
                Some(slot) if !matches!(step.work, Work::Parameter(_)) => {
                    free.retain(|other| *other != slot);
                    slot
                }
                _ => {
                    sizes.push(0);
                    sizes.len() - 1
                }
            };
            slots[step.writes] = found;
            sizes[found] = sizes[found].max(needed);
            let mut done: Vec<usize> = step.reads.iter().copied().chain([step.writes]).collect();
            done.sort_unstable();
            done.dedup();
            free.extend(done.iter().filter(|buffer| last[**buffer] == i).map(|buffer| slots[*buffer]));
        }
        Ok(Fit { shapes, lens, slots, sizes })
    }
}
