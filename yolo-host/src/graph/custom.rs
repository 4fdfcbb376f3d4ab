//! An operation that is not one of the graph's own: what it must be able to do, and the checks around it.

use std::fmt;

/// An operation that a plugin computes by itself, with the numbers that belong to one use of it. The same inputs give the same
/// output, on any thread.
pub trait CustomOp: Send + Sync {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    /// The numbers of this use.
    fn attributes(&self) -> &[f64];

    /// Tells apart operations that have the same name.
    fn identity(&self) -> usize {
        0
    }

    /// The block and the library that it is of, for messages; may be empty.
    fn owner(&self) -> &str {
        ""
    }

    /// The operator of ONNX's own domain that computes the same, if there is one.
    fn onnx(&self) -> Option<&'static str> {
        None
    }

    /// Whether models that use it can be trained.
    fn has_backward(&self) -> bool {
        false
    }

    /// The output shape for these input shapes, or why they do not fit.
    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String>;

    /// Writes every element of the output, of the shape that [`shape`](Self::shape) gives, or says why it cannot. Callers use
    /// [`forward`](CustomOp#method.forward).
    fn forward_into(&self, inputs: &[View], shape: &[usize], output: &mut [f32]) -> Result<(), String>;

    /// Writes the gradient of each input, zero so far, or says why it cannot; one of no elements is not wanted. Callers use
    /// [`backward`](CustomOp#method.backward).
    fn backward_into(
        &self,
        inputs: &[View],
        output: View,
        grad_output: &[f32],
        grads: &mut [Vec<f32>],
    ) -> Result<(), String> {
        let _ = (inputs, output, grad_output, grads);
        Err("has no backward".into())
    }
}

/// A tensor to read: its shape and its elements, row-major.
pub type View<'a> = (&'a [usize], &'a [f32]);

/// A custom operation that failed while it ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("custom operation `{op}`: {why}")]
pub struct CustomError {
    /// Its name.
    pub op: String,
    /// What it reports.
    pub why: String,
}

impl dyn CustomOp + '_ {
    /// Computes the output. Its shape must be the one expected: an operation that changes its mind is found out here.
    pub fn forward(&self, inputs: &[View], expected: &[usize]) -> Result<Vec<f32>, CustomError> {
        self.check_sizes(inputs)?;
        let shapes: Vec<&[usize]> = inputs.iter().map(|(shape, _)| *shape).collect();
        let shape = self.shape(&shapes).map_err(|why| self.error(&why))?;
        if shape != expected {
            let why = format!("its output is {shape:?}, where it was {expected:?}");
            return Err(self.error(&self.with_owner(&why)));
        }
        // Where the operation forgets an element, a NaN stands and is seen.
        let mut values = vec![f32::NAN; shape.iter().product()];
        self.forward_into(inputs, &shape, &mut values).map_err(|why| self.error(&why))?;
        Ok(values)
    }

    /// The gradient of each input from that of the output; of an input that wants none, nothing.
    pub fn backward(
        &self,
        inputs: &[View],
        output: View,
        grad_output: &[f32],
        wanted: &[bool],
    ) -> Result<Vec<Vec<f32>>, CustomError> {
        if !self.has_backward() {
            return Err(self.error("has no backward, so that the model cannot be trained"));
        }
        let shapes: Vec<&[usize]> = inputs.iter().map(|(shape, _)| *shape).collect();
        if self.shape(&shapes).as_deref() != Ok(output.0)
            || wanted.len() != inputs.len()
            || grad_output.len() != output.1.len()
            || !is_whole(&output)
        {
            return Err(self.error("its gradient was asked with tensors that do not fit"));
        }
        self.check_sizes(inputs)?;
        let both = inputs.iter().zip(wanted);
        let lens = both.map(|((_, values), wanted)| if *wanted { values.len() } else { 0 });
        let lens: Vec<usize> = lens.collect();
        let mut grads: Vec<Vec<f32>> = lens.iter().map(|len| vec![0.0; *len]).collect();
        self.backward_into(inputs, output, grad_output, &mut grads).map_err(|why| self.error(&why))?;
        match grads.iter().map(Vec::len).eq(lens) {
            true => Ok(grads),
            false => Err(self.error("changed the sizes of its gradients")),
        }
    }

    /// A message with the block and the library that it is about.
    pub fn with_owner(&self, why: &str) -> String {
        match self.owner() {
            "" => why.to_string(),
            owner => format!("{why}, in {owner}"),
        }
    }

    fn check_sizes(&self, inputs: &[View]) -> Result<(), CustomError> {
        match inputs.iter().all(is_whole) {
            true => Ok(()),
            false => Err(self.error("an input does not fit its shape")),
        }
    }

    fn error(&self, why: &str) -> CustomError {
        CustomError { op: self.name().to_string(), why: why.to_string() }
    }
}

