//! Names of other projects' models: told apart from names that no model has, and explained.

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

/// The name for an error message: of bounded length and without control characters, for it comes from the file.
pub fn printable(module: &str, name: &str) -> String {
    let name = format!("{module}.{name}");
    name.chars().take(100).flat_map(char::escape_debug).collect()
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
}
