//! 3×3 convolution by tiles of 4×4 or 2×2 outputs. F(4×4, 3×3) takes 36 products a channel for a tile instead of 144, and
//! F(2×2, 3×3) 16 instead of 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308); with
//! stride 2, by the same means, 2×2 outputs take 25.

mod tiles;
mod transform;

use self::tiles::{Job, Room, STAGES, with_room};
use self::transform::*;
use crate::base::aligned::Lines;
use crate::base::isa::Isa;
use crate::base::parallel::tasks;
use crate::infer::epilogue::Finish;
use crate::infer::microkernel;
use crate::infer::{Block, Geometry, Layer, Source, Target, blocks};
use crate::ops::Window;
use yolo_plugin::Act;

/// Numbers of transformed tiles that a thread keeps, so that they stay in its second cache.
const NEAR: usize = 160 << 10;

/// Pairs of channels up to which tiles are of 4×4 outputs, and those up to which they are of 2×2. More have weights that are
/// too large: of 4×4 outputs four times the plain ones, of 2×2 twice, and with stride 2 three times.
const MOST: [usize; 2] = [1 << 15, 1 << 16];

/// Such a convolution with its weights and bias, activation after it.
#[derive(Debug)]
pub struct Winograd {
    pub(super) isa: Isa,
    pub(super) stride: usize,
    /// Side of a tile of the output.
    pub(super) out: usize,
    /// Dot of a tile for each pair of channels.
    pub(super) points: usize,
    pub(super) padding: [usize; 2],
    lens: Vec<usize>,
    pub(super) cin: usize,
    cout: usize,
    act: Option<Act>,
    pub(super) blocks: Vec<Block>,
    /// By point and block `[in, vectors]`.
    pub(super) weights: Lines,
    /// Padded to whole vectors, by block; then as many zeros as a block has.
    pub(super) bias: Lines,
    /// Channels of the output in whole vectors.
    pub(super) padded: usize,
}

impl Winograd {
    /// Whether a convolution is of this kind, and has channels enough to gain by it, but not so many that its weights are most
    /// of the network's memory.
    pub fn fits(window: &Window, cin: usize, cout: usize) -> bool {
        let Window { kernel, stride, dilation, padding } = *window;
        let least = match stride {
            [1, 1] => 16,
            [2, 2] => 32,
            _ => return false,
        };
        (kernel, dilation) == ([3, 3], [1, 1])
            && padding.iter().all(|padding| *padding < 3)
            && cin.min(cout) >= least
            && cin * cout <= MOST[1]
    }

    /// Whether it is, although in f32, as fast as a plain convolution in bf16.
    pub fn is_as_fast_as_bf16(window: &Window, cin: usize, cout: usize) -> bool {
        Self::fits(window, cin, cout)
            && window.stride == [1, 1]
            && cin.min(cout) >= 32
            && cin * cout <= MOST[0]
    }

    /// Packs the transformed weights.
    pub fn new(layer: Layer) -> Self {
        let Layer { isa, window, weight, bias, lens, order, act } = layer;
        let (cin, cout) = (order.len(), bias.len());
        let (blocks, mut biases) = blocks(isa, bias);
        let padded = biases.len();
        let widest = blocks.iter().map(|block| block.room).max().unwrap_or(0);
        biases.resize(padded + widest, 0.0);
        let stride = window.stride[0];
        let (out, g) = match stride {
            1 if cin * cout <= MOST[0] => (4, &Four::G[..]),
            1 => (2, &Two::G[..]),
            _ => (2, &TwoApart::G[..]),
        };
        let mut weights = Lines::zeros(g.len() * g.len() * cin * padded);
        let mut points = vec![[0.0; SIDE_BY_SIDE]; g.len() * g.len()];
        for block in &blocks {
            for (i, channel) in order.iter().enumerate() {
                for first in (0..block.width).step_by(SIDE_BY_SIDE) {
                    let mut kernels = [[0.0; SIDE_BY_SIDE]; 9];
                    for out in first..block.width.min(first + SIDE_BY_SIDE) {
                        let kernel = &weight[((block.start + out) * cin + channel) * 9..][..9];
                        kernels
                            .iter_mut()
                            .zip(kernel)
                            .for_each(|(to, value)| to[out - first] = (*value).into());
                    }
                    weight_points(g, &kernels, &mut points);
                    for (point, values) in points.iter().enumerate() {
                        let place = point * cin * padded + block.padded * cin + i * block.room + first;
                        weights[place..][..SIDE_BY_SIDE].copy_from_slice(values);
                    }
                }
            }
        }
        let (padding, bias) = (window.padding, Lines::from(&biases[..]));
        Winograd {
            isa,
            stride,
            out,
            points: g.len() * g.len(),
            padding,
            lens,
            cin,
            cout,
            act,
            blocks,
            weights,
            bias,
            padded,
        }
    }

    /// Sizes in a few words.
    pub fn describe(&self) -> String {
        let Winograd { stride, cin, cout, out, .. } = self;
        format!("conv 3x3/{stride} {cin}→{cout} Winograd {out}x{out}")
    }

    /// Output channels.
    pub fn cout(&self) -> usize {
        self.cout
    }

    /// Input channels.
    pub fn cin(&self) -> usize {
        self.cin
    }

    /// Computes the target. The shortcut has as many channels as the output.
    pub fn run(&self, geometry: &Geometry, sources: &[Source], shortcut: Option<Source>, target: Target) {
        geometry.check(sources, &self.lens, shortcut.as_ref(), &target, self.cout);
        let [height, width] = geometry.output.map(|side| side.div_ceil(self.out));
        let tiles = geometry.batch * height * width;
        if tiles == 0 {
            return;
        }
        let job = Job {
            conv: self,
            geometry,
            sources,
            finish: Finish::new(self.act, shortcut, target),
            grid: [height, width],
        };
        let threads = rayon::current_num_threads();
        let per_tile = self.points * (self.cin + self.padded);
        let work = tiles * self.points * self.cin * self.padded;
        let least = tiles.div_ceil((NEAR / per_tile).max(28));
        if threads == 1 || least >= 2 * threads {
            // As many tiles in each as are multiplied together.
            let cost = |chunks: &usize| {
                chunks.div_ceil(threads) * microkernel::cost(self.isa, tiles.div_ceil(*chunks))
            };
            let chunks = (least..=2 * least).min_by_key(cost).unwrap_or(least).min(tiles);
            tasks(chunks, work, |chunk| {
                let tiles = chunk * tiles / chunks..(chunk + 1) * tiles / chunks;
                with_room(|room| {
                    let room = Room::new(room, &job, tiles);
                    for stage in STAGES {
                        room.run(&job, stage, 0..stage.pieces(&room));
                    }
                });
            });
        } else {
            // Few tiles: all threads do a stage together.
            with_room(|room| {
                let room = Room::new(room, &job, 0..tiles);
                for stage in STAGES {
                    let pieces = stage.pieces(&room);
                    let groups = (4 * threads).min(pieces);
                    tasks(groups, work, |group| {
                        room.run(&job, stage, group * pieces / groups..(group + 1) * pieces / groups);
                    });
                }
            });
        }
    }
}