/// Whether there are as many elements as the shape says.
fn is_whole((shape, values): &View) -> bool {
    shape.iter().product::<usize>() == values.len()
}

/// Equal by name, identity and attributes: one operation in one use.
impl PartialEq for dyn CustomOp + '_ {
    fn eq(&self, other: &Self) -> bool {
        let parts = |op: &Self| (op.name(), op.identity());
        parts(self) == parts(other) && self.attributes() == other.attributes()
    }
}

impl fmt::Debug for dyn CustomOp + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custom({} {:?})", self.name(), self.attributes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// x · factor, in Rust; `extra` elements more than its output has, if it is to be wrong.
    struct Scaled {
        factor: [f64; 1],
        extra: usize,
    }

    impl CustomOp for Scaled {
        fn name(&self) -> &'static str {
            "scaled"
        }

        fn attributes(&self) -> &[f64] {
            &self.factor
        }

        fn has_backward(&self) -> bool {
            true
        }

        fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
            let [x] = inputs else { return Err("takes one input".into()) };
            Ok(x.to_vec())
        }

        fn forward_into(&self, inputs: &[View], _: &[usize], output: &mut [f32]) -> Result<(), String> {
            output.iter_mut().zip(inputs[0].1).for_each(|(y, x)| *y = x * self.factor[0] as f32);
            Ok(())
        }

        fn backward_into(
            &self,
            _: &[View],
            _: View,
            grad_output: &[f32],
            grads: &mut [Vec<f32>],
        ) -> Result<(), String> {
            let factor = self.factor[0] as f32;
            grads[0].iter_mut().zip(grad_output).for_each(|(dx, dy)| *dx = dy * factor);
            grads[0].extend(std::iter::repeat_n(0.0, self.extra));
            Ok(())
        }
    }

    fn scaled(factor: f64, extra: usize) -> Arc<dyn CustomOp> {
        Arc::new(Scaled { factor: [factor], extra })
    }

    #[test]
    fn an_operation_in_rust_runs_and_has_a_gradient() {
        let op = scaled(3.0, 0);
        let x: View = (&[2, 1], &[1.0, -2.0]);
        assert_eq!(op.forward(&[x], &[2, 1]), Ok(vec![3.0, -6.0]));
        assert_eq!(op.backward(&[x], x, &[1.0, 0.5], &[true]), Ok(vec![vec![3.0, 1.5]]));
        assert_eq!(op.backward(&[x], x, &[1.0, 0.5], &[false]), Ok(vec![vec![]]));
        assert_eq!(format!("{op:?}"), "Custom(scaled [3.0])");
        assert!(op == scaled(3.0, 0) && op != scaled(2.0, 0));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let op = scaled(3.0, 0);
        let x: View = (&[2], &[1.0, -2.0]);
        assert!(op.forward(&[(&[3], &[1.0])], &[3]).is_err(), "too few elements");
        assert!(op.forward(&[x], &[1, 2]).is_err(), "another shape than expected");
        assert!(op.forward(&[x, x], &[2]).is_err(), "too many inputs");
        assert!(op.backward(&[x], x, &[1.0], &[true]).is_err(), "a gradient too short");
        assert!(scaled(3.0, 1).backward(&[x], x, &[1.0, 0.5], &[true]).is_err(), "a gradient too long");
    }
}
