//! `yolo bench`: what its figures say of each other, its mAP, and what it refuses. How fast anything is, no test says.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use yolo_tests::plugins::compile;
use yolo_tests::{report, root, yolo};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn bench(arguments: &[&str]) -> Output {
    yolo().arg("bench").args(arguments).output().expect("yolo runs")
}

/// The JSON of a bench that runs.
fn figures(command: &mut Command) -> Value {
    let output = command.args(["--json", "--runs", "2", "--warmup", "1"]).output().expect("yolo runs");
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn number(json: &Value, pointer: &str) -> f64 {
    json.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number {pointer} in {json}"))
}

/// Of times only this can be said: parts are within the whole.
#[test]
fn figures_agree_with_each_other() {
    let json = figures(yolo().args([
        "bench",
        "--cfg",
        "models/yolov5n.yaml",
        "models/yolov5-shufflenetv2.yaml",
        "--imgsz",
        "64",
        "--threads",
        "1,2",
        "--batch-size",
        "2",
    ]));
    assert_eq!(number(&json, "/batch"), 2.0);
    let known = yolo().args(["info", "--json", "--imgsz", "64", "--cfg", "models/yolov5n.yaml"]).output();
    let known: Value = serde_json::from_slice(&known.expect("yolo runs").stdout).expect("JSON");
    for key in ["/parameters", "/gflops"] {
        let (ours, info) = (number(&json, &format!("/models/0{key}")), number(&known, key));
        assert!((ours - info).abs() < 1e-9 * info, "{key}: {ours}, not {info}");
    }
    let mut failures = vec![];
    let mut check = |right: bool, what: String| failures.extend((!right).then_some(what));
    for model in json["models"].as_array().expect("models") {
        let name = model["name"].as_str().expect("a name");
        let latencies = model["latency"].as_array().expect("latencies");
        let threads: Vec<_> = latencies.iter().map(|latency| latency["threads"].as_u64()).collect();
        check(threads == [Some(1), Some(2)], format!("{name}: {threads:?}"));
        check(number(model, "/weights") >= 4.0 * number(model, "/parameters"), format!("{name}: weights"));
        check(number(model, "/maps") > 0.0, format!("{name}: maps"));
        for latency in latencies {
            let layers = latency["layers"].as_array().expect("layers");
            let sum = |key: &str| layers.iter().map(|layer| number(layer, key)).sum::<f64>();
            check(sum("/ms/mean") <= number(latency, "/ms/mean"), format!("{name}: layers take longer"));
            check((0.0..=1.0 + 1e-9).contains(&sum("/share")), format!("{name}: shares {}", sum("/share")));
            for (key, whole) in [("/parameters", "/parameters"), ("/gflops", "/gflops")] {
                let (parts, whole) = (sum(key), number(model, whole));
                check((parts - whole).abs() <= 1e-9 * whole, format!("{name}: {key} {parts}, not {whole}"));
            }
            let operations = number(model, "/gflops") * 2.0 / number(latency, "/ms/median") * 1e3;
            let rate = number(latency, "/gflops_per_second");
            check(
                (operations - rate).abs() <= 1e-9 * rate,
                format!("{name}: {rate}, not {operations} GFLOP/s"),
            );
            for layer in layers {
                let [min, median, p90, p99] =
                    ["min", "median", "p90", "p99"].map(|at| number(layer, &format!("/ms/{at}")));
                check(min <= median && median <= p90 && p90 <= p99, format!("{name}: {layer}"));
                let steps = layer["steps"].as_array().expect("steps");
                let mean: f64 = steps.iter().map(|step| number(step, "/ms/mean")).sum();
                check(
                    (mean - number(layer, "/ms/mean")).abs() <= 1e-6 + 1e-6 * mean,
                    format!("{name}: steps of {layer}"),
                );
                let gflops: f64 = steps.iter().map(|step| number(step, "/gflops")).sum();
                check(
                    gflops >= number(layer, "/gflops") * (1.0 - 1e-9),
                    format!("{name}: GFLOPs of {layer}"),
                );
            }
        }
    }
    for peak in json["peaks"].as_array().expect("peaks") {
        check(number(peak, "/gflops_per_second") > 0.0, format!("{peak}"));
    }
    report(failures);
}

/// A plugin's own operation is none of the engine's: it alone falls back, and is named.
#[test]
fn what_falls_back_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = compile("cc", &root().join("tests/hostile/op_works.c"), folder.path(), &[]);
    let cfg = folder.path().join("model.yaml");
    let model = "nc: 1\ndepth_multiple: 1\nwidth_multiple: 1\nanchors: 1\n\
        backbone:\n  - [-1, 1, Conv, [8, 3, 2]]\n  - [-1, 1, Hostile, []]\n  - [-1, 1, Conv, [8, 3, 1]]\n\
        head:\n  - [[-1], 1, Detect, [nc, anchors]]\n";
    std::fs::write(&cfg, model).expect("a model");
    let command = || {
        let mut command = yolo();
        command.args(["bench", "--imgsz", "32"]).arg("--plugin").arg(&library).arg("--cfg").arg(&cfg);
        command
    };
    let json = figures(&mut command());
    let layers = json["models"][0]["latency"][0]["layers"].as_array().expect("layers");
    for layer in layers {
        let steps = layer["steps"].as_array().expect("steps");
        let fallen: Vec<_> = steps.iter().filter(|step| step["falls_back"] == true).collect();
        let own = layer["block"] == "Hostile";
        assert_eq!(fallen.len(), usize::from(own), "{layer}");
        assert!(!own || fallen[0]["operation"] == "twice", "{layer}");
    }
    let output = command().args(["--runs", "1"]).output().expect("yolo runs");
    let table = text(&output.stdout);
    let row = table.lines().find(|line| line.contains("Hostile")).unwrap_or_else(|| panic!("{table}"));
    assert!(row.trim_start().starts_with("1 ") && row.ends_with(" twice"), "{row}");
}

