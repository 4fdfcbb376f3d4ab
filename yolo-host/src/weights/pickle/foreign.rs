//! Names of other projects' models: told apart from names that no model has, and explained.

use super::global::{Global, printable};
use super::op::{Op, Reader};
use crate::weights::ErrorKind;

/// Packages with models of their own. A name that ends in a point stands for all inside it.
const PROJECTS: [&str; 22] = [
    "basicsr.",
    "detectron2.",
    "fastai.",
    "mmcv.",
    "mmdet.",
    "mmengine.",
    "mmyolo.",
    "models.",
    "nanodet.",
    "network.",
    "networks.",
    "nets.",
    "ppyoloe.",
    "super_gradients.",
    "timm.",
    "torchvision.models.",
    "transformers.",
    "yolo.",
    "yolov6.",
    "yolov7.",
    "yolov9.",
    "yolox.",
];

/// So many classes are named.
const SHOWN: usize = 12;

/// The error for a name of another kind of model; `None` for one that is of no model, or of YOLOv5's.
pub fn recognise(module: &str, name: &str) -> Option<ErrorKind> {
    let foreign = |what: &str, advice: &str| {
        Some(ErrorKind::Foreign { what: what.to_owned(), advice: advice.to_owned() })
    };
    let of = |package: &str| {
        module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let yolo = module.strip_prefix("yolov5.").unwrap_or(module);
    match (yolo, name) {
        _ if of("ultralytics") => foreign(
            "a checkpoint of the package ultralytics (YOLOv8 and later, or YOLOv5u such as yolov5su.pt), whose head has \
             no anchors",
            "give weights of YOLOv5 itself, such as yolov5s.pt of github.com/ultralytics/yolov5/releases, or train a \
             model anew",
        ),
        ("models.yolo", "Segment" | "SegmentationModel") => foreign(
            "a segmentation checkpoint (YOLOv5-seg)",
            "give a detection checkpoint, such as yolov5s.pt in place of yolov5s-seg.pt",
        ),
        ("models.yolo" | "models.common", "ClassificationModel" | "Classify") => foreign(
            "a classification checkpoint (YOLOv5-cls)",
            "give a detection checkpoint, such as yolov5s.pt in place of yolov5s-cls.pt",
        ),
        ("torch._utils", "_rebuild_qtensor") => {
            foreign("a quantised model", "give the checkpoint of floats that it was made from")
        }
        _ if of("torch.ao") || of("torch.quantization") => {
            foreign("a quantised model", "give the checkpoint of floats that it was made from")
        }
        ("models.yolo" | "models.common" | "models.experimental", _) => None,
        _ if PROJECTS.iter().any(|project| module.starts_with(project)) || module == "__main__" => {
            is_name(name).then(|| ErrorKind::Unknown { classes: vec![printable(module, name)] })
        }
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_uppercase());
    starts && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The error of a pickle that names unknown classes, with those that follow the first. A name that no model has wins.
pub fn survey(bytes: &[u8], start: usize, mut classes: Vec<String>) -> ErrorKind {
    let mut reader = Reader::new(bytes, start);
    while let Ok(op) = reader.op() {
        match op {
            Op::Stop => break,
            Op::Global(module, name) | Op::CallMark(module, name) => match Global::find(module, name) {
                Err(ErrorKind::Unknown { classes: more }) => {
                    classes.extend(
                        more.into_iter().filter(|class| !classes.contains(class)).collect::<Vec<_>>(),
                    );
                }
                Err(error @ ErrorKind::ForbiddenClass { .. }) => return error,
                _ => {}
            },
            _ => {}
        }
        if classes.len() > SHOWN {
            classes[SHOWN] = "…".to_owned();
            break;
        }
    }
    ErrorKind::Unknown { classes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_models_are_named() {
        let cases = [
            ("ultralytics.nn.tasks", "DetectionModel", "YOLOv5u"),
            ("ultralytics", "YOLO", "YOLOv8"),
            ("models.yolo", "SegmentationModel", "yolov5s-seg.pt"),
            ("yolov5.models.yolo", "Segment", "segmentation"),
            ("models.yolo", "ClassificationModel", "yolov5s-cls.pt"),
            ("torch._utils", "_rebuild_qtensor", "quantised"),
            ("mmdet.models.detectors", "YOLOV3", "mmdet.models.detectors.YOLOV3"),
            ("__main__", "Net", "__main__.Net"),
            ("models.mobilenet", "InvertedResidual", "models.mobilenet.InvertedResidual"),
        ];
        for (module, name, want) in cases {
            let told = recognise(module, name).map_or(String::new(), |error| error.to_string());
            assert!(told.contains(want), "{module}.{name}: {told}");
        }
        for (module, name) in
            [("models.yolo", "Model"), ("models.common", "Conv"), ("os", "system"), ("models.x", "os.system")]
        {
            assert!(recognise(module, name).is_none(), "{module}.{name}");
        }
    }

    #[test]
    fn all_unknown_classes_are_named_but_an_attack_is_an_attack() {
        let named = b"cmodels.a\nOne\ncmodels.yolo\nModel\ncmodels.b\nTwo\ncmodels.a\nOne\n.";
        let told = survey(named, 0, vec![]).to_string();
        assert!(told.contains("models.a.One, models.b.Two;"), "{told}");
        let attack = b"cmodels.a\nOne\ncos\nsystem\n.";
        assert!(
            matches!(survey(attack, 0, vec![]), ErrorKind::ForbiddenClass { class } if class == "os.system")
        );
        let many: Vec<u8> = (0..99).flat_map(|i| format!("cmodels.a\nC{i}\n").into_bytes()).collect();
        assert!(survey(&many, 0, vec![]).to_string().contains("models.a.C11, …;"));
    }
}
