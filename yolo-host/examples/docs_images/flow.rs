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
    Node(20.0, 320.0, 170.0, "images, labels", "YOLO, Pascal VOC, COCO"),
    Node(750.0, 320.0, 170.0, "detections", "images, labels, JSON"),
    Node(750.0, 420.0, 170.0, "trained weights", "safetensors, curves, report"),
];

const STEPS: [Node; 9] = [
    Node(250.0, 20.0, 190.0, "model", "rows checked, blocks built"),
    Node(560.0, 20.0, 130.0, "registry", "blocks by name"),
    Node(250.0, 120.0, 190.0, "graph", "primitive operations, shapes"),
    Node(560.0, 120.0, 130.0, "yolo info", "parameters, GFLOPs"),
    Node(250.0, 220.0, 440.0, "executors", "CPU: fused inference, training · CUDA: candle, cuDNN"),
    Node(250.0, 320.0, 120.0, "image, data", "letterbox, batches"),
    Node(560.0, 320.0, 130.0, "eval", "decode, NMS, mAP"),
    Node(250.0, 420.0, 120.0, "train", "optimiser, EMA"),
    Node(430.0, 420.0, 120.0, "loss", "and its gradient"),
];

/// Where blocks come from.
const BLOCKS: Node = Node(750.0, 20.0, 170.0, "blocks", "ours, a crate's, a library's");

/// The graph as an SVG file.
pub fn graph() -> String {
    let mut svg = Svg::new(940, 500);
    for Node(x, y, width, name, about) in FILES.iter().chain([&BLOCKS]) {
        node(&mut svg, [*x, *y, *width], name, about, "#fff8e6", "#c9a227");
    }
    for Node(x, y, width, name, about) in &STEPS {
        node(&mut svg, [*x, *y, *width], name, about, "#eaf2fb", "#2f6db3");
    }
    for path in [
        "M190 45H248",          // model file to model
        "M750 45H692",          // blocks to registry
        "M560 45H442",          // registry to model
        "M345 70V118",          // model to graph
        "M440 145H558",         // graph to info
        "M345 170V218",         // graph to executors
        "M190 245H248",         // weights to executors
        "M190 345H248",         // images to batches
        "M310 320V272",         // batches to executors
        "M625 270V318",         // raw maps to eval
        "M690 345H748",         // eval to detections
        "M490 270V418",         // raw maps to loss
        "M430 453H372",         // gradient to train
        "M370 434H400V272",     // parameters to executors
        "M310 470V486H835V472", // train to weights
    ] {
        svg.arrow(path);
    }
    let note = format!(" style=\"fill: {FAINT}\" font-style=\"italic\"");
    for (x, y, text, anchor) in [
        (302.0, 300.0, "bytes", Anchor::End),
        (498.0, 300.0, "raw maps", Anchor::Start),
        (633.0, 300.0, "raw maps", Anchor::Start),
        (408.0, 400.0, "parameters", Anchor::Start),
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
