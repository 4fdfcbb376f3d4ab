//! Operations that bring parameters of their own: their names, shapes and initial values, as in PyTorch.

use super::{BuildError, ConvSpec, GraphBuilder, Init, Op, Role, ValueId};

impl GraphBuilder {
    /// Convolution with PyTorch's default initialisation.
    pub fn conv2d(&mut self, name: &str, x: ValueId, spec: ConvSpec) -> Result<ValueId, BuildError> {
        let &[_, channels, _, _] = self.shape(x) else {
            return Err(BuildError::Misuse(format!(
                "conv2d `{name}` needs [batch, channels, height, width]"
            )));
        };
        if spec.groups == 0
            || !channels.is_multiple_of(spec.groups)
            || !spec.out_channels.is_multiple_of(spec.groups)
        {
            return Err(BuildError::Block(format!(
                "convolution `{name}`: {channels} input and {} output channels do not split into {} groups",
                spec.out_channels, spec.groups
            )));
        }
        let shape = [spec.out_channels, channels / spec.groups, spec.kernel[0], spec.kernel[1]];
        let init = fan_in_uniform(&shape[1..]);
        let weight = self.define(name, "weight", &shape, init, Role::Trainable, None)?;
        let bias = match spec.bias {
            0 => None,
            _ => Some(self.define(name, "bias", &shape[..1], init, Role::Trainable, None)?),
        };
        self.push(Op::Conv2d { spec, weight, bias }, vec![x])
    }

    /// Batch normalisation over the second axis.
    pub fn batch_norm(&mut self, name: &str, x: ValueId) -> Result<ValueId, BuildError> {
        let channels = self.shape(x).get(1).copied().unwrap_or(0);
        let mut part = |part: &str, shape: &[usize], value: f64, role: Role| {
            self.define(name, part, shape, Init::Constant(value), role, None)
        };
        let weight = part("weight", &[channels], 1.0, Role::Trainable)?;
        let bias = part("bias", &[channels], 0.0, Role::Trainable)?;
        let mean = part("running_mean", &[channels], 0.0, Role::Buffer)?;
        let var = part("running_var", &[channels], 1.0, Role::Buffer)?;
        part("num_batches_tracked", &[], 0.0, Role::Counter)?;
        self.push(Op::BatchNorm { weight, bias, mean, var }, vec![x])
    }

    /// Layer normalisation over the second axis, as ConvNeXt's LayerNorm2d.
    pub fn layer_norm(&mut self, name: &str, x: ValueId, eps: f64) -> Result<ValueId, BuildError> {
        if !(eps.is_finite() && eps > 0.0) {
            return Err(BuildError::Block(format!("layer_norm `{name}` needs an eps above 0, not {eps}")));
        }
        let channels = self.shape(x).get(1).copied().unwrap_or(0);
        let mut part =
            |part, value| self.define(name, part, &[channels], Init::Constant(value), Role::Trainable, None);
        let (weight, bias) = (part("weight", 1.0)?, part("bias", 0.0)?);
        self.push(Op::LayerNorm { weight, bias, eps }, vec![x])
    }

    /// Linear map of the last axis with PyTorch's default initialisation.
    pub fn linear(
        &mut self,
        name: &str,
        x: ValueId,
        features: usize,
        bias: bool,
    ) -> Result<ValueId, BuildError> {
        let shape = [features, self.shape(x).last().copied().unwrap_or(0)];
        let init = fan_in_uniform(&shape[1..]);
        let weight = self.define(name, "weight", &shape, init, Role::Trainable, None)?;
        let bias = match bias {
            false => None,
            true => Some(self.define(name, "bias", &shape[..1], init, Role::Trainable, None)?),
        };
        self.push(Op::Linear { weight, bias }, vec![x])
    }
}

/// Uniform in ±1/√fan_in: PyTorch's default for convolution and linear, weight and bias (Kaiming with a = √5).
fn fan_in_uniform(fan: &[usize]) -> Init {
    let bound = 1.0 / (fan.iter().map(|&n| n as f64).product::<f64>()).sqrt();
    Init::Uniform(-bound, bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_begin_within_one_by_the_root_of_their_inputs() {
        assert_eq!(fan_in_uniform(&[4]), Init::Uniform(-0.5, 0.5));
        assert_eq!(fan_in_uniform(&[4, 2, 2]), Init::Uniform(-0.25, 0.25));
    }
}
