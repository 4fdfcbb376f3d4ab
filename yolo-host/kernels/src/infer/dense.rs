//! Dense convolution in f32: each row of output pixels is a product of its windows and the packed weights.
#![allow(unsafe_code)] // reads and writes through pointers

use super::epilogue::Epilogue;
use super::layer::Layer;
use super::map::{Geometry, Source, Target};
use super::pack_rows::{PACKED_ROWS, PackedRows};
use super::panel::{ChannelPanel, channel_panels};
use super::row::{PackedWeights, PixelRow, compute_row};
use super::tile_height::pixels_of;
use crate::base::aligned::AlignedBuf;
use crate::base::cache::L1_BYTES;
use crate::base::isa::Isa;
use crate::base::parallel::tasks;
use crate::base::simd::dot::F32Dot;
use crate::base::simd::{Simd, dispatch};
use crate::ops::Window;
use std::ops::Range;
use yolo_plugin::Act;

/// A convolution with its weights packed: y = act(w ∗ x + b), plus a shortcut.
#[derive(Debug)]
pub struct Dense {
    isa: Isa,
    window: Window,
    /// Channels of each source, and of all.
    lens: Vec<usize>,
    cin: usize,
    cout: usize,
    act: Option<Act>,
    panels: Vec<ChannelPanel>,
    /// `[ky, kx, in, nr]` of each panel.
    weights: AlignedBuf,
    /// `[nr]` of each panel.
    bias: AlignedBuf,
}

impl Dense {
    /// Packs the weights.
    pub fn new(layer: Layer) -> Self {
        let Layer { isa, window, weight, bias, lens, order, act } = layer;
        let (cout, cin) = (bias.len(), order.len());
        let taps = window.kernel[0] * window.kernel[1];
        let (panels, biases) = channel_panels(&isa.required().tiling(), bias);
        let mut weights = AlignedBuf::zeros(taps * cin * biases.len());
        let mut rest = &mut weights[..];
        for ChannelPanel { start, width, nr, .. } in panels.iter().copied() {
            for tap in 0..taps {
                for channel in order {
                    let (row, others) = rest.split_at_mut(nr);
                    for (out, to) in row.iter_mut().enumerate().take(width) {
                        *to = weight[((start + out) * cin + channel) * taps + tap];
                    }
                    rest = others;
                }
            }
        }
        Dense { isa, window, lens, cin, cout, act, panels, weights, bias: AlignedBuf::from(&biases[..]) }
    }

    /// Output channels.
    pub fn cout(&self) -> usize {
        self.cout
    }

    /// Multiply-adds of an output pixel.
    pub fn macs(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.cin * self.cout
    }

    /// Sizes in a few words.
    pub fn describe(&self) -> String {
        let Window { kernel: [ky, kx], stride: [s, _], .. } = self.window;
        format!("conv {ky}x{kx}/{s} {}→{}", self.cin, self.cout)
    }

    fn pointwise(&self) -> bool {
        let Window { kernel, stride, padding, .. } = &self.window;
        (kernel, stride, padding) == (&[1, 1], &[1, 1], &[0, 0])
    }

    /// Computes the target. The shortcut has as many channels as the output.
    pub fn run(&self, geometry: &Geometry, sources: &[Source], shortcut: Option<Source>, target: Target) {
        let Geometry { batch, input, output } = *geometry;
        geometry.check(sources, &self.lens, shortcut.as_ref(), &target, self.cout);
        let (pixels_in, pixels_out) = (batch * input[0] * input[1], batch * output[0] * output[1]);
        if pixels_out == 0 {
            return;
        }
        // Pixels of a row: one of the output, or of a 1×1 convolution as many as have their input in the first-level cache, so
        // that all panels read it from there.
        let width = match self.pointwise() {
            true => pixels_of(&self.isa.tiling(), L1_BYTES / 4 / self.cin.max(1)).min(pixels_out),
            false => output[1],
        };
        let rows = pixels_out.div_ceil(width);
        let threads = rayon::current_num_threads();
        // Every task reads the smaller of weights and input whole, and its share of the other.
        let by_panel = self.weights.len() > pixels_in * self.cin && self.panels.len() >= threads;
        let groups = match by_panel {
            true => (if self.panels.len() >= 4 * threads { 1 } else { 2 }, self.panels.len()),
            false => (4 * threads, 1),
        };
        let groups = if threads == 1 { (1, 1) } else { (groups.0.min(rows), groups.1) };
        let depth = self.window.kernel[0] * self.window.kernel[1] * self.cin;
        let call = Call {
            conv: self,
            geometry,
            sources,
            weights: PackedWeights {
                weights: &self.weights,
                depth,
                init: &self.bias,
                scale: &self.bias,
                bias: &self.bias,
                epilogue: Epilogue::new(self.act, shortcut, target),
            },
            pointwise: self.pointwise(),
            width,
            pixels: pixels_out,
        };
        tasks(groups.0 * groups.1, pixels_out * depth * self.cout, |task| {
            let share = |of: usize, groups: usize, i: usize| i * of / groups..(i + 1) * of / groups;
            let (row, panel) = (task / groups.1, task % groups.1);
            let task = &Task {
                call: &call,
                rows: share(rows, groups.0, row),
                panels: share(self.panels.len(), groups.1, panel),
                by_panel,
            };
            PACKED_ROWS.with_borrow_mut(
                |packed| dispatch!(self.isa, run_task(task: &Task, packed: &mut PackedRows)),
            );
        });
    }
}

/// One call of a convolution.
struct Call<'a> {
    conv: &'a Dense,
    geometry: &'a Geometry,
    sources: &'a [Source<'a>],
    weights: PackedWeights<'a>,
    pointwise: bool,
    /// Pixels of a row, and of the output.
    width: usize,
    pixels: usize,
}

/// A thread's share of a call.
struct Task<'a> {
    call: &'a Call<'a>,
    rows: Range<usize>,
    panels: Range<usize>,
    by_panel: bool,
}

/// # Safety
/// The processor has the instructions; [`Dense::run`] has checked the sizes; no other task writes these rows and panels.
#[inline(always)]
unsafe fn run_task<S: Simd>(task: &Task, packed: &mut PackedRows) {
    let (call, panels) = (task.call, &task.call.conv.panels[task.panels.clone()]);
    // All panels of a row while its input is in the cache, or all rows of a panel while its weights are.
    let rounds = if task.by_panel { panels.len() } else { 1 };
    for round in 0..rounds {
        let panels = if task.by_panel { &panels[round..round + 1] } else { panels };
        packed.clear();
        for row in task.rows.clone() {
            let first = row * call.width;
            let segments = match call.pointwise {
                true => packed.pixels(call.sources, first),
                false => packed.windows(&call.conv.window, call.geometry, call.sources, row),
            };
            let width = call.width.min(call.pixels - first);
            let row = PixelRow { segments, first, width, prefetch_input: call.pointwise };
            // SAFETY: passed on. Not in a closure, which would be compiled without the instructions.
            unsafe { compute_row::<F32Dot<S>>(&call.weights, panels, row) };
        }
    }
}
