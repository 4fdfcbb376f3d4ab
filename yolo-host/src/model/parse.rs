//! `parse_model`: every row looked up in the registry, its arguments resolved, and its block emitted into one graph.

use super::{Detect, Error, LayerError, Spec, missing};
use crate::graph::{Activations, BuildError, Graph, GraphBuilder, Limits, ValueId};
use crate::plugin::{Arg, DETECT, Entry, Origin, Registry};
use crate::weights::Plugin;
use std::collections::BTreeMap;

/// Height and width with which a graph is built; twice the largest stride of YOLOv5's models. Other sizes are inferred.
const NOMINAL: usize = 256;

/// One row, built.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Layers that it reads, as written.
    pub from: Vec<i64>,
    /// Repeats, after `depth_multiple`.
    pub number: usize,
    /// Name of its block.
    pub block: String,
    /// Arguments as the reference prints them: input channels, scaled width, repeats, the rest.
    pub args: String,
    /// Its output; for Detect, the last raw map.
    pub output: ValueId,
}

/// A model: its file, its graph, and where its layers and outputs are in it.
#[derive(Clone, Debug)]
pub struct Model {
    /// As written.
    pub spec: Spec,
    /// Operations and parameters.
    pub graph: Graph,
    /// One for each row.
    pub layers: Vec<Layer>,
    /// The last row.
    pub detect: Detect,
    /// Plugins that blocks come from, by name.
    pub plugins: Vec<Plugin>,
}

impl Model {
    /// As [`Model::build`], after the plugins that the file asks for are loaded, if models are trusted. What a user should
    /// know of the file is then among the registry's notes.
    pub fn prepare(spec: Spec, registry: &mut Registry) -> Result<Self, Error> {
        registry.load_trusted(&spec.plugins)?;
        registry.add_notes(spec.notes.iter().map(|note| format!("{}: {note}", spec.file)));
        Self::build(spec, registry)
    }

    /// Builds the model of a file from the blocks in a registry.
    pub fn build(spec: Spec, registry: &Registry) -> Result<Self, Error> {
        let input = [1, spec.channels, NOMINAL, NOMINAL];
        let (mut builder, images) = GraphBuilder::new(input, Limits::default());
        builder.set_activations(Activations {
            conv: spec.activation,
            single: spec.activations.clone(),
            ..Activations::default()
        });
        let mut layers: Vec<Layer> = Vec::with_capacity(spec.rows.len());
        let mut detect = None;
        for index in 0..spec.rows.len() {
            let mut build = || -> Result<Layer, LayerError> {
                builder.begin_layer(index);
                let inputs = inputs(&spec, index, images, &layers)?;
                if spec.rows[index].module == DETECT {
                    return detect_layer(&mut builder, &spec, index, &inputs, &mut detect);
                }
                let entry = look_up(registry, &spec, &spec.rows[index].module)?;
                block_layer(&mut builder, &spec, index, &inputs, entry)
            };
            let layer = build().map_err(|source| Error::Layer {
                file: spec.file.clone(),
                place: spec.place(index),
                layer: index,
                block: described(registry, &spec.rows[index].module),
                source: Box::new(source),
            })?;
            layers.push(layer);
        }
        let Some(detect) = detect else {
            return Err(Error::Spec { file: spec.file, why: "the last row must be Detect".into() });
        };
        if let [unmet, ..] = &builder.unmet_activations()[..] {
            let why = format!("`activations` names `{unmet}`, behind which this model has no activation");
            return Err(Error::Spec { file: spec.file, why });
        }
        let plugins = plugins(&layers, registry);
        Ok(Model { spec, graph: builder.finish(), layers, detect, plugins })
    }

    /// Fails if it does not take images: of three channels, or of one, for which they are made grey.
    pub fn check_images(&self) -> Result<(), Error> {
        match self.spec.channels {
            1 | 3 => Ok(()),
            channels => Err(Error::Spec {
                file: self.spec.file.clone(),
                why: format!(
                    "the model takes {channels} channels (`ch`), but images have 3, or 1 where the model says `ch: 1`"
                ),
            }),
        }
    }

