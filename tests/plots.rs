//! Plots of the goldens' metrics show what they are given, and take anything. The pictures stay in `target/tmp`.

use proptest::prelude::*;
use std::path::Path;
use yolo_host::data::Picture;
use yolo_host::draw::plots::{self, BatchBox, Generation};
use yolo_host::eval::{Detection, Evaluation, Summary, Truth};
use yolo_host::report::{EpochRow, csv};
use yolo_tests::metrics::{Case, cases};
use yolo_tests::{golden, root, uniform};

fn keep(picture: &Picture, name: &str) {
    picture.write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("png")).unwrap();
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).expect(name)
}

const NAMES: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

fn names(nc: usize) -> Vec<String> {
    NAMES[..nc].iter().map(|name| name.to_string()).collect()
}

#[test]
fn curves_and_confusion() {
    for name in ["bccd", "coco128", "several", "single"] {
        let case = case(name);
        let (summary, names) = (case.summary(), names(case.nc()));
        keep(&plots::pr_curve(&summary, &names).unwrap(), &format!("{name}-pr"));
        keep(&plots::f1_curve(&summary, &names).unwrap(), &format!("{name}-f1"));
        keep(&plots::p_curve(&summary, &names).unwrap(), &format!("{name}-p"));
        keep(&plots::r_curve(&summary, &names).unwrap(), &format!("{name}-r"));
        keep(&plots::confusion_matrix(&summary.confusion, &names).unwrap(), &format!("{name}-confusion"));
    }
}

#[test]
fn epochs_and_generations() {
    let rows = csv::read(&golden("reports/results.csv")).unwrap();
    keep(&plots::results(&rows).unwrap(), "results");
    let u = uniform("plots", 300);
    let falling = |i: usize| 0.02 + 0.1 / (1.0 + i as f64 / 8.0) + 0.004 * u[i];
    let run: Vec<EpochRow> = (0..100)
        .map(|epoch| EpochRow {
            epoch,
            train: [falling(epoch), falling(epoch) * 2.0, falling(epoch) * 0.2],
            metrics: [1.0 - 6.0 * falling(epoch); 4],
            val: [falling(epoch) * 1.2, if epoch == 30 { f64::NAN } else { falling(epoch) }, falling(epoch)],
            rates: [0.01; 3],
        })
        .collect();
    keep(&plots::results(&run).unwrap(), "results-100");

    let keys: Vec<String> = ["lr0", "lrf", "momentum", "weight_decay", "warmup_epochs", "box", "cls", "obj"]
        .map(str::to_string)
        .to_vec();
    let u = uniform("plots/evolve", 200 * 9);
    let generation = |row: &[f64; 9]| Generation {
        fitness: 0.5 - (row[0] - 0.4).powi(2) * 0.1 - row[8] * 0.02,
        values: row[..8].iter().map(|u| 0.01 + 0.4 * u * u).collect(),
    };
    let generations: Vec<Generation> = u.as_chunks().0.iter().map(generation).collect();
    keep(&plots::evolve(&generations, &keys).unwrap(), "evolve");
}

#[test]
fn labels_of_datasets() {
    for (name, side) in [("coco128", 640.0), ("bccd", 640.0)] {
        let case = case(name);
        let share = |truth: &Truth| {
            let [x1, y1, x2, y2] = truth.rect.map(|place| place / side);
            [truth.class as f32, (x1 + x2) / 2.0, (y1 + y2) / 2.0, x2 - x1, y2 - y1]
        };
        let labels: Vec<[f32; 5]> =
            case.pictures().iter().flat_map(|(_, truths)| truths.iter().map(share)).collect();
        keep(&plots::labels(&labels, &names(case.nc())).unwrap(), &format!("{name}-labels"));
    }
}

#[test]
fn batches() {
    let photo = Picture::read(root().join("tests/data/photos/coffee.png")).unwrap();
    for (count, side) in [(1, 640), (5, 320), (16, 640)] {
        let tile = yolo_host::data::resize_linear(&photo, side, side);
        let planes = yolo_host::data::to_planes(&tile).repeat(count);
        let scale = side as f32;
        let boxes: Vec<BatchBox> = (0..count)
            .flat_map(|image| {
                [
                    ([0.05, 0.2, 0.95, 0.7], 5, None),
                    ([0.05, 0.36, 0.3, 0.84], 0, Some(0.87)),
                    ([0.2; 4], 1, Some(0.2)),
                ]
                .map(|(rect, class, confidence)| BatchBox {
                    image,
                    class,
                    rect: rect.map(|share: f32| share * scale),
                    confidence,
                })
            })
            .collect();
        let titles: Vec<String> = (0..count).map(|i| format!("a/rather/long/name of bus {i}.jpg")).collect();
        let mosaic = plots::batch(&planes, (side, side), &boxes, &titles, &names(80));
        keep(&mosaic, &format!("batch-{count}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn anything_can_be_plotted(
        nc in 0_usize..40,
        rects in proptest::collection::vec((any::<[f32; 4]>(), any::<f32>(), 0_usize..50), 0..30),
        values in proptest::collection::vec(any::<[f64; 13]>(), 0..6),
        labels in proptest::collection::vec(any::<[f32; 5]>(), 0..10),
        names in proptest::collection::vec(any::<String>(), 0..4),
    ) {
        let mut evaluation = Evaluation::new(nc);
        let detections: Vec<Detection> =
            rects.iter().map(|&(rect, confidence, class)| Detection { rect, confidence, class }).collect();
        let truths: Vec<Truth> = rects.iter().map(|&(rect, _, class)| Truth { class, rect }).collect();
        evaluation.add(&detections, &truths);
        let summary: Summary = evaluation.summary();
        for plot in [plots::pr_curve, plots::f1_curve, plots::p_curve, plots::r_curve] {
            plot(&summary, &names).unwrap();
        }
        plots::confusion_matrix(&summary.confusion, &names).unwrap();
        let rows: Vec<EpochRow> =
            values.iter().enumerate().map(|(epoch, values)| EpochRow::from_values(epoch, *values)).collect();
        plots::results(&rows).unwrap();
        plots::labels(&labels, &names).unwrap();
        let generations: Vec<Generation> =
            values.iter().map(|v| Generation { fitness: v[0], values: v[1..3].to_vec() }).collect();
        plots::evolve(&generations, &names[..names.len().min(2)]).unwrap();
        let planes: Vec<f32> = labels.concat();
        let boxes: Vec<BatchBox> = rects.iter().enumerate()
            .map(|(image, &(rect, c, class))| BatchBox { image, class, rect, confidence: Some(c) }).collect();
        plots::batch(&planes, (2, 3), &boxes, &names, &names);
        plots::batch(&planes, (0, 3), &boxes, &names, &names);
    }
}
