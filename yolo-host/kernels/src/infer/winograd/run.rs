//! How tiles are shared out to threads.

use super::conv::Winograd;
use super::stages::{STAGES, run_stage};
use super::workspace::{Call, Workspace, with_workspace};
use crate::base::cache::L2_FLOATS;
use crate::base::parallel::tasks;
use crate::infer::epilogue::Epilogue;
use crate::infer::map::{Geometry, Source, Target};
use crate::infer::tile_height::cost;

impl Winograd {
    /// Computes the target. The shortcut has as many channels as the output.
    pub fn run(&self, geometry: &Geometry, sources: &[Source], shortcut: Option<Source>, target: Target) {
        geometry.check(sources, &self.lens, shortcut.as_ref(), &target, self.cout);
        let [height, width] = geometry.output.map(|side| side.div_ceil(self.out));
        let tiles = geometry.batch * height * width;
        if tiles == 0 {
            return;
        }
        let call = Call {
            conv: self,
            geometry,
            sources,
            epilogue: Epilogue::new(self.act, shortcut, target),
            grid: [height, width],
        };
        let threads = rayon::current_num_threads();
        let per_tile = self.points * (self.cin + self.padded);
        let tiling = self.isa.tiling();
        let work = tiles * self.points * self.cin * self.padded;
        let least = tiles.div_ceil((L2_FLOATS / per_tile).max(28));
        if threads == 1 || least >= 2 * threads {
            // Each thread takes chunks through all stages; as many as its tiles of the micro-kernel suit best.
            let time = |chunks: &usize| chunks.div_ceil(threads) * cost(&tiling, tiles.div_ceil(*chunks));
            let chunks = (least..=2 * least).min_by_key(time).unwrap_or(least).min(tiles);
            tasks(chunks, work, |chunk| {
                let tiles = chunk * tiles / chunks..(chunk + 1) * tiles / chunks;
                with_workspace(|memory| {
                    let workspace = Workspace::new(memory, &call, tiles);
                    for stage in STAGES {
                        run_stage(&call, &workspace, stage, 0..stage.pieces(&workspace));
                    }
                });
            });
        } else {
            // Few tiles: all threads work on one stage at a time.
            with_workspace(|memory| {
                let workspace = Workspace::new(memory, &call, 0..tiles);
                for stage in STAGES {
                    let pieces = stage.pieces(&workspace);
                    let groups = (4 * threads).min(pieces);
                    tasks(groups, work, |group| {
                        run_stage(
                            &call,
                            &workspace,
                            stage,
                            group * pieces / groups..(group + 1) * pieces / groups,
                        );
                    });
                }
            });
        }
    }
}
