//! Which convolutions are computed in whole numbers, and which tensors are given in them.

use super::Runtime;
use super::net::{Net, Role};
use super::numbers::Steps;
use crate::exec::engine::is_rounded;
use crate::export::onnx::writer::Writer;
use std::collections::BTreeMap;
use yolo_kernels::infer::MAX_INT8_TERMS;

/// What was chosen.
#[derive(Debug)]
pub struct Choice {
    /// Of each node, whether it is a convolution in whole numbers.
    pub convs: Vec<bool>,
    /// The steps of each tensor that is given in them.
    pub steps: Vec<Option<Steps>>,
}

impl Choice {
    /// Convolutions are chosen as the engine does; depthwise ones besides, since all between them would have to leave 8 bits
    /// and come back.
    pub fn new(w: &Writer, net: &Net, runtime: Runtime, outputs: &[String]) -> Self {
        let shapes: BTreeMap<&str, &[i64]> = w
            .constants
            .iter()
            .filter_map(|tensor| Some((tensor.name.as_deref()?, &tensor.dims[..])))
            .collect();
        let mut choice = Choice { convs: vec![], steps: vec![None; net.names.len()] };
        let within = |tensor: usize| Steps::over(net.range(tensor)?, runtime.signed());
        for (item, node) in net.items.iter().zip(&w.nodes) {
            let shape = node.input.get(1).and_then(|name| shapes.get(name.as_str()));
            let chosen = match (item.role, shape, item.reads.as_slice(), item.writes.as_slice()) {
                (Role::Conv, Some([cout, cin, kh, kw]), [x], [y]) => {
                    let group = node.attribute.iter().find(|a| a.name.as_deref() == Some("group"));
                    let groups = group.and_then(|group| group.i).unwrap_or(1);
                    let depthwise = groups > 1 && groups == *cout;
                    let last = outputs.contains(&net.names[*y]);
                    let size = |sizes: &[&i64]| sizes.iter().map(|size| **size as usize).product::<usize>();
                    (depthwise || is_rounded(size(&[cin]), last))
                        && size(&[cin, kh, kw]) <= MAX_INT8_TERMS
                        && within(*x).is_some()
                        && (runtime != Runtime::OnnxRuntime || within(*y).is_some())
                }
                _ => false,
            };
            choice.convs.push(chosen);
        }
        choice.tensors(net, runtime, &within);
        choice
    }

    fn tensors(&mut self, net: &Net, runtime: Runtime, within: &dyn Fn(usize) -> Option<Steps>) {
        let everywhere = runtime == Runtime::OnnxRuntime;
        for (item, _) in net.items.iter().zip(&self.convs).filter(|(_, chosen)| **chosen) {
            for x in &item.reads {
                self.steps[*x] = within(*x);
            }
            if everywhere {
                for y in &item.writes {
                    let only = match net.readers[*y].as_slice() {
                        [next] if net.items[*next].role == Role::Cuts => net.items[*next].writes[0],
                        _ => *y,
                    };
                    let given = if within(only).is_some() { only } else { *y };
                    self.steps[given] = within(given);
                }
            }
        }
        // Back from what convolutions read, last nodes first: so each tensor is known before those that it is made of.
        for item in net.items.iter().rev() {
            let wanted = item.writes.iter().any(|y| self.steps[*y].is_some());
            let through = match item.role {
                Role::Moves | Role::Joins => true,
                Role::Combines => everywhere,
                Role::Conv | Role::Cuts | Role::Gates | Role::Computes | Role::Averages | Role::Other => {
                    false
                }
            };
            if wanted && through {
                for x in item.reads.iter().filter(|x| net.comes_from(&self.convs, **x)) {
                    self.steps[*x] = self.steps[*x].or_else(|| within(*x));
                }
            }
        }
        if everywhere {
            self.between(net, within);
        }
    }

    /// What ONNX Runtime computes in whole numbers besides: gates, means, and products and sums whose result is wanted.
    fn between(&mut self, net: &Net, within: &dyn Fn(usize) -> Option<Steps>) {
        for item in &net.items {
            let given = item.reads.iter().any(|x| self.steps[*x].is_some());
            let wanted = item.writes.iter().any(|y| self.steps[*y].is_some());
            match item.role {
                Role::Gates if given => {
                    item.writes.iter().for_each(|y| self.steps[*y] = Some(Steps::up_to(1.0)))
                }
                Role::Averages if given => item.writes.iter().for_each(|y| self.steps[*y] = within(*y)),
                Role::Combines if given && wanted => {
                    for x in &item.reads {
                        self.steps[*x] = self.steps[*x].or_else(|| within(*x));
                    }
                }
                Role::Conv | Role::Moves | Role::Joins | Role::Cuts | Role::Computes | Role::Other => {}
                Role::Gates | Role::Averages | Role::Combines => {}
            }
        }
    }
}
