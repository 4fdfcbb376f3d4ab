//! Which pixels a convolution or pool reads for each pixel that it writes, forward and backward.

use yolo_plugin::{Conv2d, Pool2d};

/// One element of the kernel, as seen from a pixel of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Rows from the pixel's own row in the source.
    pub dy: isize,
    /// Columns from the pixel's own column.
    pub dx: isize,
    /// Number of the element in the kernel, row by row.
    pub index: usize,
}

/// A grid of destination pixels, each of which gathers from some source pixels. Forward, the grid is the whole
/// output; backward, a convolution of stride s has s × s grids, each with the taps that reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Images.
    pub batch: usize,
    /// Height and width of the source.
    pub src: [usize; 2],
    /// Height and width of the destination.
    pub dst: [usize; 2],
    /// Height and width of the grid.
    pub grid: [usize; 2],
    /// Row and column of the grid's first pixel in the destination.
    pub offset: [usize; 2],
    /// Rows and columns of the destination from one pixel of the grid to the next.
    pub dst_step: [usize; 2],
    /// Rows and columns of the source from one pixel of the grid to the next.
    pub src_step: [usize; 2],
    /// The elements of the kernel that meet the grid.
    pub taps: Vec<Tap>,
}

/// Sizes of a window, each of height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Elements of the kernel.
    pub kernel: [usize; 2],
    /// Pixels from window to window.
    pub stride: [usize; 2],
    /// Pixels of the border on either side.
    pub padding: [usize; 2],
    /// Pixels from element to element.
    pub dilation: [usize; 2],
}

/// A stride beyond every input leaves one position, whatever it is; kept so small that products of it are numbers, too.
fn within_reach(stride: usize) -> usize {
    stride.min(1 << 31)
}

impl From<&Conv2d> for Window {
    fn from(&Conv2d { kernel, stride, padding, dilation, .. }: &Conv2d) -> Self {
        Window { kernel, stride: stride.map(within_reach), padding, dilation }
    }
}

impl From<&Pool2d> for Window {
    fn from(&Pool2d { kernel, stride, padding, dilation, .. }: &Pool2d) -> Self {
        Window { kernel, stride: stride.map(within_reach), padding, dilation }
    }
}

impl Plan {
    /// The plan from a window's input to its output.
    pub fn forward(batch: usize, input: [usize; 2], output: [usize; 2], window: &Window) -> Plan {
        let mut taps = Vec::new();
        for ky in 0..window.kernel[0] {
            for kx in 0..window.kernel[1] {
                let place = |k: usize, axis: usize| {
                    (k * window.dilation[axis]) as isize - window.padding[axis] as isize
                };
                taps.push(Tap { dy: place(ky, 0), dx: place(kx, 1), index: ky * window.kernel[1] + kx });
            }
        }
        Plan {
            batch,
            src: input,
            dst: output,
            grid: output,
            offset: [0, 0],
            dst_step: [1, 1],
            src_step: window.stride,
            taps,
        }
    }

    /// The plans from the gradient of the output to that of the input, which together write every pixel once.
    pub fn backward(batch: usize, input: [usize; 2], output: [usize; 2], window: &Window) -> Vec<Plan> {
        let mut plans = Vec::new();
        for ry in 0..window.stride[0].min(input[0]) {
            for rx in 0..window.stride[1].min(input[1]) {
                let mut taps = Vec::new();
                for ky in 0..window.kernel[0] {
                    for kx in 0..window.kernel[1] {
                        let step = |k: usize, r: usize, axis: usize| {
                            let far =
                                (r + window.padding[axis]) as isize - (k * window.dilation[axis]) as isize;
                            let stride = window.stride[axis] as isize;
                            (far.rem_euclid(stride) == 0).then_some(far.div_euclid(stride))
                        };
                        if let (Some(dy), Some(dx)) = (step(ky, ry, 0), step(kx, rx, 1)) {
                            taps.push(Tap { dy, dx, index: ky * window.kernel[1] + kx });
                        }
                    }
                }
                let size = |axis: usize, r: usize| (input[axis] - r).div_ceil(window.stride[axis]);
                plans.push(Plan {
                    batch,
                    src: output,
                    dst: input,
                    grid: [size(0, ry), size(1, rx)],
                    offset: [ry, rx],
                    dst_step: window.stride,
                    src_step: [1, 1],
                    taps,
                });
            }
        }
        plans
    }