    /// Fails, naming the layer, if images of this size do not fit through the model.
    pub fn check_size(&self, height: usize, width: usize) -> Result<(), Error> {
        match self.graph.shapes(&[1, self.spec.channels, height, width]) {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::Size { file: self.spec.file.clone(), height, width, source }),
        }
    }
}

/// The tensors that `from` names.
fn inputs(spec: &Spec, index: usize, images: ValueId, layers: &[Layer]) -> Result<Vec<ValueId>, LayerError> {
    let resolve = |&from: &i64| {
        let place = if from < 0 { index as i64 + from } else { from };
        match usize::try_from(place).ok().and_then(|place| layers.get(place)) {
            Some(layer) => Ok(layer.output),
            None if index == 0 && from == -1 => Ok(images),
            None => Err(LayerError::From { from, layer: index }),
        }
    };
    spec.rows[index].from.iter().map(resolve).collect()
}

/// A block's name, with the library that it comes from if it does.
fn described(registry: &Registry, name: &str) -> String {
    match registry.get(name).map(|entry| &entry.origin) {
        Some(origin @ Origin::Library { .. }) => format!("{name} of {origin}"),
        _ => name.to_string(),
    }
}

/// The plugins that blocks come from, each with its blocks that are used.
fn plugins(layers: &[Layer], registry: &Registry) -> Vec<Plugin> {
    let mut found: BTreeMap<(String, String), Plugin> = BTreeMap::new();
    for entry in layers.iter().filter_map(|layer| registry.get(&layer.block)) {
        let library = match &entry.origin {
            Origin::Host => continue,
            Origin::Crate { .. } => None,
            // Where it lies on this machine is nobody else's.
            Origin::Library { path, .. } => path.file_name().map(|name| name.to_string_lossy().into_owned()),
        };
        let (name, version) = entry.origin.plugin();
        let new = || Plugin { name: name.into(), version: version.into(), library, blocks: vec![] };
        let plugin = found.entry((name.to_string(), version.to_string())).or_insert_with(new);
        if !plugin.blocks.contains(&entry.name) {
            plugin.blocks.push(entry.name.clone());
        }
    }
    found.into_values().collect()
}

fn look_up<'a>(registry: &'a Registry, spec: &Spec, name: &str) -> Result<&'a Entry, LayerError> {
    registry.get(name).ok_or_else(|| missing::block(registry, spec, name))
}

fn detect_layer(
    builder: &mut GraphBuilder,
    spec: &Spec,
    index: usize,
    inputs: &[ValueId],
    detect: &mut Option<Detect>,
) -> Result<Layer, LayerError> {
    if index + 1 != spec.rows.len() {
        return Err(LayerError::Other("must be the last row".into()));
    }
    let channels: Vec<usize> =
        inputs.iter().map(|x| builder.shape(*x).get(1).copied().unwrap_or(0)).collect();
    let built = Detect::build(builder, spec, index, inputs)?;
    let output = built.outputs[built.outputs.len() - 1];
    let args = format!("[{}, {} anchors, {channels:?}]", built.nc, built.na);
    *detect = Some(built);
    let row = &spec.rows[index];
    Ok(Layer { from: row.from.clone(), number: 1, block: row.module.clone(), args, output })
}

fn block_layer(
    builder: &mut GraphBuilder,
    spec: &Spec,
    index: usize,
    inputs: &[ValueId],
    entry: &Entry,
) -> Result<Layer, LayerError> {
    let row = &spec.rows[index];
    let (min, max) = entry.inputs;
    if inputs.len() < min || inputs.len() > max {
        let expected = if min == max { min.to_string() } else { format!("{min} to {max}") };
        return Err(LayerError::Inputs { expected, given: inputs.len() });
    }
    let mut given = Vec::with_capacity(row.args.len());
    for (i, value) in row.args.iter().enumerate() {
        let name = entry.params.get(i).map_or(format!("{}", i + 1), |param| format!("`{}`", param.name));
        given.push(spec.argument(value).map_err(|why| LayerError::Other(format!("argument {name}: {why}")))?);
    }
    if let Some(width) = entry.width().and_then(|width| given.get_mut(width)) {
        match *width {
            Arg::Int(channels) => *width = Arg::Int(scaled_width(channels as f64, spec)),
            // Python's division gives such numbers.
            Arg::Float(channels) if channels.fract() == 0.0 => {
                *width = Arg::Int(scaled_width(channels, spec))
            }
            _ => {}
        }
    }
    let args = entry.check(&given)?;
    let read = &read(spec, index, builder, inputs)[..];
    let number = scaled_depth(row.number, spec.depth_multiple);
    let output = if entry.repeats_inside || number == 1 {
        entry.build(builder, inputs, &args, number).map_err(|error| unfit(error, read))?
    } else {
        let mut inputs = inputs.to_vec();
        for copy in 0..number {
            builder.push_scope(&copy.to_string());
            inputs = vec![entry.build(builder, &inputs, &args, 1).map_err(|error| unfit(error, read))?];
            builder.pop_scope();
        }
        inputs[0]
    };
    let channels = entry.width().and_then(|_| builder.shape(inputs[0]).get(1).copied());
    let shown = shown_args(channels, entry.repeats_inside.then_some(number), &given);
    Ok(Layer { from: row.from.clone(), number, block: entry.name.clone(), args: shown, output })
}

