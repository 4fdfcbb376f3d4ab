//! The command line as tutorials have it, and what it says of mistakes: arguments, exit code, and what must be told.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use yolo_host::image::Image;
use yolo_host::model::{Model, Spec};
use yolo_host::weights::{self, Checkpoint, Dtype, Meta};
use yolo_tests::{portable_state, registry, report, shapes, yolo};

/// A YOLOv5n of a sixteenth of the width that finds three classes.
fn tiny() -> String {
    let (_, text) = Spec::built_in().iter().find(|(name, _)| *name == "yolov5n.yaml").unwrap();
    let small = text.replace("width_multiple: 0.25", "width_multiple: 0.0625").replace("nc: 80", "nc: 3");
    assert!(small.contains("0.0625") && small.contains("nc: 3"));
    small
}

/// Its values, with a model and names or without.
fn write_weights(file: &Path, model: Option<String>, names: &[&str]) {
    let built = Model::build(Spec::parse(&tiny(), "tiny").unwrap(), &registry()).unwrap();
    let names = (!names.is_empty()).then(|| names.iter().map(|name| name.to_string()).collect());
    let meta = Meta { model, names, ..Meta::default() };
    let checkpoint =
        Checkpoint { arrays: portable_state(&built).to_arrays(&built.graph), meta, ..Checkpoint::default() };
    weights::write(file, &checkpoint, Dtype::F32).unwrap();
}

/// A folder with images, weights, and what people take for them.
fn world() -> tempfile::TempDir {
    let world = tempfile::tempdir().unwrap();
    let at = |name: &str| world.path().join(name);
    for folder in ["photos", "weights"] {
        std::fs::create_dir(at(folder)).unwrap();
    }
    let rgb: Vec<u8> = (0..64 * 48 * 3).map(|i| (i * 7 % 256) as u8).collect();
    for image in ["a.png", "photos/b.png", "photos/c.png"] {
        Image { width: 64, height: 48, rgb: rgb.clone() }.write(at(image)).unwrap();
    }
    std::fs::write(at("photos/notes.txt"), "of these").unwrap();
    std::fs::write(at("list.txt"), "a.png\r\n\r\nphotos\r\n").unwrap();
    std::fs::write(at("clip.mp4"), "frames").unwrap();
    let names = ["disc", "square", "triangle"];
    write_weights(&at("weights/tiny.safetensors"), Some(tiny()), &names);
    write_weights(&at("weights/other.safetensors"), Some(tiny()), &["disc", "cat", "dog"]);
    write_weights(&at("weights/bare.safetensors"), None, &[]);
    std::fs::write(at("tiny.yaml"), tiny()).unwrap();
    let anchors = tiny().replace("[10,13,", "[11,13,");
    assert_ne!(anchors, tiny());
    std::fs::write(at("anchors.yaml"), anchors).unwrap();
    world
}

