//! What the layers of an ncnn file read and which weights they have: all that must be known to find the next layer's.

use super::acts;
use super::bin::Bin;
use super::param::{Layer, error};
use crate::weights::ErrorKind;
use crate::weights::exported::{IMAGE, Norm, Sizes, Sources, Tracer, Unit, UnitKind};
use crate::weights::probe::Probes;
use std::collections::HashMap;
use std::rc::Rc;

/// Layers without weights that make one tensor of all that they read.
const PLAIN: [&str; 45] = [
    "AbsVal",
    "BinaryOp",
    "BNLL",
    "Cast",
    "CELU",
    "Clip",
    "CumulativeSum",
    "DeepCopy",
    "Dropout",
    "Eltwise",
    "ELU",
    "Erf",
    "Exp",
    "ExpandDims",
    "Flatten",
    "GELU",
    "HardSigmoid",
    "HardSwish",
    "Log",
    "LRN",
    "MatMul",
    "Mish",
    "Noop",
    "Packing",
    "Permute",
    "PixelShuffle",
    "Pooling",
    "Power",
    "Reduction",
    "ReLU",
    "Reorg",
    "SELU",
    "Shrink",
    "ShuffleChannel",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Softplus",
    "Split",
    "Squeeze",
    "Swish",
    "TanH",
    "Threshold",
    "UnaryOp",
    "YoloV5Focus",
];

/// Layers whose further inputs say only how large the output is.
const SHAPED: [&str; 6] = ["Crop", "Interp", "Padding", "Reshape", "Resize", "Tile"];

/// Layers that end a detector.
const ENDS: [&str; 3] = ["DetectionOutput", "Yolov3DetectionOutput", "YoloDetectionOutput"];

/// The layers with weights, in the file's order.
///
/// # Errors
/// A layer that is not known, weights that are not there or cannot be read, and bytes that belong to no layer.
pub fn units(layers: &[Layer], bytes: &[u8]) -> Result<Vec<Unit>, ErrorKind> {
    let mut bin = Bin::new(bytes);
    let mut tracer = Tracer::default();
    let mut readers: HashMap<&str, usize> = HashMap::new();
    layers.iter().flat_map(|layer| &layer.inputs).for_each(|blob| *readers.entry(blob).or_default() += 1);
    let mut blobs: HashMap<&str, Sources> = HashMap::new();
    // The unit whose own output a blob is.
    let mut direct: HashMap<&str, usize> = HashMap::new();
    let mut probes = Probes::default();
    let mut units: Vec<Unit> = vec![];
    for layer in layers {
        let inputs = inputs(layer, &blobs)?;
        let unit = with_weights(layer, &mut bin)?;
        let before = match (layer.inputs.as_slice(), layer.kind) {
            ([blob], "BatchNorm" | "Scale") if readers.get(blob) == Some(&1) => direct.get(blob).copied(),
            _ => None,
        };
        let (made, unit) = match (unit, before) {
            (Some(norm), Some(place)) if units[place].takes(&norm) => {
                units[place].norm = Some(norm.into_norm());
                (inputs.first().cloned().unwrap_or_default(), Some(place))
            }
            (Some(unit), _) => {
                layer.inputs.iter().for_each(|input| probes.end(input));
                let reads = tracer.merged(&inputs)?;
                units.push(Unit { reads: tracer.keep(&reads)?, ..unit });
                (Tracer::of(units.len() - 1), Some(units.len() - 1))
            }
            (None, _) => {
                acts::follow(layer, &mut probes)?;
                (without(layer, &inputs, &mut bin, &mut tracer)?, None)
            }
        };
        for output in &layer.outputs {
            blobs.insert(output, made.clone());
            direct.extend(unit.map(|unit| (*output, unit)));
            if let Some(unit) = unit {
                probes.start(unit, output);
                acts::fused(layer, output, &mut probes)?;
            }
        }
    }
    units.iter_mut().enumerate().for_each(|(place, unit)| unit.behind = probes.behind(place));
    match bin.left() {
        0 => Ok(units),
        bytes => Err(ErrorKind::LeftOver { bytes }),
    }
}

/// What a layer reads.
fn inputs(layer: &Layer, blobs: &HashMap<&str, Sources>) -> Result<Vec<Sources>, ErrorKind> {
    let find = |name: &&str| {
        blobs.get(*name).cloned().ok_or_else(|| {
            let (layer, blob) = (layer.name.escape_debug(), name.escape_debug());
            format!("layer `{layer}` reads `{blob}`, which no layer before it makes")
        })
    };
    let found: Result<Vec<Sources>, String> = layer.inputs.iter().map(find).collect();
    found.map_err(|what| error(layer.line, what))
}