    /// The range of the grid along an axis for which a tap is not in the border.
    pub fn inside(&self, tap: &Tap, axis: usize) -> (usize, usize) {
        let (step, away) = (self.src_step[axis] as isize, if axis == 0 { tap.dy } else { tap.dx });
        let low = (-away).max(0) as usize;
        let end = self.src[axis] as isize - away;
        let high = (end.max(0) as usize).div_ceil(step as usize).min(self.grid[axis]);
        (low.div_ceil(step as usize).min(high), high)
    }

    /// Whether a slice of `len` numbers has every pixel that the plan uses of maps of `size`. Pixels are `pixel` numbers apart,
    /// of which the plan uses `width` from `first` on; in the source these may reach into the next pixels of a row.
    pub fn fits(
        &self,
        size: [usize; 2],
        (pixel, first): (usize, usize),
        width: usize,
        len: usize,
        source: bool,
    ) -> bool {
        let last = |axis: usize, reach: fn(&Tap) -> isize| {
            let farthest = self.taps.iter().map(reach).max().unwrap_or(0);
            let place = (self.grid[axis].saturating_sub(1) * self.src_step[axis]) as isize + farthest;
            (place.max(0) as usize).min(size[axis].saturating_sub(1))
        };
        if self.pixels() == 0 || self.taps.is_empty() || width == 0 {
            return true;
        }
        let row = size[1] * pixel;
        match source {
            false => first + width <= pixel && self.batch * size[0] * row <= len,
            true => {
                let across = last(1, |tap| tap.dx) * pixel + first + width;
                across <= row && ((self.batch - 1) * size[0] + last(0, |tap| tap.dy)) * row + across <= len
            }
        }
    }

    /// Pixels of the grid, of all images.
    pub fn pixels(&self) -> usize {
        self.batch * self.grid[0] * self.grid[1]
    }

    /// The pixels of the grid from number `start` on.
    pub fn walk(&self, start: usize) -> Walk<'_> {
        let column = start % self.grid[1].max(1);
        let row = start / self.grid[1].max(1);
        Walk { plan: self, image: row / self.grid[0].max(1), row: row % self.grid[0].max(1), column }
    }
}

/// A pixel of a plan's grid.
#[derive(Clone, Copy, Debug)]
pub struct Pixel {
    /// Pixels of all images before this one, in the source.
    pub before: usize,
    /// Row in the source, to which a tap adds its own.
    pub y: isize,
    /// Column in the source.
    pub x: isize,
    /// Number of the pixel in the destination.
    pub dst: usize,
}

/// An iterator over the pixels of a grid.
pub struct Walk<'a> {
    plan: &'a Plan,
    image: usize,
    row: usize,
    column: usize,
}

impl Iterator for Walk<'_> {
    type Item = Pixel;

    #[inline]
    fn next(&mut self) -> Option<Pixel> {
        let plan = self.plan;
        if self.image >= plan.batch {
            return None;
        }
        let y = self.row * plan.dst_step[0] + plan.offset[0];
        let x = self.column * plan.dst_step[1] + plan.offset[1];
        let pixel = Pixel {
            before: self.image * plan.src[0] * plan.src[1],
            y: (self.row * plan.src_step[0]) as isize,
            x: (self.column * plan.src_step[1]) as isize,
            dst: (self.image * plan.dst[0] + y) * plan.dst[1] + x,
        };
        self.column += 1;
        if self.column == plan.grid[1] {
            self.column = 0;
            self.row += 1;
            if self.row == plan.grid[0] {
                self.row = 0;
                self.image += 1;
            }
        }
        Some(pixel)
    }
}

impl Pixel {
    /// Number of the pixel in the source that a tap reaches, if it is not in the border.
    #[inline(always)]
    pub fn source(&self, tap: &Tap, src: [usize; 2]) -> Option<usize> {
        let (y, x) = (self.y + tap.dy, self.x + tap.dx);
        // A negative coordinate is a large one without its sign.
        ((y as usize) < src[0] && (x as usize) < src[1])
            .then(|| self.before + y as usize * src[1] + x as usize)
    }
}
