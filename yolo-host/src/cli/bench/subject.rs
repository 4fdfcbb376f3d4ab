//! One of the models that are compared: its network, an input, and what it took.

use super::super::plugins::notes;
use super::memory;
use crate::cli::precision::PrecisionArgs;
use crate::cli::sizes::rounded;
use crate::cli::weights::load;
use crate::exec::engine::{Engine, Profile};
use crate::graph::macs;
use crate::model::{Loaded, Model, ModelFiles};
use crate::plugin::Registry;
use crate::random::Stream;
use crate::weights::Meta;
use anyhow::Context;
use std::path::Path;

/// A model, ready to run.
pub struct Subject {
    /// Its files' name.
    pub name: String,
    /// Whether its values come from a file.
    pub trained: bool,
    /// As built.
    pub model: Model,
    /// What the weights say of themselves.
    pub meta: Meta,
    /// Computes it.
    pub engine: Engine,
    /// The values of its parameters and buffers, in bytes.
    pub weights: u64,
    /// Maps of a run, in bytes.
    pub maps: u64,
    /// Anchors in cells.
    pub anchors: Vec<f32>,
    /// `[batch, channels, height, width]`
    pub shape: [usize; 4],
    /// Multiply-accumulates for the whole batch, by YAML row.
    pub macs: Vec<u64>,
    /// One for each pool of threads.
    pub profiles: Vec<Profile>,
    planes: Vec<f32>,
}

impl Subject {
    /// Loads weights, or a model whose values are made from a seed; with images of noise, whose sides are rounded up to its
    /// largest stride.
    pub fn load(
        files: ModelFiles,
        registry: &mut Registry,
        (batch, sides): (usize, [usize; 2]),
        precision: &PrecisionArgs,
    ) -> anyhow::Result<Self> {
        let Loaded { model, state, meta } = load(files, registry)?;
        notes(registry);
        let file = files.weights.or(files.cfg).unwrap_or(Path::new(""));
        let [height, width] = sides.map(|side| side.next_multiple_of(model.detect.max_stride()));
        if let Some(note) = rounded(sides, [height, width]) {
            eprintln!("note: {}: {note}", file.display());
        }
        model.check_size(height, width)?;
        let shape = [batch, model.spec.channels, height, width];
        let anchors = state.floats(model.detect.anchors).to_vec();
        let ranges = precision.ranges(&model, &state, [height, width])?;
        let (outputs, precision) = (&model.detect.outputs, precision.precision());
        let engine = Engine::with_precision(&model.graph, state, outputs, precision, &ranges)?;
        let maps = memory::check(&engine, shape).with_context(|| file.display().to_string())?;
        let mut noise = Stream::keyed("pictures");
        Ok(Subject {
            name: file.display().to_string(),
            trained: files.weights.is_some(),
            anchors,
            weights: model.graph.params.iter().map(|param| 4 * param.len() as u64).sum(),
            macs: macs(&model.graph, &shape)?,
            planes: (0..shape.iter().product()).map(|_| noise.uniform() as f32).collect(),
            model,
            meta,
            engine,
            maps,
            shape,
            profiles: vec![],
        })
    }

    /// Runs so many times without a record, and then so many times for the profile of a pool.
    pub fn visit(&mut self, pool: usize, warmup: usize, runs: usize) -> anyhow::Result<()> {
        let Subject { engine, planes, shape, model, profiles, .. } = self;
        (0..warmup).try_for_each(|_| engine.run(planes, *shape))?;
        let profile = engine.measure(&model.layers, planes, *shape, runs)?;
        profiles.resize_with(profiles.len().max(pool + 1), Profile::default);
        profiles[pool].append(profile);
        Ok(())
    }
}
