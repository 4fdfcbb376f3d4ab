//! What a checkpoint's modules compute besides activations: it must be what the model's graph has.

use super::modules::Modules;
use super::{Model, Row};
use crate::graph::{ConvSpec, Op, Pool, PoolSpec, Upsample, ValueId};
use crate::weights::{Attribute, ModuleInfo};
use std::collections::{BTreeMap, BTreeSet};

impl Modules<'_> {
    /// What is wrong with the other modules. `own`: the model's YAML is the checkpoint's.
    pub fn misfits(&self, model: &Model, own: bool) -> Vec<String> {
        let mut wrong = if own { self.classes(model) } else { vec![] };
        for (place, node) in model.graph.nodes.iter().enumerate() {
            let module = model.graph.module(ValueId(place)).and_then(|path| self.get(path));
            let Some(module) = module else { continue };
            if let Op::Conv2d { spec, .. } = &node.op {
                wrong.extend(conv(module, spec));
            }
            // Some ways to fuse leave nothing in a batch norm's place.
            if let Op::BatchNorm { .. } = node.op
                && module.class != "Identity"
            {
                if !module.class.contains("BatchNorm") {
                    let (path, class) = (&module.path, &module.class);
                    wrong.push(format!("{path} is a {class}, and a batch norm in the model"));
                } else if module.get("track_running_stats") == Some(&Attribute::Bool(false)) {
                    wrong.push(format!("{} has no running statistics", module.path));
                }
            }
        }
        wrong.extend(self.windows(model));
        wrong
    }

    /// Rows whose class is another than the YAML says.
    fn classes(&self, model: &Model) -> Vec<String> {
        let row = |(i, row): (usize, &Row)| {
            let module = self.get(&format!("model.{i}"))?;
            let module = match module.class.as_str() {
                "Sequential" => self.get(&format!("model.{i}.0"))?,
                _ => module,
            };
            let block = row.module.rsplit('.').next().unwrap_or(&row.module);
            (module.class != block)
                .then(|| format!("layer {i} is a {}, and {block} in its YAML", module.class))
        };
        model.spec.rows.iter().enumerate().filter_map(row).collect()
    }

    /// Rows whose pools, up-sampling or attention differ. One module may run several times.
    fn windows(&self, model: &Model) -> Vec<String> {
        let mut graph: BTreeMap<(usize, &str), BTreeSet<String>> = BTreeMap::new();
        for node in &model.graph.nodes {
            let (class, told) = if let Op::Pool(pool, spec) = &node.op {
                let class = if *pool == Pool::Max { "MaxPool2d" } else { "AvgPool2d" };
                let PoolSpec { kernel, stride, padding, dilation, ceil_mode } = spec;
                let window = format!("kernel {kernel:?}, stride {stride:?}, padding {padding:?}");
                (class, format!("{window}, dilation {dilation:?}, ceil_mode {}", *ceil_mode != 0))
            } else if let Op::Upsample(scale, mode) = &node.op {
                let mode = if *mode == Upsample::Nearest { "nearest" } else { "bilinear" };
                ("Upsample", format!("scale {:?}, {mode}", [scale; 2]))
            } else if let Op::Reshape(shape) = &node.op
                && shape.len() == 4
            {
                ("MultiheadAttention", format!("{} heads", shape[2]))
            } else {
                continue;
            };
            graph.entry((node.layer, class)).or_default().insert(told);
        }
        let mut found: BTreeMap<(usize, &str), BTreeSet<String>> = BTreeMap::new();
        for module in self.by_path.values() {
            let pair = |name: &str, otherwise: usize| pair(module.get(name)).unwrap_or([otherwise; 2]);
            let told = match module.class.as_str() {
                "MaxPool2d" | "AvgPool2d" => format!(
                    "kernel {:?}, stride {:?}, padding {:?}, dilation {:?}, ceil_mode {}",
                    pair("kernel_size", 0),
                    pair("stride", 0),
                    pair("padding", 0),
                    pair("dilation", 1),
                    module.get("ceil_mode") == Some(&Attribute::Bool(true))
                ),
                "Upsample" => match (module.get("mode"), module.get("align_corners"), module.get("size")) {
                    (
                        Some(Attribute::Text(mode)),
                        None | Some(Attribute::None | Attribute::Bool(false)),
                        None | Some(Attribute::None),
                    ) => {
                        format!("scale {:?}, {mode}", pair("scale_factor", 0))
                    }
                    other => format!("{other:?}"),
                },
                "MultiheadAttention" => match module.get("num_heads") {
                    Some(Attribute::Number(heads)) => format!("{heads} heads"),
                    _ => continue,
                },
                _ => continue,
            };
            let row = module.path.split('.').nth(1).and_then(|row| row.parse().ok());
            if let (Some(row), Some((class, _))) =
                (row, graph.keys().map(|(_, class)| (*class, ())).find(|(class, ())| *class == module.class))
            {
                found.entry((row, class)).or_default().insert(told);
            }
        }
        let unlike = found.iter().filter_map(|(key @ (row, class), found)| {
            let model = graph.get(key).filter(|model| *model != found)?;
            let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" and ");
            Some(format!("layer {row} has {class} of {}, and of {} in the model", list(found), list(model)))
        });
        unlike.collect()
    }
}

/// A number for both axes, or one for each.
fn pair(attribute: Option<&Attribute>) -> Option<[usize; 2]> {
    match attribute? {
        Attribute::Number(both) => Some([*both as usize; 2]),
        Attribute::Numbers(list) => match list[..] {
            [both] => Some([both as usize; 2]),
            [height, width] => Some([height as usize, width as usize]),
            _ => None,
        },
        _ => None,
    }
}

/// What is wrong with the module of a convolution.
fn conv(module: &ModuleInfo, spec: &ConvSpec) -> Vec<String> {
    if module.class != "Conv2d" {
        return vec![format!("{} is a {}, and a convolution in the model", module.path, module.class)];
    }
    let pairs = [
        ("kernel_size", spec.kernel),
        ("stride", spec.stride),
        ("padding", spec.padding),
        ("dilation", spec.dilation),
        ("groups", [spec.groups; 2]),
    ];
    let mut wrong: Vec<String> = pairs
        .iter()
        .filter_map(|(name, model)| {
            let found = module.get(name)?;
            (pair(Some(found)) != Some(*model))
                .then(|| format!("{} has {name} {}, and {model:?} in the model", module.path, shown(found)))
        })
        .collect();
    match module.get("padding_mode") {
        None | Some(Attribute::None) => {}
        Some(Attribute::Text(mode)) if mode == "zeros" => {}
        Some(mode) => wrong.push(format!("{} has padding_mode {}", module.path, shown(mode))),
    }
    wrong
}

fn shown(attribute: &Attribute) -> String {
    match attribute {
        Attribute::None => "None".into(),
        Attribute::Bool(value) => value.to_string(),
        Attribute::Number(value) => value.to_string(),
        Attribute::Text(text) => text.escape_debug().to_string(),
        Attribute::Numbers(list) => format!("{list:?}"),
        Attribute::Other => "something else".into(),
    }
}
