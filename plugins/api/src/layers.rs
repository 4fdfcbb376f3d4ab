//! Short ways to say what blocks say often.

use crate::{Act, Builder, Conv2d, Pool2d, Value};

impl Conv2d {
    /// A square kernel, stride 1, padded so that the size stays (odd kernels), no bias.
    pub const fn same(out_channels: usize, kernel: usize) -> Self {
        Self::rectangle(out_channels, [kernel, kernel])
    }

    /// The same with kernel height and width.
    pub const fn rectangle(out_channels: usize, kernel: [usize; 2]) -> Self {
        Conv2d {
            out_channels,
            kernel,
            stride: [1, 1],
            padding: [kernel[0] / 2, kernel[1] / 2],
            dilation: [1, 1],
            groups: 1,
            bias: 0,
        }
    }

    /// Another stride.
    pub const fn stride(mut self, stride: usize) -> Self {
        self.stride = [stride, stride];
        self
    }

    /// Another padding.
    pub const fn padding(mut self, padding: usize) -> Self {
        self.padding = [padding, padding];
        self
    }

    /// Channels in groups; as many groups as channels make it depthwise.
    pub const fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// With a bias.
    pub const fn with_bias(mut self) -> Self {
        self.bias = 1;
        self
    }
}

impl Pool2d {
    /// A square window with stride and padding.
    pub const fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Pool2d {
            kernel: [kernel, kernel],
            stride: [stride, stride],
            padding: [padding, padding],
            dilation: [1, 1],
            ceil_mode: 0,
        }
    }
}

impl Builder<'_> {
    /// max(x, 0)
    pub fn relu(&mut self, x: Value) -> Value {
        self.activation(x, Act::Relu)
    }

    /// YOLOv5's Conv: convolution `NAME.conv`, batch norm `NAME.bn`, activation, [`Act::Conv`] where Python says
    /// `act=True`. An empty name leaves the prefix out.
    pub fn conv_bn_act(&mut self, name: &str, x: Value, conv: Conv2d, act: Option<Act>) -> Value {
        let join = |part: &str| {
            if name.is_empty() { part.to_string() } else { format!("{name}.{part}") }
        };
        let y = self.conv2d(&join("conv"), x, conv);
        let y = self.batch_norm(&join("bn"), y);
        match act {
            Some(act) => self.activation(y, act),
            None => y,
        }
    }

    /// Tensors of equal channels, one after the other.
    pub fn chunk(&mut self, x: Value, parts: usize) -> Vec<Value> {
        let channels = self.channels(x);
        if parts == 0 || !channels.is_multiple_of(parts) {
            self.fail(&format!("{channels} channels do not split into {parts} equal parts"));
            return vec![Value::NONE; parts];
        }
        let width = channels / parts;
        (0..parts).map(|i| self.slice(x, 1, i * width, width)).collect()
    }
}
