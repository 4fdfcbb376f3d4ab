//! `yolo bench --serve`: the raw maps that it writes, and an answer to every line.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use yolo_host::model::{Model, Spec};
use yolo_host::weights::{self, Array, Checkpoint, Data, Dtype};
use yolo_tests::{exact, floats, portable_state, registry, report, root, uniform, yolo};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Answers of `yolo bench --serve` to these bytes, a line each.
fn served(bytes: &[u8]) -> Vec<String> {
    let mut child = yolo()
        .args(["bench", "--serve", "--threads", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("yolo runs");
    child.stdin.take().expect("its input").write_all(bytes).expect("it listens");
    let output = child.wait_with_output().expect("it ends");
    let errors = text(&output.stderr);
    assert!(output.status.success() && !errors.contains("panicked"), "{errors}");
    text(&output.stdout).lines().map(str::to_string).collect()
}

/// A file with one tensor `input` of noise.
fn input(folder: &Path, name: &str, shape: &[usize]) {
    let values = uniform("pictures", shape.iter().product()).iter().map(|value| *value as f32).collect();
    let array = Array { shape: shape.to_vec(), data: Data::F32(values) };
    tensor(folder, name, "input", array);
}

fn tensor(folder: &Path, file: &str, name: &str, array: Array) {
    let arrays = BTreeMap::from([(name.to_string(), array)]);
    let checkpoint = Checkpoint { arrays, ..Checkpoint::default() };
    weights::write(&folder.join(file), &checkpoint, Dtype::F32).expect(file);
}

/// yolov5n with the weights that `portable.py` makes, in `n.safetensors`.
fn nano(folder: &Path) -> Model {
    let model = Model::build(Spec::read(&root().join("models/yolov5n.yaml")).expect("a model"), &registry());
    let model = model.expect("a model");
    let arrays = portable_state(&model).to_arrays(&model.graph);
    let checkpoint = Checkpoint { arrays, ..Checkpoint::default() };
    weights::write(&folder.join("n.safetensors"), &checkpoint, Dtype::F32).expect("weights");
    model
}

/// Raw maps as planes, in double precision and of the file that is written.
#[test]
fn serve_writes_raw_maps() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let model = nano(folder.path());
    let state = portable_state(&model);
    let mut failures = vec![];
    // Two images of other sides; the smallest that there is; more images than a kernel takes at once.
    for (case, shape) in [[2, 3, 64, 96], [1, 3, 32, 32], [17, 3, 32, 64]].into_iter().enumerate() {
        let (image, output) = (format!("x{case}"), at(&format!("y{case}")));
        input(folder.path(), &image, &shape);
        let load = format!("load n models/yolov5n.yaml {} {} {output}", at("n.safetensors"), at(&image));
        let answers = served(format!("{load}\nrun n\nrun n").as_bytes());
        assert!(answers.len() == 3 && answers.iter().all(|line| line.starts_with("ok ")), "{answers:?}");

        let given = weights::read(&folder.path().join(&image)).expect("the input");
        let (images, outputs) = (floats(&given.arrays["input"]), &model.detect.outputs);
        let wanted = exact::run(&model.graph, &state, &images, shape, outputs).expect("maps");
        let found = weights::read(Path::new(&output)).expect("the output").arrays;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["p3", "p4", "p5"]);
        for ((name, found), (shape, values)) in found.iter().zip(wanted) {
            assert_eq!(found.shape, shape);
            assert_eq!(found.shape.iter().product::<usize>(), values.len());
            let largest = values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
            let differences = floats(found).into_iter().zip(&values).map(|(a, b)| (f64::from(a) - b).abs());
            let most =
                differences.fold(0.0f64, |most, value| if value.is_nan() { value } else { most.max(value) });
            if most.is_nan() || most > 1e-4 * largest {
                failures.push(format!("{name} at {shape:?}: {:.1e}", most / largest));
            }
        }
    }
    report(failures);
}

