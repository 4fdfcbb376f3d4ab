//! A program that links no block family: YOLOv5's own blocks work, others are explained. (This suite does not use
//! `yolo_bundle`, so nothing of it is linked.)

use yolo_host::model::{Model, Spec};
use yolo_host::plugin::Registry;
use yolo_tests::root;

fn build(model: &str) -> Result<Model, yolo_host::model::Error> {
    Model::build(Spec::read(&root().join(model)).unwrap(), &Registry::linked().unwrap())
}

#[test]
fn yolov5_needs_no_plugin() {
    assert_eq!(build("models/yolov5s.yaml").unwrap().graph.parameters(None), 7_235_389);
}

#[test]
fn a_missing_block_is_explained() {
    use std::error::Error;
    for (model, block) in [("yolov5-shufflenetv2", "conv_bn_relu_maxpool"), ("yolov5s-ghost", "GhostConv")] {
        let error = build(&format!("models/{model}.yaml")).unwrap_err();
        assert!(error.to_string().contains(&format!("{model}.yaml, backbone row")), "{error}");
        let source = error.source().unwrap().to_string();
        let family = model.rsplit('-').next().unwrap();
        for part in [
            format!("no block `{block}` here: it is one of the family {family}"),
            format!("cargo feature {family}"),
            "`use yolo_bundle as _;`".into(),
        ] {
            assert!(source.contains(&part), "{source} lacks {part}");
        }
    }
    // One that nobody knows.
    let text = std::fs::read_to_string(root().join("models/yolov5s.yaml")).unwrap().replace("SPPF", "SPPX");
    let error =
        Model::build(Spec::parse(&text, "x.yaml").unwrap(), &Registry::linked().unwrap()).unwrap_err();
    let source = error.source().unwrap().to_string();
    for part in [
        "no block `SPPX`; the nearest is `SPP",
        "Bottleneck, ",
        "They come from yolo-host;",
        "a library adds its own",
    ] {
        assert!(source.contains(part), "{source} lacks {part}");
    }
}
