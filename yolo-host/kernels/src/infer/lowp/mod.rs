//! Dense convolution in bf16, fp16 and int8. Maps stay f32: the input is converted while it is packed, and sums become f32 again in
//! the micro-kernel.
#![allow(unsafe_code)] // reads and writes through pointers

mod pack;
mod pack_input;
mod precision;
#[cfg(test)]
mod test_case;
#[cfg(test)]
mod tests;

pub use precision::LowPrecision;

use crate::base::cache::{L1_CONVERTED_BYTES, L2_BYTES, L2_WEIGHT_BYTES};
use crate::base::dot_product::{DotLayout, DotProduct};
use crate::base::parallel::tasks;
use crate::base::simd::dot::{DotKernel, LowPrecisionDot};
use crate::infer::epilogue::Epilogue;
use crate::infer::layer::Layer;
use crate::infer::map::{Geometry, Source, Target};
use crate::infer::row::{PackedWeights, PixelRow, compute_row};
use crate::infer::tile_height::pixels_of;
use crate::ops::Window;
use pack::Packed;
use pack_input::{InputLayout, PACKED_INPUT, PackedInput};
use std::ops::Range;
use yolo_plugin::Act;

/// A convolution with its weights packed: y = act(w ∗ x + b), plus a shortcut.
#[derive(Debug)]
pub struct LowPrecisionConv {
    precision: LowPrecision,
    dot: DotProduct,
    window: Window,
    lens: Vec<usize>,
    cin: usize,
    cout: usize,
    act: Option<Act>,
    packed: Packed,
}

impl LowPrecisionConv {
    /// Packs the weights; nothing for what this kernel does not compute: dilated windows, and sums of int8 that could overflow
    /// or inputs without a range.
    pub fn new(precision: LowPrecision, layer: &Layer) -> Option<Self> {
        Self::with(DotProduct::best(precision.numbers(), layer.isa), precision, layer)
    }

    /// [`new`](LowPrecisionConv::new) with a dot product of these numbers.
    ///
    /// # Panics
    /// Where this processor lacks its instructions, or it multiplies other numbers.
    pub fn with(dot: DotProduct, precision: LowPrecision, layer: &Layer) -> Option<Self> {
        assert!(DotProduct::available().contains(&dot), "this processor has no {dot:?}");
        assert_eq!(dot.numbers(), precision.numbers());
        let Layer { window, bias, lens, order, act, .. } = layer;
        if window.dilation != [1, 1] || order.is_empty() {
            return None;
        }
        let packed = Packed::new(precision, dot.layout(), layer)?;
        let (cin, cout) = (order.len(), bias.len());
        Some(LowPrecisionConv {
            precision,
            dot,
            window: *window,
            lens: lens.clone(),
            cin,
            cout,
            act: *act,
            packed,
        })
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
        format!("conv {ky}x{kx}/{s} {}→{} {}", self.cin, self.cout, self.precision.name())
    }

    fn pointwise(&self) -> bool {
        let Window { kernel, stride, padding, .. } = &self.window;
        (kernel, stride, padding) == (&[1, 1], &[1, 1], &[0, 0])
    }

    /// Computes the target. The shortcut has as many channels as the output.
    pub fn run(&self, geometry: &Geometry, sources: &[Source], shortcut: Option<Source>, target: Target) {
        let Geometry { batch, input, output } = *geometry;
        geometry.check(sources, &self.lens, shortcut.as_ref(), &target, self.cout);
        let (pixels_in, pixels) = (batch * input[0] * input[1], batch * output[0] * output[1]);
        if pixels == 0 {
            return;
        }
        let (weights, panels) = (4 * self.packed.weights.len(), self.packed.panels.len());
        let threads = rayon::current_num_threads();
        // Every task reads the smaller of weights and input whole, and its share of the other.
        let by_panel = weights > pixels_in * self.cin * self.precision.bytes() && panels >= 2 * threads;
        let own = if by_panel && threads > 1 { weights / (2 * threads) } else { weights };
        let cache = if own > L2_WEIGHT_BYTES { L2_BYTES } else { L1_CONVERTED_BYTES };
        let (width, band, layout) = self.layout(geometry, cache, pixels);
        let rows = pixels.div_ceil(width);
        let groups = match (threads, by_panel) {
            (1, _) => (1, 1),
            (_, true) => (1, 2 * threads),
            (_, false) => ((4 * threads).min(rows), 1),
        };
        let weights = PackedWeights {
            weights: &self.packed.weights,
            depth: self.packed.depth,
            init: &self.packed.init,
            scale: &self.packed.scale,
            bias: &self.packed.bias,
            epilogue: Epilogue::new(self.act, shortcut, target),
        };
        let call = Call { conv: self, geometry, sources, weights, layout, band, width, pixels };
        tasks(groups.0 * groups.1, pixels * self.macs(), |task| {
            let share = |of: usize, groups: usize, i: usize| i * of / groups..(i + 1) * of / groups;
            let (row, panel) = (task / groups.1, task % groups.1);
            let (rows, panels) = (share(rows, groups.0, row), share(panels, groups.1, panel));
            PACKED_INPUT.with_borrow_mut(|packed| {
                let task = Task { call: &call, rows, panels, packed };
                // SAFETY: `with` made sure that the processor has the instructions; the sizes are checked above, and each task has rows
                // and panels of its own.
                unsafe { self.dot.run(task) };
            });
        });
    }