/// One line for each line, whatever it says, and then it goes on.
#[test]
fn serve_refuses_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    nano(folder.path());
    for (name, shape) in [
        ("good", &[1, 3, 32, 32][..]),
        ("grey", &[1, 1, 32, 32]),
        ("odd", &[1, 3, 48, 32]),
        ("flat", &[3, 32, 32]),
    ] {
        input(folder.path(), name, shape);
    }
    input(folder.path(), "none", &[0, 3, 32, 32]);
    input(folder.path(), "empty", &[1, 3, 0, 32]);
    tensor(folder.path(), "other", "picture", Array { shape: vec![1], data: Data::F32(vec![0.0]) });
    tensor(folder.path(), "whole", "input", Array { shape: vec![1, 1, 1, 1], data: Data::I64(vec![0]) });
    std::fs::write(folder.path().join("text"), "hello").expect("a file");

    let load = |cfg: &str, weights: &str, input: &str, output: &str| {
        format!("load n {cfg} {} {} {output}", at(weights), at(input)).into_bytes()
    };
    let (cfg, good, y) = ("models/yolov5n.yaml", "n.safetensors", at("y"));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"run n".to_vec(), "error: no model `n` is loaded; there are: []"),
        (b"".to_vec(), "error: an empty line"),
        (b"go n".to_vec(), "error: `go` with 1 words after it; say `load NAME"),
        (b"run".to_vec(), "error: `run` with 0 words"),
        (b"load n a b c".to_vec(), "error: `load` with 4 words"),
        (b"\xff\xfe\x00 run".to_vec(), "error: "),
        (vec![b'x'; 1 << 20], "error: `xxx"),
        (load("missing.yaml", good, "good", &y), "error: missing.yaml: no such model file"),
        (load("models/yolov5s.yaml", good, "good", &y), "the weights do not fit the model"),
        (load(cfg, "missing", "good", &y), "missing: cannot read the file"),
        (load(cfg, "text", "good", &y), "text: not a weights file"),
        (load(cfg, good, "missing", &y), "missing: cannot read the file"),
        (load(cfg, good, "text", &y), "text: not a weights file"),
        (load(cfg, good, "other", &y), "other: has no tensor `input` of floating-point numbers"),
        (load(cfg, good, "whole", &y), "whole: has no tensor `input` of floating-point numbers"),
        (
            load(cfg, good, "flat", &y),
            "flat: `input` must be [batch, channels, height, width], not [3, 32, 32]",
        ),
        (load(cfg, good, "grey", &y), "grey: `input` has 1 channels, where the model takes 3"),
        (load(cfg, good, "odd", &y), "odd: models/yolov5n.yaml: the model does not take images of 48×32"),
        (load(cfg, good, "none", &y), "none: `input` has no images"),
        (load(cfg, good, "empty", &y), "empty: "),
        (load(cfg, good, "good", &at("missing/y")), "missing/y: cannot write the file"),
        (b"run n".to_vec(), "error: no model `n`"),
        (load(cfg, good, "good", &y), "ok n, input [1, 3, 32, 32]"),
        (b"run m".to_vec(), "error: no model `m` is loaded; there are: [n]"),
        (load(cfg, good, "odd", &y), "error: "),
        (b"run n".to_vec(), "ok n, "),
    ];
    let lines: Vec<Vec<u8>> = cases.iter().map(|(line, _)| line.clone()).collect();
    let answers = served(&lines.join(&b'\n'));
    assert_eq!(answers.len(), cases.len(), "{answers:#?}");
    let wrong = |(answer, (line, says)): (&String, &(Vec<u8>, &str))| {
        let ok = answer.starts_with("ok ") || answer.starts_with("error: ");
        (!(ok && answer.contains(says))).then(|| {
            let line: String = text(line).chars().take(200).collect();
            format!("{line}: expected `{says}`, got `{answer}`")
        })
    };
    report(answers.iter().zip(&cases).filter_map(wrong).collect());
}