/// What a layer makes that has no weights, or none that matter.
fn without(
    layer: &Layer,
    inputs: &[Sources],
    bin: &mut Bin,
    tracer: &mut Tracer,
) -> Result<Sources, ErrorKind> {
    match layer.kind {
        "Input" => Ok(Tracer::of(IMAGE)),
        "Concat" => tracer.joined(inputs),
        "MemoryData" => {
            let sides = [layer.size(0, 0)?, layer.size(1, 0)?, layer.size(11, 0)?, layer.size(2, 0)?];
            let sides = sides.into_iter().filter(|side| *side > 0);
            let count = sides.fold(1usize, |count, side| count.saturating_mul(side));
            match layer.int(21, 1)? {
                0 => bin.weights(count, &layer.place())?,
                _ => bin.floats(count, &layer.place())?,
            };
            Ok(Rc::new(vec![]))
        }
        "Padding" if layer.size(6, 0)? > 0 => {
            Err(error(layer.line, "a border with a value for each channel is not read".to_owned()))
        }
        "Quantize" | "Dequantize" | "Requantize" => Err(ErrorKind::Quantised { place: layer.place() }),
        kind if SHAPED.contains(&kind) => Ok(inputs.first().cloned().unwrap_or_default()),
        kind if PLAIN.contains(&kind) || ENDS.contains(&kind) => tracer.merged(inputs),
        kind => {
            let (line, name, kind) = (layer.line, layer.name.to_owned(), kind.to_owned());
            Err(ErrorKind::UnknownLayer { line, name, kind })
        }
    }
}

/// A layer with weights, which are taken from the file; none for others.
fn with_weights(layer: &Layer, bin: &mut Bin) -> Result<Option<Unit>, ErrorKind> {
    let place = layer.place();
    let unit = |sizes: Sizes, weight, bias, norm| {
        Some(Unit {
            place: layer.place(),
            module: None,
            sizes,
            weight,
            bias,
            norm,
            reads: vec![],
            behind: None,
        })
    };
    Ok(match layer.kind {
        "Convolution" | "ConvolutionDepthWise" => {
            let sizes = convolution(layer)?;
            let weight = bin.weights(layer.size(6, 0)?, &place)?;
            let bias = match layer.int(5, 0)? {
                0 => None,
                _ => Some(bin.floats(sizes.out, &place)?),
            };
            unit(sizes, weight, bias, None)
        }
        "InnerProduct" => {
            refuse_int8(layer)?;
            let (out, count) = (layer.size(0, 0)?, layer.size(2, 0)?);
            let input = whole(layer, count, out)?;
            let weight = bin.weights(count, &place)?;
            let bias = match layer.int(1, 0)? {
                0 => None,
                _ => Some(bin.floats(out, &place)?),
            };
            unit(Sizes::linear(out, input), weight, bias, None)
        }
        "BatchNorm" => {
            let channels = layer.size(0, 0)?;
            let mut next = || bin.floats(channels, &place);
            let (weight, mean, var, bias) = (next()?, next()?, next()?, next()?);
            let norm = Norm { weight, bias, mean, var, eps: layer.float(1, 0.0)? };
            unit(Sizes::by_channel(UnitKind::Conv, channels), vec![1.0; channels], None, Some(norm))
        }
        // With −233 the factors are another layer's output.
        "Scale" if layer.int(0, 0)? != -233 => {
            let channels = layer.size(0, 0)?;
            let weight = bin.floats(channels, &place)?;
            let bias = match layer.int(1, 0)? {
                0 => None,
                _ => Some(bin.floats(channels, &place)?),
            };
            unit(Sizes::by_channel(UnitKind::Conv, channels), weight, bias, None)
        }
        "LayerNorm" if layer.int(2, 1)? != 0 => {
            let channels = layer.size(0, 0)?;
            let weight = bin.floats(channels, &place)?;
            let bias = bin.floats(channels, &place)?;
            unit(Sizes::by_channel(UnitKind::LayerNorm, channels), weight, Some(bias), None)
        }
        _ => None,
    })
}

/// The sizes of a convolution, of which the input's channels follow from the number of weights.
fn convolution(layer: &Layer) -> Result<Sizes, ErrorKind> {
    refuse_int8(layer)?;
    if layer.int(19, 0)? != 0 {
        return Err(error(
            layer.line,
            "a convolution whose weights another layer makes is not read".to_owned(),
        ));
    }
    // Height follows width where it is not told.
    let pair = |width: i64, height: i64, otherwise: usize| -> Result<[usize; 2], ErrorKind> {
        let across = layer.size(width, otherwise)?;
        Ok([layer.size(height, across)?, across])
    };
    let (out, kernel) = (layer.size(0, 0)?, pair(1, 11, 0)?);
    let groups = if layer.kind == "ConvolutionDepthWise" { layer.size(7, 1)? } else { 1 };
    let window = out.saturating_mul(kernel[0]).saturating_mul(kernel[1]);
    let per_group = whole(layer, layer.size(6, 0)?, window)?;
    if groups == 0 || !out.is_multiple_of(groups) {
        return Err(error(layer.line, format!("{out} outputs do not split into {groups} groups")));
    }
    let (dilation, stride) = (pair(2, 12, 1)?, pair(3, 13, 1)?);
    let kind = UnitKind::Conv;
    Ok(Sizes { kind, out, per_group, kernel, stride, dilation, groups }.normal())
}

/// The number of weights by what must divide it.
fn whole(layer: &Layer, count: usize, by: usize) -> Result<usize, ErrorKind> {
    match by > 0 && count > 0 && count.is_multiple_of(by) {
        true => Ok(count / by),
        false => {
            let what = format!("layer `{}`: {count} weights do not fit its sizes", layer.name.escape_debug());
            Err(error(layer.line, what))
        }
    }
}

fn refuse_int8(layer: &Layer) -> Result<(), ErrorKind> {
    match layer.int(8, 0)? {
        0 => Ok(()),
        _ => Err(ErrorKind::Quantised { place: layer.place() }),
    }
}
