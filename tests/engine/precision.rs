//! Reduced precision, for every model of a size that the plain loops take in a moment: near the reference in double precision,
//! the same with any number of threads, and not f32 by another name. What it costs in mAP where people would see it.

use serde_json::Value;
use yolo_bundle as _;
use yolo_host::exec::engine::{Engine, Ranges};
use yolo_host::exec::train_cpu::Executor;
use yolo_host::exec::{Images, Precision};
use yolo_host::model::Model;
use yolo_tests::quality::copy;
use yolo_tests::{light_models, portable_state, report, root, shared, uniform, yolo};

/// Root of the mean square of differences, as a share of that of the numbers, in bf16, fp16 and int8: of every model, and of the
/// one in the middle. Measured are 0.003, 0.0004 and 0.010 in the middle; the many blocks of MobileNetV3-large, with random
/// weights, let it grow to 0.020, 0.003 and 0.072.
const MOST: [f64; 3] = [0.025, 0.005, 0.09];
const MIDDLE: [f64; 3] = [0.005, 0.001, 0.015];

/// Each low precision, and the ranges of these images.
fn all(model: &Model, images: &[f32], shape: [usize; 4]) -> [(Precision, Ranges); 3] {
    let mut engine = Engine::new(&model.graph, portable_state(model), &model.detect.outputs);
    engine.calibrate(Images::Planes(images), shape).unwrap();
    [
        (Precision::Bf16, Ranges::default()),
        (Precision::Fp16, Ranges::default()),
        (Precision::Int8, engine.into_ranges()),
    ]
}

/// All outputs, one after the other.
fn outputs(
    model: &Model,
    (precision, ranges): (Precision, &Ranges),
    images: &[f32],
    shape: [usize; 4],
) -> Vec<f32> {
    let wanted = &model.detect.outputs;
    let mut engine =
        Engine::with_precision(&model.graph, portable_state(model), wanted, precision, ranges).unwrap();
    engine.run(images, shape).unwrap();
    (0..wanted.len()).flat_map(|place| engine.output(place).unwrap().data.to_vec()).collect()
}

#[test]
fn every_model_stays_near_the_reference() {
    let (mut failures, mut shares) = (vec![], [vec![], vec![], vec![]]);
    for (name, model) in light_models() {
        let (stride, channels) = (model.detect.max_stride(), model.spec.channels);
        let shape = [1, channels, 2 * stride, 3 * stride];
        let images = uniform("pictures", shape.iter().product());
        let single: Vec<f32> = images.iter().map(|value| *value as f32).collect();
        let double: Vec<f64> = single.iter().map(|value| f64::from(*value)).collect();
        let state = portable_state(&model);
        let mut reference = Executor::<f64>::new(&model.graph, &state, &model.detect.outputs).expect(&name);
        reference.infer(&double, shape).expect(&name);
        let wanted = model.detect.outputs.iter();
        let expected: Vec<f64> =
            wanted.flat_map(|id| reference.output(*id).expect(&name).data.to_vec()).collect();
        let plain = outputs(&model, (Precision::F32, &Ranges::default()), &single, shape);
        for (kind, (precision, ranges)) in all(&model, &single, shape).into_iter().enumerate() {
            let given = outputs(&model, (precision, &ranges), &single, shape);
            assert!(given != plain, "{name}: {precision} is f32");
            let pairs = given.iter().zip(&expected);
            let wrong: f64 = pairs.map(|(given, expected)| (f64::from(*given) - expected).powi(2)).sum();
            let all: f64 = expected.iter().map(|expected| expected.powi(2)).sum();
            let share = (wrong / all).sqrt();
            shares[kind].push(share);
            if share.is_nan() || share > MOST[kind] {
                failures.push(format!("{name} in {precision}: {share:.1e}"));
            }
        }
    }
    for (shares, most) in shares.iter_mut().zip(MIDDLE) {
        shares.sort_by(f64::total_cmp);
        let middle = shares[shares.len() / 2];
        if middle > most {
            failures.push(format!("in the middle {middle:.1e}, above {most}"));
        }
    }
    report(failures);
}

#[test]
fn threads_change_nothing() {
    for (name, model) in light_models() {
        let stride = model.detect.max_stride();
        let shape = [1, model.spec.channels, 3 * stride, 5 * stride];
        let images = uniform("pictures", shape.iter().product());
        let images: Vec<f32> = images.iter().map(|value| *value as f32).collect();
        for (precision, ranges) in all(&model, &images, shape) {
            let with = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| outputs(&model, (precision, &ranges), &images, shape))
            };
            let one = with(1);
            for threads in [2, 3] {
                assert!(one == with(threads), "{name} in {precision} with {threads} threads");
            }
        }
    }
}

/// The official yolov5s on COCO128 at 640, from the files: f32 as the reference, bf16 and int8 near it.
#[test]
#[ignore = "minutes: cargo test --release -p yolo-tests --test engine precision -- --ignored"]
fn map_is_kept() {
    let Some(coco) = shared("data/coco128") else { return };
    let folder = tempfile::tempdir().unwrap();
    copy(&coco, folder.path());
    let named = std::fs::read_to_string(root().join("data/coco128.yaml")).unwrap();
    let data = folder.path().join("data.yaml");
    let path = format!("path: {}\n#", folder.path().display());
    std::fs::write(&data, named.replacen("path:", &path, 1)).unwrap();
    let map = |numbers: &[&str]| {
        let mut command = yolo();
        command.args([
            "bench",
            "--json",
            "--runs",
            "1",
            "--weights",
            "weights/yolov5s.safetensors",
            "--data",
        ]);
        let output = command.arg(&data).args(numbers).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let quality = &json["models"][0]["quality"];
        ["map50", "map"].map(|key| quality[key].as_f64().unwrap())
    };
    let images = folder.path().join("images/train2017").display().to_string();
    let plain = map(&[]);
    let near = |other: [f64; 2], most: f64| plain.iter().zip(other).all(|(a, b)| (a - b).abs() <= most);
    assert!(near([0.6444, 0.4323], 0.005), "f32: {plain:?}");
    let bf16 = map(&["--precision", "bf16"]);
    assert!(near(bf16, 0.003) && bf16 != plain, "bf16: {bf16:?}, f32: {plain:?}");
    let int8 = map(&["--precision", "int8", "--calibrate", &images]);
    assert!(near(int8, 0.01) && int8 != plain, "int8: {int8:?}, f32: {plain:?}");
}
