//! The forward pass.

use super::activation::activation;
use super::conv::Convolution;
use super::ops::{self, Params};
use super::{Executor, Saved, custom, norm, pool, transfer, wide};
use crate::exec::Error;
use crate::exec::plan::Step;
use crate::graph::{Op, ParamId, primitive};
use candle_core::Tensor;
use yolo_kernels::{ConvShape, Window};

impl Executor {
    /// Runs the network on images `[batch, channels, height, width]`, from any device and of any kind of number. In training
    /// batch norm takes the statistics of the batch and moves its running ones.
    ///
    /// Fails if the images do not fit, batch norm sees one value a channel, or the device cannot.
    pub fn forward(&mut self, images: &Tensor, training: bool) -> Result<(), Error> {
        self.pass(images, training, true)
    }

    /// Runs the network in evaluation mode, keeping only the tensors that were asked for: no reverse pass can follow.
    ///
    /// Fails if the images do not fit, or the device cannot.
    pub fn infer(&mut self, images: &Tensor) -> Result<(), Error> {
        self.pass(images, false, false)
    }

    fn pass(&mut self, images: &Tensor, training: bool, keep: bool) -> Result<(), Error> {
        let shapes = self.graph.shapes(images.dims())?;
        let images =
            images.to_device(&self.device).and_then(|x| x.to_dtype(self.precision.maps())?.contiguous());
        let images = images.map_err(|source| transfer(&self.device, source))?;
        self.tensors.fill(None);
        let cast =
            |param: &Option<Tensor>| param.as_ref().map(|x| x.to_dtype(self.precision.maps())).transpose();
        let cast = self.params.iter().map(cast).collect::<candle_core::Result<_>>();
        self.cast = cast.map_err(|source| transfer(&self.device, source))?;
        for i in 0..self.steps.len() {
            let (node, output) = (self.steps[i].node, self.steps[i].output);
            let value = match matches!(self.graph.nodes[node].op, Op::Input) {
                true => images.clone(),
                false => self.run(i, &shapes[output], training)?,
            };
            self.tensors[output] = Some(value);
            let Executor { steps, tensors, saved, .. } = self;
            let free: &[usize] = match (training, keep) {
                (true, _) => &steps[i].free_forward,
                (false, true) => &[],
                (false, false) => &steps[i].free_inference,
            };
            free.iter().for_each(|value| tensors[*value] = None);
            if !keep && !matches!(saved[i], Saved::Conv(_)) {
                saved[i] = Saved::Nothing;
            }
        }
        self.shapes = shapes;
        self.batches += i64::from(training);
        Ok(())
    }

    /// Computes one step.
    fn run(&mut self, i: usize, shape: &[usize], training: bool) -> Result<Tensor, Error> {
        let Step { node, inputs, act, .. } = &self.steps[i];
        let (op, layer) = (&self.graph.nodes[*node].op, self.graph.nodes[*node].layer);
        let failed =
            |source: candle_core::Error| Error::Candle { layer, op: op.name(), source: source.into() };
        let missing = || Error::Missing { layer, op: op.name() };
        let inputs: Option<Vec<&Tensor>> = inputs.iter().map(|input| self.tensors[*input].as_ref()).collect();
        let inputs = inputs.ok_or_else(missing)?;
        let param = |id: &ParamId| self.params[id.0].as_ref().ok_or_else(missing);
        let cast = |id: &ParamId| self.cast[id.0].as_ref().ok_or_else(missing);
        if let Op::Parameter(id) = op {
            return cast(id).cloned();
        }
        let x = *inputs.first().ok_or_else(missing)?;
        let old = std::mem::take(&mut self.saved[i]);
        let (y, saved) = match op {
            Op::Conv2d { spec, weight, bias } => {
                let window = Window {
                    kernel: spec.kernel,
                    stride: spec.stride,
                    padding: spec.padding,
                    dilation: spec.dilation,
                };
                let [batch, cin, height, width] = x.dims()[..] else { return Err(missing()) };
                let sizes = ConvShape {
                    batch,
                    input: [height, width],
                    output: [shape[2], shape[3]],
                    cin,
                    cout: shape[1],
                    window,
                    groups: spec.groups,
                };
                let conv = if let Saved::Conv(conv) = old
                    && conv.shape() == &sizes
                {
                    conv
                } else {
                    Convolution::new(sizes, &self.device, self.precision).map_err(failed)?
                };
                let mut y = conv.forward(x, cast(weight)?).map_err(failed)?;
                if let Some(bias) = bias {
                    let bias = cast(bias)?.reshape((1, (), 1, 1));
                    y = bias.and_then(|bias| y.broadcast_add(&bias)).map_err(failed)?;
                }
                (y, Saved::Conv(conv))
            }
            Op::BatchNorm { weight, bias, mean, var } if training => {
                if x.elem_count() / x.dims()[1] < 2 {
                    return Err(Error::OneValue { layer });
                }
                let (running, moving) = ([*mean, *var], [param(mean)?, param(var)?]);
                let wide = wide(x).map_err(failed)?;
                let trained = norm::train(&wide, param(weight)?, param(bias)?, moving).map_err(failed)?;
                let y = trained.y.to_dtype(x.dtype()).map_err(failed)?;
                for (id, value) in running.into_iter().zip(trained.running) {
                    self.params[id.0] = Some(value);
                }
                match act {
                    None => (y, Saved::Norm(trained.context, None)),
                    Some(act) => {
                        let after = activation(&y, *act).map_err(failed)?;
                        (after, Saved::Norm(trained.context, Some(y)))
                    }
                }
            }
            Op::BatchNorm { weight, bias, mean, var } => {
                let (weight, bias, running) = (param(weight)?, param(bias)?, [param(mean)?, param(var)?]);
                let y = wide(x).and_then(|x| norm::evaluate(&x, weight, bias, running));
                let y = y.and_then(|y| y.to_dtype(x.dtype())).map_err(failed)?;
                let y = act.map_or(Ok(y.clone()), |act| activation(&y, act)).map_err(failed)?;
                (y, Saved::Nothing)
            }
            Op::Pool(kind, spec) => {
                let (y, context) = pool::forward(*kind, spec, x, shape).map_err(failed)?;
                (y, Saved::Pool(context))
            }
            Op::GlobalPool(kind) => {
                let (y, places) = pool::global_forward(*kind, x).map_err(failed)?;
                (y, Saved::Places(places))
            }
            Op::Custom(custom) => (custom::run(&**custom, &inputs, shape, layer)?, Saved::Nothing),
            primitive!() => {
                let params = Params { own: &self.params, cast: &self.cast };
                (ops::forward(op, &inputs, params).map_err(failed)?, Saved::Nothing)
            }
            Op::Input | Op::Parameter(_) => return Err(missing()),
        };
        self.saved[i] = saved;
        Ok(y)
    }
}
