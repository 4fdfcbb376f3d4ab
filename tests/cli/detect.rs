//! The `yolo` command as a user runs it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use yolo_tests::{models, report, yolo};

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("yolo runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Link-time registration can drop crates that nothing refers to: every family must be in the default binary.
#[test]
fn the_binary_has_every_family() {
    let listing = text(&run(yolo().arg("blocks")).stdout);
    let families = [
        ("yolo-shufflenetv2", vec!["conv_bn_relu_maxpool", "Shuffle_Block"]),
        ("yolo-mobilenetv3", vec!["h_sigmoid", "h_swish", "SELayer", "conv_bn_hswish", "MobileNet_Block"]),
        ("yolo-ghost", vec!["GhostConv", "GhostBottleneck", "C3Ghost"]),
        ("yolo-host", vec!["Conv", "DWConv", "C3", "C3TR", "SPPF", "nn.Upsample", "Concat", "Contract"]),
    ];
    for (family, blocks) in families {
        let start = listing.find(family).unwrap_or_else(|| panic!("no {family} in\n{listing}"));
        let part =
            listing[start..].lines().skip(1).take_while(|line| line.starts_with("  ")).collect::<Vec<_>>();
        for block in blocks {
            let listed = part.iter().any(|line| line.split_whitespace().next() == Some(block));
            assert!(listed, "{family} lacks {block} in\n{listing}");
        }
    }
}

#[test]
fn info_prints_every_model() {
    let mut failures = Vec::new();
    for model in models() {
        let json = text(&run(yolo().arg("info").arg("--json").arg("--cfg").arg(&model)).stdout);
        let json: Value = serde_json::from_str(&json).expect("JSON");
        for key in ["parameters", "gradients", "gflops", "layers"] {
            if json[key].as_f64().is_none_or(|value| value <= 0.0) {
                failures.push(format!("{}: {key} is {}", model.display(), json[key]));
            }
        }
    }
    report(failures);
    let table = text(&run(yolo().args(["info", "--weights", "weights/yolov5s.safetensors"])).stdout);
    assert!(table.contains("7,235,389 parameters"), "{table}");
    // The heads, a row a layer, two lines of figures; and the classes, the licence and the size that the weights name.
    let classes = table.lines().skip_while(|line| !line.starts_with("classes: ")).count();
    assert_eq!((table.lines().count() - classes, classes > 3), (1 + 25 + 2, true), "{table}");
}

/// The main job of the README, with everything that it can write.
#[test]
fn detect_writes_what_is_asked_for() {
    let project = tempfile::tempdir().unwrap();
    let mut command = yolo();
    command.args([
        "detect",
        "--imgsz",
        "320",
        "--json",
        "--save-txt",
        "--save-conf",
        "--save-crop",
        "--source",
        "tests/data/photos",
        "--project",
    ]);
    let output = run(command.arg(project.path()));

    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3);
    let cat = &lines[1];
    assert_eq!((cat["width"].as_u64(), cat["height"].as_u64()), (Some(451), Some(300)));
    assert!(cat["path"].as_str().unwrap().ends_with("chelsea.png"));
    let found = &cat["detections"][0];
    assert_eq!((found["class"].as_u64(), found["name"].as_str()), (Some(15), Some("cat")));
    assert!(found["confidence"].as_f64().unwrap() > 0.5 && found["box"].as_array().unwrap().len() == 4);

    let folder = project.path().join("exp");
    assert_eq!(files(&folder), ["astronaut.png", "chelsea.png", "coffee.png", "crops", "labels"]);
    assert!(files(&folder.join("crops")).contains(&"cat".to_string()));
    let label = std::fs::read_to_string(folder.join("labels/chelsea.txt")).unwrap();
    let columns: Vec<f64> = label.lines().last().unwrap().split(' ').map(|v| v.parse().unwrap()).collect();
    assert_eq!((columns.len(), columns[0]), (6, 15.0));
    assert!(columns[1..].iter().all(|v| (0.0..=1.0).contains(v)), "{label}");
    let photo = image::open(folder.join("chelsea.png")).unwrap();
    assert_eq!((photo.width(), photo.height()), (451, 300));
    let original = image::open(yolo_tests::root().join("tests/data/photos/chelsea.png")).unwrap();
    assert_ne!(photo.to_rgb8(), original.to_rgb8(), "nothing is drawn");
}

#[test]
fn options_choose_what_is_found() {
    let project = tempfile::tempdir().unwrap();
    let found = |options: &[&str]| -> usize {
        let mut command = yolo();
        command.args([
            "detect",
            "--json",
            "--imgsz",
            "320",
            "--nosave",
            "--source",
            "tests/data/photos/astronaut.png",
        ]);
        let output = run(command.arg("--project").arg(project.path()).args(options));
        let json: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        json["detections"].as_array().unwrap().len()
    };
    let all = found(&["--conf-thres", "0.05"]);
    assert!(all > 2);
    assert_eq!(found(&["--conf-thres", "0.05", "--max-det", "1"]), 1);
    let persons = found(&["--conf-thres", "0.05", "--classes", "0"]);
    assert!(persons > 0 && persons < all);
    assert!(found(&["--conf-thres", "0.05", "--iou-thres", "0.95"]) > all);
    assert!(found(&["--conf-thres", "0.05", "--agnostic-nms"]) <= all);
    assert_eq!(found(&["--conf-thres", "0.999"]), 0);
    assert_ne!(found(&["--conf-thres", "0.05", "--augment"]), all);
    // Nothing was to be written.
    assert!(files(project.path()).is_empty());
}

#[test]
fn threads_change_nothing_that_is_found() {
    let project = tempfile::tempdir().unwrap();
    let found = |threads: &str| {
        let mut command = yolo();
        command.args(["detect", "--json", "--imgsz", "160", "--nosave", "--threads", threads, "--project"]);
        text(&run(command.arg(project.path())).stdout)
    };
    let one = found("1");
    assert_eq!(one.lines().count(), 3);
    assert_eq!(one, found("2"));
    // More than there are cores.
    assert_eq!(one, found("100"));
    for command in [&["detect"][..], &["val", "--data", "x"], &["train", "--data", "x"]] {
        for threads in ["0", "x", "99999"] {
            let output = yolo().args(command).args(["--threads", threads]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("--threads") && said.contains("from 1 to 1024"), "{command:?}: {said}");
            assert_eq!(output.status.code(), Some(2), "{command:?}");
        }
    }
}

#[test]
fn conversion_is_reproducible_and_exact() {
    let folder = tempfile::tempdir().unwrap();
    let convert = |name: &str, half: bool| {
        let path = folder.path().join(name);
        let mut command = yolo();
        command.args(["convert", "--weights", "weights/yolov5s.safetensors", "--output"]).arg(&path);
        run(if half { command.arg("--half") } else { &mut command });
        std::fs::read(path).unwrap()
    };
    let committed = std::fs::read(yolo_tests::root().join("weights/yolov5s.safetensors")).unwrap();
    assert!(convert("half.safetensors", true) == committed, "half precision, again");
    assert!(convert("full.safetensors", false).len() > committed.len() * 19 / 10);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for arguments in
        [&["detect", "--conf", "x"][..], &["info"], &["nonsense"], &["convert", "--weights", "a"]]
    {
        let output = yolo().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
