//! Layers with weights, one after the other.

use super::file::Node;
use super::units::{Constant, Network, transposed};
use crate::weights::ErrorKind;
use crate::weights::exported::{Norm, Sizes, UnitKind};

impl<'a> Network<'a> {
    /// A convolution whose weight is a constant.
    pub fn convolution(&mut self, node: &Node<'a>, weight: Constant) -> Result<(), ErrorKind> {
        let bad = |what: String| ErrorKind::Onnx(format!("{} {what}", node.place()));
        let shape = self.tensors[weight.tensor].shape.clone();
        let [out, per_group, height, width] = shape[..] else {
            return Err(bad(format!("has a weight of the shape {shape:?}, and images need four axes")));
        };
        let groups = node.int("group", 1)?;
        let groups = usize::try_from(groups).ok().filter(|groups| *groups > 0 && out.is_multiple_of(*groups));
        let groups = groups.ok_or_else(|| bad("has groups that do not divide its outputs".to_owned()))?;
        let sizes = Sizes {
            kind: UnitKind::Conv,
            out,
            per_group,
            kernel: [height, width],
            stride: node.pair("strides")?,
            dilation: node.pair("dilations")?,
            groups,
        };
        let bias = node.input(2).map(|name| self.named(node, name)).transpose()?;
        let weight = self.floats(weight)?;
        self.push(node, 1, sizes.normal(), weight, bias, None)
    }

    /// `[in, out]` as MatMul has it, or as Gemm says.
    pub fn linear(&mut self, node: &Node<'a>, weight: Constant) -> Result<(), ErrorKind> {
        let mut values = self.floats(weight)?;
        let mut shape = self.tensors[weight.tensor].shape.clone();
        if weight.transposed {
            shape.reverse();
        }
        let [mut out, mut input] = shape[..] else { return Ok(()) };
        let gemm = node.op == "Gemm";
        if !(gemm && node.int("transB", 0)? != 0) {
            values = transposed(&values, out, input);
            (out, input) = (input, out);
        }
        let scaled = node.float("alpha", 1.0)? != 1.0 || node.float("beta", 1.0)? != 1.0;
        if gemm && (scaled || node.int("transA", 0)? != 0) {
            return Err(ErrorKind::Onnx(format!("{} scales or transposes, which is not read", node.place())));
        }
        let bias = match node.input(2) {
            Some(name) if gemm => Some(self.named(node, name)?),
            _ => None,
        };
        self.push(node, 1, Sizes::linear(out, input), values, bias, None)
    }

    /// A constant that is added to what a linear layer without bias gives is its bias; whether that is so.
    pub fn bias(&mut self, node: &Node<'a>, of: usize, constant: usize) -> Result<bool, ErrorKind> {
        let (Some(x), Some(name)) = (node.input(of), node.input(constant)) else { return Ok(false) };
        let (Some(&unit), Some(&bias)) = (self.direct.get(x), self.constants.get(name)) else {
            return Ok(false);
        };
        let out = self.units[unit].sizes.out;
        let free = self.units[unit].bias.is_none() && self.units[unit].norm.is_none();
        if !free || self.tensors[bias.tensor].shape != [out] || self.readers.get(x) != Some(&1) {
            return Ok(false);
        }
        self.units[unit].bias = Some(self.floats(bias)?);
        // A linear layer's weight is renamed where it is transposed, its bias is not.
        let name = self.tensors[bias.tensor].name;
        if name.ends_with(".bias") && !self.names[unit].is_some_and(|(name, _)| name.ends_with(".weight")) {
            self.names[unit] = Some((name, ".bias"));
        }
        let made = self.values.get(x).cloned().unwrap_or_default();
        for output in &node.outputs {
            self.values.insert(output, made.clone());
            self.direct.insert(output, unit);
            self.probes.start(unit, output);
        }
        Ok(true)
    }

    /// Batch norm: of the convolution before it, if nothing else reads that, else alone.
    pub fn batch_norm(&mut self, node: &Node<'a>) -> Result<(), ErrorKind> {
        let mut all = vec![];
        for place in 1..5 {
            let missing = || ErrorKind::Onnx(format!("{} has too few inputs", node.place()));
            let name = node.input(place).ok_or_else(missing)?;
            all.push(self.named(node, name)?);
        }
        let [weight, bias, mean, var] = <[Vec<f32>; 4]>::try_from(all).unwrap_or_default();
        let channels = weight.len();
        if [&bias, &mean, &var].iter().any(|values| values.len() != channels) {
            return Err(ErrorKind::Onnx(format!("{} has values for different channels", node.place())));
        }
        let norm = Norm { weight, bias, mean, var, eps: f64::from(node.float("epsilon", 1e-5)?) };
        let x = node.input(0).unwrap_or_default();
        let before = self.direct.get(x).copied().filter(|_| self.readers.get(x) == Some(&1));
        match before {
            Some(unit) if self.units[unit].norm.is_none() && self.units[unit].sizes.out == channels => {
                self.units[unit].norm = Some(norm);
                let made = self.values.get(x).cloned().unwrap_or_default();
                if let Some(output) = node.outputs.first() {
                    self.values.insert(output, made);
                    self.probes.start(unit, output);
                }
                Ok(())
            }
            _ => {
                let sizes = Sizes::by_channel(UnitKind::Conv, channels);
                self.push(node, 1, sizes, vec![1.0; channels], None, Some(norm))
            }
        }
    }
}