    /// Pixels of a row, rows that are packed together, and the layout of their input, which fits in so many bytes.
    fn layout(&self, geometry: &Geometry, bytes: usize, pixels: usize) -> (usize, usize, InputLayout) {
        let (pixel, params) = (self.cin * self.precision.bytes(), self.packed.params);
        let DotLayout { tiling, pixels: together, depth, .. } = self.dot.layout();
        if self.pointwise() {
            let width = pixels_of(&tiling, bytes / pixel).min(pixels);
            let row = (width.max(together) * pixel).div_ceil(4) + depth;
            return (width, 1, InputLayout { cin: self.cin, params, row, slots: 1, zeros: 0 });
        }
        let Window { kernel, stride, .. } = self.window;
        let width = geometry.output[1];
        let row = (((width.max(together) - 1) * stride[1] + kernel[1]) * pixel).div_ceil(4) + depth;
        let rows = bytes / (4 * row);
        let band = (rows.saturating_sub(kernel[0]) / stride[0] + 1).min(geometry.output[0]);
        let slots = (band - 1) * stride[0] + kernel[0];
        let zeros = (kernel[1] * pixel).div_ceil(4) + depth;
        (width, band, InputLayout { cin: self.cin, params, row, slots, zeros })
    }
}

/// One call of a convolution.
struct Call<'a> {
    conv: &'a LowPrecisionConv,
    geometry: &'a Geometry,
    sources: &'a [Source<'a>],
    weights: PackedWeights<'a>,
    layout: InputLayout,
    /// Rows that are packed together.
    band: usize,
    /// Pixels of a row, and of the output.
    width: usize,
    pixels: usize,
}

/// A thread's share of a call, with its buffer.
struct Task<'a> {
    call: &'a Call<'a>,
    rows: Range<usize>,
    panels: Range<usize>,
    packed: &'a mut PackedInput,
}

impl DotKernel for Task<'_> {
    /// # Safety
    /// The processor has the instructions; [`LowPrecisionConv::run`] has checked the sizes; no other task writes these rows and panels.
    #[inline(always)]
    unsafe fn run<D: LowPrecisionDot>(self) {
        let Task { call, rows, panels, packed } = self;
        let (conv, width) = (call.conv, call.width);
        let pointwise = conv.pointwise();
        let (segments, height) =
            if pointwise { (1, usize::MAX) } else { (conv.window.kernel[0], call.geometry.output[0]) };
        packed.begin::<D>(&call.layout);
        let mut row = rows.start;
        while row < rows.end {
            // Rows of one image.
            let band = call.band.min(rows.end - row).min(height - row % height);
            // SAFETY: passed on. Not in closures, which would be compiled without the instructions.
            unsafe {
                if pointwise {
                    let first = row * width;
                    packed.pixels::<D>(&call.layout, call.sources, (first, width.min(call.pixels - first)));
                } else {
                    let rows = row..row + band;
                    packed.windows::<D>(&call.layout, &conv.window, call.geometry, call.sources, rows);
                }
                // A panel's weights are read once for the whole band.
                for panel in conv.packed.panels[panels.clone()].chunks(1) {
                    for i in 0..band {
                        let first = (row + i) * width;
                        let (segments, width) =
                            (packed.segments(i, segments), width.min(call.pixels - first));
                        let row = PixelRow { segments, first, width, prefetch_input: false };
                        compute_row::<D>(&call.weights, panel, row);
                    }
                }
            }
            row += band;
        }
    }
}