/// Runs in a folder: the exit code, and all that was said.
fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    // `D` is a detection that goes well.
    let line = match line.strip_prefix("D ") {
        Some(rest) => format!("detect --source a.png --weights weights/tiny.safetensors --imgsz 64 {rest}"),
        None => line.to_string(),
    };
    let arguments = line.split_whitespace().map(|word| word.trim_matches('\''));
    let output = yolo().args(arguments).current_dir(folder).output().expect("yolo runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Every row of a table that does not come out so.
fn check(folder: &Path, table: &[(&str, i32, &[&str])]) {
    let failures = table.iter().filter_map(|(line, code, says)| {
        let (ended, said) = run(folder, line);
        let lacks: Vec<_> = says.iter().filter(|text| !said.contains(**text)).collect();
        let wrong = ended != Some(*code) || !lacks.is_empty() || said.contains("panicked");
        wrong.then(|| format!("`{line}`: exit code {ended:?}, expected {code}; lacks {lacks:?} in `{said}`"))
    });
    report(failures.collect());
}

#[test]
fn spellings_of_tutorials_do_what_they_say() {
    let world = world();
    let saved = "Results saved to runs/detect/exp";
    let tiny = "--weights weights/tiny.safetensors";
    check(
        world.path(),
        &[
            ("D --conf 0.9 --iou 0.5", 0, &[saved, "image 1/1 a.png: 64×64"]),
            ("D --conf=0.9 --line 2 --agnostic", 0, &[saved]),
            (&format!("detect --source a.png {tiny} --img 64 64"), 0, &["64×64"]),
            (&format!("detect --source a.png {tiny} --img-size 96"), 0, &["96×96"]),
            (&format!("detect --source a.png {tiny} --imgsz 64x96"), 0, &["height 64 and width 96"]),
            (&format!("detect --source a.png {tiny} --imgsz 64,64"), 0, &["64×64"]),
            (
                &format!("detect --source a.png photos {tiny}"),
                0,
                &["image 3/3 photos/c.png", "images: 1 .txt"],
            ),
            (&format!("detect --source list.txt photos/b.png {tiny}"), 0, &["image 4/4 photos/b.png"]),
            (&format!("detect --source photos/*.png {tiny}"), 0, &["image 2/2 photos/c.png"]),
            ("D --half", 0, &["bf16", saved]),
            ("D --view-img", 0, &["there is no window", saved]),
            ("D --device cpu", 0, &[saved]),
            ("D --classes disc", 0, &[saved]),
            ("D --classes 0 Disc square,triangle", 0, &[saved]),
            ("D --cfg tiny.yaml", 0, &[saved]),
            ("D --cfg anchors.yaml", 0, &["carry a model of their own", "leave --cfg out", saved]),
            ("detect --source a.png --weights weights/bare.safetensors --cfg tiny", 0, &[saved]),
            (&format!("export {tiny} --imgsz 64 --int8 --calibrate photos"), 0, &["tiny.onnx: opset 17"]),
            ("info --cfg yolov5s", 0, &["7,235,389 parameters"]),
            ("info --cfg yolov5s.yaml", 0, &["7,235,389 parameters"]),
            ("info --cfg models/hub/yolov5s6.yaml --weights ''", 0, &["parameters"]),
            ("bench --cfg yolov5n --imgsz 64 --runs 1 --warmup 0", 0, &["yolov5n"]),
        ],
    );
}

#[test]
fn options_that_are_not_here_are_named() {
    let world = world();
    let absent = |flag: &str| format!("upstream's {flag} is not here");
    let flags = ["--dnn", "--update", "--visualize", "--hub", "--data", "--vid-stride"];
    for flag in flags {
        check(world.path(), &[(&format!("D {flag} x"), 2, &[&absent(flag)])]);
    }
    for flag in ["--adam", "--sync-bn", "--bbox_interval", "--local_rank=1", "--linear-lr", "--entity"] {
        let name = flag.split('=').next().unwrap().replace('_', "-");
        check(world.path(), &[(&format!("train --data x {flag}"), 2, &[&absent(&name)])]);
    }
    check(
        world.path(),
        &[
            ("D --conf_thres 0.3", 2, &["'--conf-thres'"]),
            ("D --save-tzt", 2, &["'--save-txt'"]),
            ("val --dta x", 2, &["'--data'"]),
            ("train --data x --epoks 3", 2, &["'--epochs'"]),
            ("D --hide", 2, &["which is meant: --hide-labels, --hide-conf"]),
            ("--conf 0.3", 2, &["a command goes first"]),
            ("detect a.png", 2, &["as in --source photo.jpg"]),
            ("predict --source a.png", 2, &["yolo detect"]),
            ("export --include torchscript", 2, &["[possible values: onnx, ncnn]"]),
            (
                "export --weights x --simplify",
                2,
                &["upstream's --simplify is not here", "written simplified"],
            ),
            ("export --weights x --keras", 2, &["nothing is written for TensorFlow"]),
            ("export --weights x --opset 12", 2, &["12 is not in 13..=20"]),
            ("export --weights x", 1, &["x: no such file"]),
            ("export --weights x --dynamic --imgsz 320", 1, &["leave --batch-size and --imgsz out"]),
            ("export --weights x --format ncnn --nms", 1, &["no layer for suppression: leave --nms out"]),
            ("export --weights x --format ncnn --opset 17", 1, &["--opset is ONNX's: leave it out"]),
            (
                "export --weights x --format ncnn --batch 2",
                1,
                &["one image at a time: leave --batch-size out"],
            ),
            ("export --weights x --format ncnn --dynamic", 1, &["no free sizes", "leave --dynamic out"]),
            ("export --weights x --format ncnn --output a.onnx", 1, &["--output a.onnx must end in .param"]),
            ("export --weights x.onnx", 1, &["x.onnx: no such file"]),
            (
                "export --weights x --output no/a.onnx",
                1,
                &["there is no folder no: make it, or name another"],
            ),
            ("convert --weights x --output no/a.safetensors", 1, &["there is no folder no"]),
            ("export --weights x --format ncnn --int8 --calibrate x", 1, &["int8 is written as ONNX"]),
            ("export --weights x --output a.ncnn.param", 1, &["--output a.ncnn.param must end in .onnx"]),
            ("export --int8", 2, &["--calibrate <SOURCE>"]),
            ("export --calibrate photos", 2, &["--int8"]),
            ("export --int8 --calibrate photos --half", 2, &["cannot be used with"]),
            ("export --int8 --calibrate photos --runtime rten", 2, &["onnxruntime, openvino, tensorrt"]),
            ("detct", 2, &["'detect'"]),
            ("train --data x --epochs ten", 2, &["'ten'", "a whole number"]),
            ("D --max-det 1.5", 2, &["a whole number is wanted"]),
            ("D --conf ten", 2, &["a number is wanted, such as 0.25"]),
            ("D --max-det -5", 2, &["a negative number is not taken here"]),
            ("D --half --precision f32", 2, &["cannot be used with"]),
            ("detect --source a.png --imgsz 64 64 64", 2, &["a value too many"]),
            ("detect --source a.png --imgsz 64x64x64", 2, &["one number, or height and width"]),
            ("detect --source a.png --imgsz 64x64 64", 1, &["not 3 numbers"]),
            ("detect --source a.png --imgsz big", 2, &["from 1 to 16384 pixels"]),
        ],
    );
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let world = world();
    let empty = tempfile::tempdir().unwrap();
    let there = "there are weights/tiny.safetensors, weights/bare.safetensors, weights/other.safetensors";
    let image = |weights: &str| format!("detect --source a.png --imgsz 64 --weights {weights}");
    let source = |source: &str| format!("detect --weights weights/tiny.safetensors --source {source}");
    check(
        world.path(),
        &[
            ("D --classes dics", 1, &["--classes dics: the model has no such class; near it are: disc"]),
            ("D --classes zebra", 1, &["it has: disc, square, triangle"]),
            (
                "export --weights weights/tiny.safetensors --int8 --calibrate lost",
                1,
                &["--calibrate", "source 'lost' does not exist"],
            ),
            ("D --classes 7", 1, &["--classes 7: the model has classes 0 to 2"]),
            ("D --conf 25", 1, &["--conf-thres must be from 0 to 1, not 25"]),
            (&source("clip.mp4"), 1, &["is a video", "ffmpeg"]),
            (&source("https://a.org/b.jpg"), 1, &["nothing is downloaded"]),
            (&source("rtsp://a.org/b"), 1, &["is a stream"]),
            (&source("0"), 1, &["is a camera"]),
            (&source("lost.png"), 1, &["source 'lost.png' does not exist: name an image"]),
            (&source("weights"), 1, &["no images in 'weights' (there: 3 .safetensors)"]),
            (&source("photos/*.webp"), 1, &["no images in"]),
            (&source("list.txt lost.txt"), 1, &["lost.txt"]),
            (&image("weights/tiny.pt"), 1, &["weights/tiny.pt: no such file", there]),
            (&image("tiny.safetensors"), 1, &["tiny.safetensors: no such file", there]),
            (&image("model.engine"), 1, &["model.engine: no such file, and .engine is not read"]),
            (&image("model.onnx"), 1, &["model.onnx: no such file; there are weights/bare.safetensors"]),
            (&image("weights"), 1, &["weights is a folder; there are weights/bare.safetensors"]),
            (&image("''"), 1, &["--weights '' names no file"]),
            (&image("yolov5s.pt"), 1, &["nothing is downloaded", "github.com/ultralytics/yolov5/releases"]),
            (&image("weights/bare.safetensors"), 1, &["name it with --cfg, for example --cfg yolov5s"]),
            ("D --cfg yolov5s", 1, &["carry their own model, so leave --cfg out", "do not fit the model"]),
            ("D --cfg yolov5q", 1, &["yolov5q: no such model file", "yolov5s"]),
            (
                &image("weights/tiny.safetensors weights/tiny.safetensors --cfg tiny"),
                1,
                &["--cfg goes with one"],
            ),
            (
                &image("weights/tiny.safetensors weights/other.safetensors"),
                1,
                &["cannot work together", "`square`, `triangle`, `cat`, `dog`"],
            ),
            (
                "val --data x --weights weights/tiny.safetensors",
                1,
                &["--data x: no such file or folder, and nothing is downloaded"],
            ),
            ("val --data x --imgsz 64 32", 1, &["--imgsz takes one number here"]),
            ("val --data photos --weights lost.pt", 1, &["lost.pt: no such file"]),
            ("train --data photos --weights lost.pt", 1, &["lost.pt: no such file"]),
            (
                "train --data x --cfg yolov5n",
                1,
                &["--data x: no such file or folder, and nothing is downloaded"],
            ),
            ("convert --weights lost.pt --output a.safetensors", 1, &["lost.pt: no such file"]),
            ("info --weights lost.pt", 1, &["lost.pt: no such file"]),
            ("bench --weights lost.pt", 1, &["lost.pt: no such file"]),
        ],
    );
    check(
        empty.path(),
        &[
            ("detect", 1, &["with --source", "no weights/yolov5s.safetensors", "give --weights"]),
            ("val --data x", 1, &["weights/yolov5s.safetensors: no such file", "give --weights a file"]),
        ],
    );
}

/// Upstream's `--nosave` alone leaves an empty folder.
#[test]
fn a_folder_is_made_for_files_only() {
    let world = world();
    let (code, said) = run(world.path(), "D --nosave");
    assert!(code == Some(0) && !said.contains("saved") && said.contains("Speed: "), "{said}");
    assert!(!world.path().join("runs").exists());
    run(world.path(), "D --nosave --save-txt");
    assert!(world.path().join("runs/detect/exp/labels").is_dir());
}

/// A model beside itself finds what it finds alone, in detect and val.
#[test]
fn an_ensemble_of_one_model_twice_is_that_model() {
    let world = world();
    shapes::draw(&world.path().join("data"), 4, 1, 3);
    let with = |line: &str, times: usize| {
        let weights = "weights/tiny.safetensors ".repeat(times);
        let line = format!("{line} --imgsz 64 --nosave --conf 0.01 --weights {weights}");
        let output = yolo().args(line.split_whitespace()).current_dir(world.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for line in ["detect --json --source a.png photos", "val --data data"] {
        let once = with(line, 1);
        assert!(once.lines().count() >= 3, "{once}");
        assert_eq!(once, with(line, 2), "{line}");
    }
    let json = with("detect --json --source a.png", 2);
    assert!(json.contains("confidence"), "{json}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_after_an_image() {
    let world = world();
    std::fs::write(world.path().join("list.txt"), "a.png\n".repeat(100_000)).unwrap();
    let mut child = yolo()
        .args(["detect", "--source", "list.txt", "--imgsz", "64", "--save-txt"])
        .args(["--nosave", "--weights", "weights/tiny.safetensors"])
        .current_dir(world.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(rows.next().unwrap().unwrap().contains("image 1/100000"));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let rest: Vec<String> = rows.map_while(Result::ok).collect();
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{error}");
    assert!(error.contains("stopping after this image") && error.contains("stopped after "), "{error}");
    assert!(rest.last().unwrap().contains("Results saved to runs/detect/exp"), "{rest:?}");
}

#[test]
fn help_fits_and_shows_how() {
    let folder = tempfile::tempdir().unwrap();
    check(
        folder.path(),
        &[
            ("--help", 0, &["Examples:", "yolo detect --source photo.jpg", "Exit codes: 0 ", "130 Ctrl-C"]),
            (
                "detect --help",
                0,
                &["Input:", "Detections:", "Results:", "Computation:", "Minimum confidence"],
            ),
            ("val --help", 0, &["Input:", "Detections:", "Results:", "Computation:", "Examples:"]),
        ],
    );
    let mut failures = vec![];
    for line in ["--help", "detect --help", "val --help", "train --help", "blocks", "info --cfg yolov5s"] {
        let (_, said) = run(folder.path(), line);
        let wide = said.lines().filter(|line| line.chars().count() > 100);
        failures.extend(wide.map(|wide| format!("`{line}`: {wide}")));
    }
    report(failures);
}
