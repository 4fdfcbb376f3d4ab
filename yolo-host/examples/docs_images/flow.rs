//! The graph of the flow: what becomes what on the way from a model file to detections and trained weights.

use super::svg::{Anchor, FAINT, Svg};

/// A thing or a step: its place and size in pixels, its name, and a line about it.
struct Node(f64, f64, f64, &'static str, &'static str);

/// Height of all nodes.
const HEIGHT: f64 = 50.0;

/// Files, and what is made of them here.
const FILES: [Node; 5] = [
    Node(20.0, 20.0, 170.0, "model file", "models/*.yaml"),
    Node(20.0, 220.0, 170.0, "weights", ".safetensors, .pt"),
    Node(20.0, 320.0, 170.0, "images, labels", "JPEG, PNG, …; YOLO, VOC, COCO"),
    Node(690.0, 320.0, 190.0, "detections", "images, labels, crops, JSON"),
    Node(690.0, 420.0, 190.0, "trained weights", "safetensors, curves, report"),
];

const STEPS: [Node; 9] = [
    Node(250.0, 20.0, 190.0, "model", "rows checked, blocks built"),
    Node(500.0, 20.0, 130.0, "registry", "blocks by name"),
    Node(250.0, 120.0, 190.0, "graph", "primitive operations, shapes"),
    Node(500.0, 120.0, 130.0, "yolo info", "parameters, GFLOPs"),
    Node(250.0, 220.0, 380.0, "executors", "CPU: fused inference, training · CUDA: candle, cuDNN"),
    Node(250.0, 320.0, 130.0, "image, data", "letterbox, batches"),
    Node(500.0, 320.0, 130.0, "eval", "decode, NMS, mAP"),
    Node(250.0, 420.0, 130.0, "train", "optimiser, EMA"),
    Node(500.0, 420.0, 130.0, "loss", "and its gradient"),
];

/// Where blocks come from.
const BLOCKS: Node = Node(690.0, 20.0, 190.0, "blocks", "ours, a crate's, a library's");

/// The graph as an SVG file.
pub fn graph() -> String {
    let mut svg = Svg::new(900, 490);
    for Node(x, y, width, name, about) in FILES.iter().chain([&BLOCKS]) {
        node(&mut svg, [*x, *y, *width], name, about, "#fff8e6", "#c9a227");
    }
    for Node(x, y, width, name, about) in &STEPS {
        node(&mut svg, [*x, *y, *width], name, about, "#eaf2fb", "#2f6db3");
    }
    for path in [
        "M190 45H248",              // model file to model
        "M690 45H632",              // blocks to registry
        "M500 45H442",              // registry to model
        "M345 70V118",              // model to graph
        "M440 145H498",             // graph to info
        "M345 170V218",             // graph to executors
        "M190 245H248",             // weights to executors
        "M190 345H248",             // images to data
        "M315 320V272",             // batches to executors
        "M565 270V318",             // raw maps to eval
        "M630 345H688",             // eval to detections
        "M600 270V294H660V445H632", // raw maps to loss
        "M500 445H382",             // gradient to train
        "M380 432H440V272",         // new values to executors
    ] {
        svg.arrow(path);
    }
    svg.arrow("M315 470V482H785V472");
    let note = format!(" style=\"fill: {FAINT}\" font-style=\"italic\"");
    for (x, y, text, anchor) in [
        (323.0, 300.0, "bytes, NHWC", Anchor::Start),
        (557.0, 300.0, "raw maps", Anchor::End),
        (448.0, 424.0, "values", Anchor::Start),
    ] {
        svg.text((x, y), text, 11, anchor, &note);
    }
    svg.finish("From a model file, weights and images to detections and trained weights")
}

fn node(svg: &mut Svg, [x, y, width]: [f64; 3], name: &str, about: &str, fill: &str, stroke: &str) {
    svg.rect([x, y, width, HEIGHT], fill, Some(stroke));
    let middle = x + width / 2.0;
    svg.text((middle, y + 21.0), name, 14, Anchor::Middle, " font-weight=\"bold\"");
    svg.text((middle, y + 39.0), about, 11, Anchor::Middle, "");
}