/// `make_divisible(c2 * width_multiple, 8)`, except for a width that equals the number of Detect's outputs.
fn scaled_width(channels: f64, spec: &Spec) -> i64 {
    let no = spec.anchors.per_output() * (spec.nc + 5);
    if channels == no as f64 || channels < 1.0 {
        return channels as i64;
    }
    // A float cast saturates; widths that large are refused when the block is built.
    let multiple = spec.channel_multiple as f64;
    ((channels * spec.width_multiple / multiple).ceil() as i64).saturating_mul(spec.channel_multiple as i64)
}

/// What does not fit, with what the layers give that the row reads, if they are several.
fn unfit(error: BuildError, read: &[String]) -> LayerError {
    match error {
        BuildError::Shape(_) if read.len() > 1 => {
            LayerError::Unfit { fault: error, read: read.join(" and "), nominal: NOMINAL }
        }
        error => LayerError::Build(error),
    }
}

/// What each layer gives that a row reads.
fn read(spec: &Spec, index: usize, builder: &GraphBuilder, inputs: &[ValueId]) -> Vec<String> {
    let from = spec.rows[index].from.iter().zip(inputs);
    from.map(|(&from, input)| {
        let layer = if from < 0 { index as i64 + from } else { from };
        format!("layer {layer} gives {:?}", builder.shape(*input).get(1..).unwrap_or_default())
    })
    .collect()
}

/// `max(round(n * depth_multiple), 1)` for n > 1, halves to even as Python rounds.
fn scaled_depth(number: usize, depth_multiple: f64) -> usize {
    match number {
        0 | 1 => number,
        _ => ((number as f64 * depth_multiple).round_ties_even() as usize).max(1),
    }
}

fn shown_args(channels: Option<usize>, repeats: Option<usize>, given: &[Arg]) -> String {
    let mut shown: Vec<String> = given.iter().map(Arg::to_string).collect();
    if let Some(repeats) = repeats {
        shown.insert(shown.len().min(1), repeats.to_string());
    }
    if let Some(channels) = channels {
        shown.insert(0, channels.to_string());
    }
    format!("[{}]", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_scaled_as_make_divisible_does() {
        let spec = Spec::parse(
            "nc: 80\nwidth_multiple: 0.5\ndepth_multiple: 1\nanchors: 3\nbackbone: [[-1, 1, Conv, [8, 1]]]\nhead: []",
            "",
        )
        .unwrap();
        // 255 is the width of Detect's outputs; less than 1 is no width, and refused later.
        for (channels, expected) in [(64.0, 32), (65.0, 40), (255.0, 255), (1.0, 8), (0.0, 0), (-3.0, -3)] {
            assert_eq!(scaled_width(channels, &spec), expected, "{channels}");
        }
    }

    #[test]
    fn depth_rounds_half_to_even() {
        let cases =
            [((9, 0.5), 4), ((3, 0.5), 2), ((1, 0.33), 1), ((3, 0.33), 1), ((9, 0.33), 3), ((6, 0.1), 1)];
        for ((number, multiple), expected) in cases {
            assert_eq!(scaled_depth(number, multiple), expected, "{number} × {multiple}");
        }
    }
}