/// mAP is that of `yolo val`: on what the weights find at a high confidence, taken as the truth.
#[test]
fn map_is_that_of_val() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("found");
    let photos = root().join("tests/data/photos");
    let mut detect = yolo();
    detect.args(["detect", "--source", "tests/data/photos", "--imgsz", "256", "--save-txt", "--nosave"]);
    detect.args(["--conf-thres", "0.4", "--project"]);
    assert!(detect.arg(&project).output().expect("yolo runs").status.success());
    for part in ["images", "labels"] {
        std::fs::create_dir(folder.path().join(part)).expect("a folder");
    }
    for name in ["astronaut", "chelsea", "coffee"] {
        let copy = |from: &Path, to: String| std::fs::copy(from, folder.path().join(to)).expect(name);
        copy(&photos.join(format!("{name}.png")), format!("images/{name}.png"));
        copy(&project.join(format!("exp/labels/{name}.txt")), format!("labels/{name}.txt"));
    }
    // Names that stand for numbers: those of the weights are not looked for.
    let names: Vec<String> = (0..80).map(|class| format!("class{class}")).collect();
    let data = folder.path().join("data.yaml");
    std::fs::write(&data, format!("train: images\nval: images\nnames: [{}]\n", names.join(", ")))
        .expect("data");
    let at = |command: &mut Command| {
        command.args(["--weights", "weights/yolov5s.safetensors", "--imgsz", "192", "--data"]).arg(&data);
    };
    let mut val = yolo();
    at(val.arg("val"));
    let output = val.arg("--nosave").output().expect("yolo runs");
    let table = text(&output.stdout);
    let row =
        table.lines().find(|line| line.trim_start().starts_with("all ")).unwrap_or_else(|| panic!("{table}"));
    let theirs: Vec<f64> =
        row.split_whitespace().skip(3).map(|word| word.parse().expect("a number")).collect();

    let mut command = yolo();
    at(command.arg("bench"));
    let quality = figures(&mut command)["models"][0]["quality"].clone();
    let ours = ["precision", "recall", "map50", "map"].map(|key| quality[key].as_f64().expect(key));
    assert!(ours[2] > 0.3, "{ours:?}");
    let same = ours.iter().zip(&theirs).all(|(ours, theirs)| (ours - theirs).abs() <= 0.5e-4 + 1e-9);
    assert!(same && theirs.len() == 4, "{ours:?}, not {theirs:?}");
}

