//! A training loop of one's own: model, loss, reverse pass and optimiser put together by hand, without files and without a
//! command line. It learns to find bright squares that it draws itself, and detects with what it has learnt.
//!
//! ```text
//! cargo run --release --example own_training
//! ```
//!
//! `train::TrainingRun` is this loop with everything that YOLOv5's `train.py` has besides: warm-up, averages, augmentation,
//! validation, checkpoints.

use std::path::Path;
use yolo_host::detector::Detector;
use yolo_host::eval::NmsOptions;
use yolo_host::exec::{Device, Images, Network, train_cpu};
use yolo_host::image::Image;
use yolo_host::loss::{ComputeLoss, LossHyper, Target};
use yolo_host::model::{Model, Spec, State};
use yolo_host::plugin::Registry;
use yolo_host::random::Stream;
use yolo_host::train::{Optimizer, Rates, Rule};

const BATCH: usize = 8;
const SIDE: usize = 64;
const STEPS: usize = 120;

/// An image with one square, and where it is: centre, width and height as shares of the image.
fn draw(stream: &mut Stream) -> (Image, [f64; 4]) {
    let side = 12 + stream.below(20);
    let (left, top) = (stream.below(SIDE - side), stream.below(SIDE - side));
    let mut rgb = vec![40; 3 * SIDE * SIDE];
    for row in rgb.chunks_exact_mut(3 * SIDE).skip(top).take(side) {
        row[3 * left..3 * (left + side)].fill(230);
    }
    let share = |pixels: usize| pixels as f64 / SIDE as f64;
    let [x, y] = [left, top].map(|start| share(start) + share(side) / 2.0);
    (Image { width: SIDE, height: SIDE, rgb }, [x, y, share(side), share(side)])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spec = Spec::read(Path::new("models/yolov5n.yaml"))?.with_classes(1)?;
    let model = Model::build(spec, &Registry::linked()?)?;
    let (graph, detect) = (&model.graph, &model.detect);
    let state = State::new(graph, 0);

    // The loss wants anchors in cells, a list for each output, and the strides.
    let cells = state.floats(detect.anchors).as_chunks::<2>().0;
    let anchors: Vec<Vec<[f64; 2]>> = cells
        .chunks(detect.na)
        .map(|output| output.iter().map(|cell| cell.map(f64::from)).collect())
        .collect();
    let strides: Vec<f64> = detect.strides.iter().map(|stride| f64::from(*stride)).collect();
    let hyper = LossHyper::default().scaled(strides.len(), detect.nc, SIDE);
    let mut loss = ComputeLoss::new(hyper, &anchors, &strides, detect.nc)?;

    let mut network = train_cpu::Executor::<f32>::new(graph, &state, &detect.outputs)?;
    let mut optimizer = Optimizer::<Vec<f32>>::new(Rule::AdamW, graph);
    let rates = Rates { weight: 0.002, bias: 0.002, momentum: 0.9, decay: 0.0005 };
    let mut stream = Stream::keyed("squares");
    for step in 0..STEPS {
        let (mut batch, mut targets) = (vec![], vec![]);
        for place in 0..BATCH {
            let (image, rect) = draw(&mut stream);
            targets.push(Target { image: place, class: 0, rect });
            batch.extend(image.rgb);
        }
        network.forward_images(Images::Bytes(&batch), [BATCH, 3, SIDE, SIDE], true)?;
        let made = loss.compute(&network.outputs()?, &targets)?;
        let grads: Vec<_> =
            detect.outputs.iter().copied().zip(made.grads.iter().map(Vec::as_slice)).collect();
        network.backward(&grads)?;
        optimizer.step(network.trainable(), &rates);
        if step % 20 == 0 || step + 1 == STEPS {
            let [boxes, objectness, _] = made.items;
            println!("step {step:3}: box loss {boxes:.4}, objectness loss {objectness:.4}");
        }
    }

    let state = State::from_arrays(graph, network.to_arrays())?;
    let detector = Detector::new(model, state, Some(vec!["square".into()]), Device::Cpu)?;
    let (image, [x, y, width, height]) = draw(&mut stream);
    let corners = [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0];
    println!("a square at {:?}", corners.map(|share| (share * SIDE as f64).round()));
    for found in detector.detect(&image, (SIDE, SIDE), &NmsOptions::default())?.detections {
        println!("found: {} {:.2} at {:?}", detector.names()[found.class], found.confidence, found.rect);
    }
    Ok(())
}
