//! The graph as steps that training takes: batch norm and the activation behind it as one, and when each tensor is last
//! needed.

use crate::graph::{Act, Graph, Op, ValueId};

/// One step: a node, or two of them.
#[derive(Clone, Debug)]
pub struct Step {
    /// The node whose operation it is.
    pub node: usize,
    /// The activation that a batch norm takes with it.
    pub act: Option<Act>,
    /// The tensor that it makes: that of its last node.
    pub output: usize,
    /// The tensors that it reads.
    pub inputs: Vec<usize>,
    /// Whether a gradient flows through it.
    pub trainable: bool,
    /// Tensors that nobody needs any more when it has run forward …
    pub free_forward: Vec<usize>,
    /// … and when it has run back.
    pub free_backward: Vec<usize>,
    /// Tensors that no later step reads.
    pub free_inference: Vec<usize>,
}

/// The steps of a graph whose tensors `wanted` are read from outside.
pub fn steps(graph: &Graph, wanted: &[ValueId]) -> Vec<Step> {
    let nodes = &graph.nodes;
    let mut users = vec![0usize; nodes.len()];
    let inputs = nodes.iter().flat_map(|node| &node.inputs).chain(wanted);
    inputs.for_each(|input| users[input.0] += 1);

    // The activation that follows a batch norm, if nobody else reads what is between.
    let mut follower = vec![None; nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        if let (Op::Activation(act), [input]) = (&node.op, node.inputs.as_slice())
            && matches!(nodes[input.0].op, Op::BatchNorm { .. })
            && users[input.0] == 1
        {
            follower[input.0] = Some((i, *act));
        }
    }
    let swallowed: Vec<usize> = follower.iter().flatten().map(|(i, _)| *i).collect();

    let mut trainable = vec![false; nodes.len()];
    let mut steps = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        if swallowed.binary_search(&i).is_ok() {
            continue;
        }
        let (output, act) = follower[i].map_or((i, None), |(next, act)| (next, Some(act)));
        let inputs: Vec<usize> = node.inputs.iter().map(|input| input.0).collect();
        let flows = !node.op.parameters().is_empty() || inputs.iter().any(|input| trainable[*input]);
        trainable[output] = flows;
        let (free_forward, free_backward, free_inference) = (vec![], vec![], vec![]);
        steps.push(Step {
            node: i,
            act,
            output,
            inputs,
            trainable: flows,
            free_forward,
            free_backward,
            free_inference,
        });
    }
    plan_lifetimes(graph, &mut steps, wanted);
    steps
}

fn plan_lifetimes(graph: &Graph, steps: &mut [Step], wanted: &[ValueId]) {
    let count = graph.nodes.len();
    // The last step that reads a tensor going forward, and the first (the last going back) that needs it for a gradient.
    let (mut last, mut first) = (vec![None; count], vec![None; count]);
    for (i, step) in steps.iter().enumerate() {
        last[step.output].get_or_insert(i);
        step.inputs.iter().for_each(|input| last[*input] = Some(i));
        let (inputs, output) = graph.nodes[step.node].op.gradient_reads();
        if step.trainable && inputs {
            step.inputs.iter().for_each(|input| _ = first[*input].get_or_insert(i));
        }
        if step.trainable && output {
            first[step.output].get_or_insert(i);
        }
    }
    for value in 0..count {
        if wanted.contains(&ValueId(value)) {
            continue;
        }
        if let Some(step) = last[value] {
            steps[step].free_inference.push(value);
        }
        match (first[value], last[value]) {
            (Some(step), _) => steps[step].free_backward.push(value),
            (None, Some(step)) => steps[step].free_forward.push(value),
            (None, None) => (),
        }
    }
}