/// Sizes at the edges: rounded up with a word, or run as they are.
#[test]
fn odd_sizes_run() {
    let many = (2 * std::thread::available_parallelism().map_or(1, usize::from)).to_string();
    let (take_turns, threads) = (format!("warning: {many} threads take turns on"), format!("{many} threads"));
    let cases: [(&[&str], &str, &str); 5] = [
        (&["--imgsz", "33"], "33×33 rounded up to 64×64, multiples of the largest stride", "64×64"),
        (&["--imgsz", "32"], "", "32×32"),
        (&["--imgsz", "1", "95"], "1×95 rounded up to 32×96", "32×96"),
        (&["--imgsz", "32", "--batch-size", "17"], "", "batch 17"),
        (&["--imgsz", "32", "--threads", &many], &take_turns, &threads),
    ];
    let mut failures = vec![];
    for kernels in ["", "portable"] {
        for (arguments, note, says) in cases {
            let mut command = yolo();
            command.env("YOLO_KERNELS", kernels).args([
                "bench",
                "--cfg",
                "models/yolov5n.yaml",
                "--runs",
                "2",
            ]);
            let output = command.args(["--warmup", "0"]).args(arguments).output().expect("yolo runs");
            let (errors, table) = (text(&output.stderr), text(&output.stdout));
            let quiet = !note.is_empty() || errors.is_empty();
            let kernels = kernels.is_empty() || table.contains("portable kernels");
            if !(output.status.success() && errors.contains(note) && quiet && table.contains(says) && kernels)
            {
                failures.push(format!("{arguments:?}: {errors}{table}"));
            }
        }
    }
    report(failures);
}

#[test]
fn wrong_commands_are_refused() {
    let cfg = "models/yolov5n.yaml";
    let (s, data) = ("weights/yolov5s.safetensors", "data/bccd.yaml");
    let cases: [(&[&str], i32, &str); 20] = [
        (&[], 2, "--cfg"),
        (&["--cfg", cfg, "--threads", "0"], 2, "must be from 1 to 1024"),
        (&["--cfg", cfg, "--threads", "1,x"], 2, "must be from 1 to 1024"),
        (&["--cfg", cfg, "--imgsz", "0"], 2, "must be from 1 to 16384 pixels"),
        (&["--cfg", cfg, "--batch-size", "0"], 2, "must be from 1 to 1024"),
        (&["--cfg", cfg, "--runs", "0"], 2, "must be from 1 to 10000"),
        (&["--cfg", cfg, "--precision", "f8"], 2, "f32"),
        (&["--cfg", cfg, "--precision", "int8"], 2, "--calibrate"),
        (
            &["--cfg", cfg, "--precision", "int8", "--calibrate", "models"],
            1,
            "--calibrate: no images in 'models'",
        ),
        (&["--cfg", cfg, "--calibrate", "models"], 1, "--calibrate is for --precision int8 only"),
        (&["--cfg", cfg, "--data", data], 2, "--weights"),
        (&["--cfg", cfg, "--serve"], 2, "cannot be used with"),
        (&["--serve", "--json"], 2, "cannot be used with"),
        (&["--serve", "--threads", "1,2"], 1, "--serve takes one number of --threads"),
        (&["--cfg", "missing.yaml"], 1, "missing.yaml: no such model file"),
        (&["--weights", "missing.pt"], 1, "missing.pt: no such file"),
        (&["--weights", s, "--cfg", cfg], 1, "the weights do not fit the model"),
        (&["--weights", s, "--cfg", cfg, cfg], 1, "2 --cfg for 1 --weights; give one for each"),
        (&["--weights", s, "--data", "missing.yaml", "--imgsz", "32"], 1, "missing.yaml"),
        (&["--cfg", cfg, "--imgsz", "16384", "--batch-size", "1024"], 1, "is larger than"),
    ];
    let failures = cases.iter().filter_map(|(arguments, expected, says)| {
        let output = bench(arguments);
        let (code, errors) = (output.status.code(), text(&output.stderr));
        let right = code == Some(*expected) && errors.contains(says) && !errors.contains("panicked");
        (!right).then(|| {
            format!("{arguments:?}: exit code {code:?}, expected {expected} and `{says}`, got `{errors}`")
        })
    });
    report(failures.collect());
}
