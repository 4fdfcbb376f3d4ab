//! `yolo bench --serve`: models loaded and run as another program says, which times and checks from outside.
//!
//! Each line on standard input is answered by one on standard output, which begins with `ok` or with `error: `:
//!
//! | line | what is done |
//! |---|---|
//! | `load NAME CFG WEIGHTS INPUT OUTPUT` | the model is built; the tensor `input` of INPUT, `[batch, channels, height, width]`, goes through it once, and its raw maps into OUTPUT, named `p3`, `p4`, … by the power of two of their strides, each `[batch, anchors · (5 + classes), height, width]` |
//! | `run NAME` | that input goes through it again |

use super::super::output::line;
use super::super::plugins::{PluginArgs, notes};
use super::super::precision::PrecisionArgs;
use super::memory;
use crate::exec::engine::Engine;
use crate::model::{self, Loaded, Model, ModelFiles};
use crate::plugin::Registry;
use crate::weights::{self, Array, Checkpoint, Data, Dtype};
use anyhow::{Context, bail, ensure};
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

/// A model with its input.
struct Served {
    engine: Engine,
    planes: Vec<f32>,
    shape: [usize; 4],
}

/// Answers until the input ends.
pub fn serve(plugins: &PluginArgs, precision: &PrecisionArgs) -> anyhow::Result<()> {
    let (mut registry, mut models) = (plugins.registry()?, HashMap::new());
    let mut input = std::io::stdin().lock();
    let mut bytes = vec![];
    while input.read_until(b'\n', &mut bytes).context("standard input")? > 0 {
        let answer = match answer(&String::from_utf8_lossy(&bytes), &mut models, &mut registry, precision) {
            Ok(text) => format!("ok {text}"),
            Err(error) => format!("error: {error:#}"),
        };
        // One line, whatever an error quotes.
        line(&answer.split_whitespace().collect::<Vec<_>>().join(" "))?;
        bytes.clear();
    }
    Ok(())
}

fn answer(
    line: &str,
    models: &mut HashMap<String, Served>,
    registry: &mut Registry,
    precision: &PrecisionArgs,
) -> anyhow::Result<String> {
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["load", name, cfg, weights, input, output] => {
            let files = [cfg, weights, input, output].map(Path::new);
            let served = load(files, registry, precision)?;
            let said = format!("{name}, input {:?}", served.shape);
            models.insert(name.to_string(), served);
            Ok(said)
        }
        ["run", name] => {
            let Some(Served { engine, planes, shape }) = models.get_mut(name) else {
                let mut known: Vec<&str> = models.keys().map(String::as_str).collect();
                known.sort_unstable();
                bail!("no model `{name}` is loaded; there are: [{}]", known.join(", "));
            };
            let start = Instant::now();
            engine.run(planes, *shape)?;
            Ok(format!("{name}, {:.3} ms", start.elapsed().as_secs_f64() * 1e3))
        }
        [] => bail!("an empty line; say `load NAME CFG WEIGHTS INPUT OUTPUT` or `run NAME`"),
        [command, ..] => bail!(
            "`{command}` with {} words after it; say `load NAME CFG WEIGHTS INPUT OUTPUT` or `run NAME`",
            line.split_whitespace().count() - 1
        ),
    }
}

/// Loads a model, runs its input once and writes what comes out.
fn load(
    [cfg, weights, input, output]: [&Path; 4],
    registry: &mut Registry,
    precision: &PrecisionArgs,
) -> anyhow::Result<Served> {
    let files = ModelFiles { weights: Some(weights), cfg: Some(cfg) };
    let Loaded { model, state, .. } = model::load(files, registry)?;
    notes(registry);
    let images = weights::read(input)?.arrays.remove("input");
    let (planes, shape) = fitting(images, &model).with_context(|| input.display().to_string())?;
    let ranges = precision.ranges(&model, &state, [shape[2], shape[3]])?;
    let (outputs, precision) = (&model.detect.outputs, precision.precision());
    let mut engine = Engine::with_precision(&model.graph, state, outputs, precision, &ranges)?;
    memory::check(&engine, shape).with_context(|| input.display().to_string())?;
    engine.run(&planes, shape)?;
    weights::write(output, &raw_maps(&engine, &model)?, Dtype::F32)?;
    Ok(Served { engine, planes, shape })
}

/// The tensor `input`, which must fit the model.
fn fitting(input: Option<Array>, model: &Model) -> anyhow::Result<(Vec<f32>, [usize; 4])> {
    let Some(Array { shape, data: Data::F32(planes) }) = input else {
        bail!("has no tensor `input` of floating-point numbers");
    };
    let [batch, channels, height, width] = shape[..] else {
        bail!("`input` must be [batch, channels, height, width], not {shape:?}");
    };
    ensure!(batch > 0, "`input` has no images: {shape:?}");
    let needed = model.spec.channels;
    ensure!(channels == needed, "`input` has {channels} channels, where the model takes {needed}");
    model.check_size(height, width)?;
    Ok((planes, [batch, channels, height, width]))
}

/// The raw maps of the last run, as planes.
fn raw_maps(engine: &Engine, model: &Model) -> anyhow::Result<Checkpoint> {
    let mut arrays = BTreeMap::new();
    for (place, stride) in model.detect.strides.iter().enumerate() {
        let map = engine.output(place).context("a map is missing")?;
        let [batch, channels, height, width] = map.shape[..] else { bail!("a map of shape {:?}", map.shape) };
        let pixels = height * width;
        let mut planes = Vec::with_capacity(map.data.len());
        for image in map.data.chunks_exact((pixels * channels).max(1)).take(batch) {
            for channel in 0..channels {
                planes.extend(image[channel..].iter().step_by(channels));
            }
        }
        let name = format!("p{}", (*stride as usize).max(1).ilog2());
        let array = Array { shape: map.shape.to_vec(), data: Data::F32(planes) };
        ensure!(arrays.insert(name, array).is_none(), "two maps of stride {stride}");
    }
    Ok(Checkpoint { arrays, ..Checkpoint::default() })
}
