//! What a user may hand the command by mistake or malice: one clear error that names the file, or the right result.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use yolo_tests::{report, root, yolo};

/// What is wrong with how the command refused `file`, if anything: exit code 1, and one error with the file and `says`.
fn refusal(command: &mut Command, file: &str, says: &str) -> Option<String> {
    let (code, text) = outcome(&command.output().expect("yolo runs"));
    let clear = text.starts_with("error: ") && !text.contains("\nerror: ") && !text.contains("panicked");
    let right = code == Some(1) && clear && text.contains(file) && text.contains(says);
    (!right).then(|| format!("{file}: exit code {code:?}, expected `{says}`, got `{}`", text.trim_end()))
}

fn outcome(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Writes each file and has the command refuse it.
fn all_refused(cases: &[(&str, Vec<u8>, &str)], mut command: impl FnMut(&Path) -> Command) {
    let folder = tempfile::tempdir().expect("a folder");
    let failures = cases.iter().filter_map(|(name, bytes, says)| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).expect("a file");
        refusal(&mut command(&file), name, says)
    });
    report(failures.collect());
}

/// A model of two rows with these between them.
fn model(rows: &[&str]) -> String {
    let rows: String = rows.iter().map(|row| format!("  - {row}\n")).collect();
    format!(
        "nc: 2\ndepth_multiple: 1.0\nwidth_multiple: 1.0\nanchors:\n  - [10,13, 16,30]\nbackbone:\n\
         \x20 - [-1, 1, Conv, [16, 3, 2]]\n{rows}head:\n  - [[0], 1, Detect, [nc, anchors]]\n"
    )
}

#[test]
fn bad_models() {
    let row = |row: &str| model(&[row]).into_bytes();
    let with = |from: &str, to: &str| {
        let text = model(&[]);
        assert!(text.contains(from));
        text.replace(from, to).into_bytes()
    };
    let aliases: String = ["ba", "cb", "dc", "ed", "fe", "gf", "hg"]
        .map(|pair| format!("{0}: &{0} [{1}]\n", &pair[..1], vec![format!("*{}", &pair[1..]); 9].join(", ")))
        .concat();
    let cases = [
        (
            "broken.yaml",
            b"nc: 2\nbackbone: [[-1, 1, Conv\n".to_vec(),
            "not valid YAML: did not find expected ',' or ']'",
        ),
        ("nested.yaml", "[".repeat(9999).into_bytes(), "recursion limit"),
        ("long.yaml", "[".repeat(1_000_000).into_bytes(), "has 1000000 bytes, but a model file has at most"),
        ("billion.yaml", format!("a: &a [x]\n{aliases}").into_bytes(), "repetition limit"),
        ("binary.yaml", b"nc: 2 # \xe9\n".to_vec(), "line 1: not UTF-8"),
        ("empty.yaml", vec![], "a model file is a map with the keys nc, anchors, backbone, head"),
        ("text.yaml", b"hello".to_vec(), "a model file is a map"),
        ("part.yaml", with("head:", "tail:"), "the key `head` is missing"),
        ("scalar.yaml", with("backbone:\n", "backbone: 3\nlayers:\n"), "`backbone` must be a list of rows"),
        ("classes.yaml", with("nc: 2", "nc: 0"), "`nc` must be a number of classes"),
        (
            "multiple.yaml",
            with("depth_multiple: 1.0", "depth_multiple: .nan"),
            "`depth_multiple` must be a positive",
        ),
        ("anchors.yaml", with("13, 16,30]", "13, 16]"), "`anchors` must be"),
        (
            "outputs.yaml",
            with("[[0], 1, Detect", "[[0, 0], 1, Detect"),
            "lists of anchors: 1, layers in `from`: 2",
        ),
        ("last.yaml", row("[-1, 1, Detect, [nc, anchors]]"), "layer 1 (Detect): must be the last row"),
        ("short.yaml", row("[-1, 1, Conv]"), "backbone, row 1: must be [from, number, module, args]"),
        ("number.yaml", row("[-1, 1000000000, Conv, [8]]"), "backbone, row 1: `number` must be from 1 to"),
        (
            "forward.yaml",
            row("[2, 1, Conv, [8]]"),
            "layer 1 (Conv): `from` names layer 2, but only what stands before",
        ),
        ("itself.yaml", row("[1, 1, Conv, [8]]"), "layer 1 (Conv): `from` names layer 1"),
        ("range.yaml", row("[-7, 1, Conv, [8]]"), "layer 1 (Conv): `from` names layer -7"),
        ("far.yaml", row("[-9223372036854775808, 1, Conv, [8]]"), "`from` names layer -9223372036854775808"),
        ("nowhere.yaml", row("[[], 1, Concat, [1]]"), "`from` must be a whole number or a list"),
        ("two.yaml", row("[[0, 0], 1, Conv, [8]]"), "layer 1 (Conv): takes 1 layers in `from`, not 2"),
        ("unknown.yaml", row("[-1, 1, Convv, [8]]"), "there is no block `Convv`; the nearest is `Conv`"),
        (
            "python.yaml",
            row("[-1, 1, \"__import__('os').system('x')\", []]"),
            "there is no block `__import__",
        ),
        ("few.yaml", row("[-1, 1, Conv, []]"), "layer 1 (Conv): needs argument `c2`"),
        ("many.yaml", row("[-1, 1, Conv, [8, 1, 1, None, 1, True, 7]]"), "takes at most 6 arguments"),
        (
            "kind.yaml",
            row("[-1, 1, Conv, [wide]]"),
            "argument `c2` must be a number of channels from 1 to 1048576, not 'wide'",
        ),
        ("negative.yaml", row("[-1, 1, Conv, [-8]]"), "argument `c2` must be"),
        ("map.yaml", row("[-1, 1, Conv, [{a: 1}]]"), "a map is no argument"),
        ("groups.yaml", row("[-1, 1, Conv, [8, 1, 1, None, 3]]"), "do not split into 3 groups"),
        ("window.yaml", row("[-1, 1, Conv, [8, 999, 1, 0]]"), "does not fit"),
        (
            "sizes.yaml",
            model(&["[-1, 1, Conv, [8, 3, 2]]", "[[-1, 0], 1, Concat, [1]]"]).into_bytes(),
            "layer 2 (Concat): concat: sizes must be equal but for axis 1 (input [1, 8, 64, 64] and [1, 16, 128, 128])",
        ),
        ("wide.yaml", row("[-1, 1, Conv, [1000000, 33]]"), "a model of this size is not supported"),
        (
            "wider.yaml",
            row("[-1, 1, Conv, [9223372036854775807]]"),
            "argument `c2` must be a number of channels",
        ),
        ("endless.yaml", row("[-1, 1, MixConv2d, [9223372036854775807]]"), "argument `c2` must be a number"),
        ("grown.yaml", row("[-1, 1, nn.Upsample, [None, 1000000000, nearest]]"), "layer 1 (nn.Upsample)"),
    ];
    all_refused(&cases, |file| {
        let mut command = yolo();
        command.args(["info", "--cfg"]).arg(file);
        command
    });
}

/// Safetensors of this header and data.
fn safetensors(header: &Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// A zip archive of one stored file.
fn archive(name: &str, bytes: &[u8]) -> Vec<u8> {
    let (size, sum) = ((bytes.len() as u32).to_le_bytes(), crc(bytes).to_le_bytes());
    let length = (name.len() as u16).to_le_bytes();
    let common = [&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &sum, &size, &size, &length, &[0; 2]].concat();
    let local = [b"PK\x03\x04", &common[..], name.as_bytes(), bytes].concat();
    let central = [b"PK\x01\x02\x0a\0", &common[..], &[0; 14], name.as_bytes()].concat();
    let place = [(central.len() as u32).to_le_bytes(), (local.len() as u32).to_le_bytes()].concat();
    [&local[..], &central, b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &place, &[0; 2]].concat()
}

/// CRC-32 as zip and PNG use it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[test]
fn bad_weights() {
    let golden = |name: &str| std::fs::read(root().join("tests/goldens/checkpoints").join(name)).expect(name);
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let (whole, zip, legacy) = (golden("expected.safetensors"), golden("checkpoint.pt"), golden("legacy.pt"));
    let mut flipped = zip.clone();
    flipped[zip.len() / 2] ^= 1;
    let one =
        |shape: Value, end: u64| json!({ "w": { "dtype": "F32", "shape": shape, "data_offsets": [0, end] } });
    let carrying = |model: &str| json!({ "__metadata__": { "model": model } });
    let cases = [
        ("empty.safetensors", vec![], "this is an empty file; fetch or copy it again"),
        (
            "pointer.safetensors",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 14808437\n".to_vec(),
            "a Git LFS pointer, a note in the place of a file of 14.8 MB; run `git lfs install`",
        ),
        ("text.safetensors", b"hello, this is some text".to_vec(), "not a weights file"),
        (
            "page.pt",
            b"<!DOCTYPE html><html><head><title>Virus scan warning</title></head></html>".to_vec(),
            "a web page (`Virus scan warning`) that was saved in the file's place",
        ),
        (
            "yolov5s.onnx",
            b"\x08\x07\x12\x07pytorch\x1a\x052.8.0:\xa0\x01".to_vec(),
            "bad ONNX file: it is cut short, damaged, or no ONNX file",
        ),
        (
            "alone.ncnn.param",
            b"7767517\n1 1\nInput in0 0 1 in0\n".to_vec(),
            "alone.ncnn.bin is not beside it; put both files into one folder",
        ),
        ("alone.bin", vec![0; 40], "alone.param is not beside it; put both files into one folder"),
        ("binary.param", b"\xdd\x85\x76\0\x01\0\0\0".to_vec(), "a binary ncnn .param; give the text .param"),
        ("yolov5s.engine", b"ftrt\x01\0\0\0".to_vec(), "this is a TensorRT engine; give the checkpoint"),
        (
            "yolov5n.yaml",
            std::fs::read(root().join("models/yolov5n.yaml")).expect("a model"),
            "give it with --cfg",
        ),
        ("data.tar", [vec![0; 257], b"ustar\0".to_vec(), vec![0; 249]].concat(), "a tar archive; unpack it"),
        ("header.safetensors", whole[..99].to_vec(), "truncated: the header"),
        ("data.safetensors", whole[..whole.len() - 9].to_vec(), "only"),
        ("length.safetensors", [&[0xff; 8], &b"{}"[..]].concat(), "truncated: the header"),
        ("json.safetensors", safetensors(&json!({ "w": 1 }), &[]), "bad safetensors header"),
        (
            "vast.safetensors",
            safetensors(&one(json!([1_000_000_000]), 4_000_000_000), &[0; 4]),
            "truncated: the values of `w`",
        ),
        (
            "product.safetensors",
            safetensors(&one(json!([1u64 << 32, 1u64 << 32, 4]), 4), &[0; 4]),
            "tensor `w`: shape",
        ),
        ("shape.safetensors", safetensors(&one(json!([2]), 4), &[0; 4]), "tensor `w`: shape [2] of F32"),
        ("extra.safetensors", safetensors(&one(json!([1]), 4), &[0; 9]), "5 bytes after the last tensor"),
        ("silent.safetensors", safetensors(&one(json!([1]), 4), &[0; 4]), "name it with --cfg"),
        ("yaml.safetensors", safetensors(&carrying("nc: ["), &[]), "not valid YAML"),
        (
            "wide.safetensors",
            safetensors(&carrying(&model(&["[-1, 1, Conv, [1000000, 33]]"])), &[]),
            "is not supported",
        ),
        ("other.safetensors", safetensors(&carrying(&model(&[])), &[]), "8 missing: model.0.conv.weight"),
        ("cut.pt", cut(zip.clone()), "damaged archive"),
        ("tail.pt", zip[..zip.len() - 9].to_vec(), "damaged archive"),
        ("flipped.pt", flipped, "damaged archive"),
        ("legacy.pt", cut(legacy), "truncated"),
        ("malicious.pt", golden("malicious.pt"), "posix.system"),
        (
            "system.pt",
            archive("a/data.pkl", b"cos\nsystem\n(S'touch owned'\ntR."),
            "refusing to load: the file would call `os.system`",
        ),
        (
            "eval.pt",
            archive("a/data.pkl", b"c__builtin__\neval\n(S'1'\ntR."),
            "refusing to load: the file would call",
        ),
        ("none.pt", archive("a/data.pkl", b"N."), "not a weights file"),
        (
            "yolov5nu.pt",
            archive("a/data.pkl", b"}X\x05\0\0\0modelcultralytics.nn.tasks\nDetectionModel\n)\x81}bs."),
            "YOLOv5u such as yolov5su.pt), whose head has no anchors; give weights of YOLOv5 itself",
        ),
        (
            "yolov5s-seg.pt",
            archive("a/data.pkl", b"cmodels.yolo\nSegmentationModel\n)\x81}b."),
            "a segmentation checkpoint (YOLOv5-seg); give a detection checkpoint",
        ),
        (
            "fork.pt",
            archive("a/data.pkl", b"cmodels.light\nStem\n)\x81}b0cmodels.light\nHead\n)\x81}b."),
            "classes that are not known here: models.light.Stem, models.light.Head; nothing was run",
        ),
        ("script.pt", archive("a/constants.pkl", b"N."), "without the data.pkl"),
        (
            "seven.safetensors",
            safetensors(&carrying(&model(&["[-1, 1, ReOrg, []]", "[-1, 1, SPPCSPC, [8]]"])), &[]),
            "is YOLOv7's, with blocks that YOLOv5 does not have: ReOrg, SPPCSPC;",
        ),
        ("stops.pt", archive("a/data.pkl", b"}"), "pickle"),
        ("zip.pt", archive("a/readme.txt", b"hello"), "without the data.pkl"),
    ];
    all_refused(&cases, |file| {
        let mut command = yolo();
        command.args(["info", "--weights"]).arg(file);
        command
    });
    // The other commands read them in the same way, and leave nothing behind.
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out.safetensors");
    all_refused(&cases, |file| {
        let mut command = yolo();
        command.args(["convert", "--output"]).arg(&output).arg("--weights").arg(file);
        command
    });
    all_refused(&cases, |file| {
        let mut command = yolo();
        command.args(["detect", "--project"]).arg(folder.path()).arg("--weights").arg(file);
        command
    });
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "something is left behind");
    assert!(!root().join("owned").exists());
}

/// A PNG of this size in 8-bit RGB whose pixels are these bytes, stored as they are.
fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let body = [kind, data].concat();
        [&(data.len() as u32).to_be_bytes(), &body[..], &crc(&body).to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let length = pixels.len() as u16;
    let zlib = [&[0x78, 1, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), pixels].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", &zlib), &chunk(b"IEND", &[])]
        .concat()
}

fn encoded(image: image::DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an image");
    bytes.into_inner()
}

/// One folder with every kind of image: those that are none are named, all others are seen and written.
#[test]
fn odd_images() {
    use image::{DynamicImage, ImageFormat};
    let fixture =
        |name: &str| std::fs::read(root().join("yolo-host/src/image/fixtures").join(name)).expect(name);
    let photo = std::fs::read(root().join("tests/data/photos/chelsea.png")).expect("a photograph");
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let jpeg = |image| encoded(image, ImageFormat::Jpeg);
    let bad = [
        ("empty.jpg", vec![], "is empty (0 bytes)"),
        ("text.jpg", b"hello".to_vec(), "is not an image that can be read"),
        ("gif.png", b"GIF89a\x01\0\x01\0".to_vec(), "cannot decode"),
        ("cut.png", cut(photo), "cannot decode"),
        ("cut.bmp", cut(fixture("plain.bmp")), "cannot decode"),
        ("cut.tiff", cut(fixture("turned.tiff")), "cannot decode"),
        ("cut.webp", cut(fixture("turned.webp")), "cannot decode"),
        ("header.jpg", cut(fixture("turned.jpg")), "cannot decode"),
        ("nothing.png", png(0, 5, &[]), "cannot decode"),
        (
            "huge.png",
            png(30_000, 30_000, &[]),
            "is 30000x30000 pixels, 2574 MiB once decoded; the limit is 1024 MiB",
        ),
        ("float.tiff", fixture("float.tiff"), "has floating-point pixels"),
    ];
    let good = [
        ("plain.png", png(2, 1, &[0, 255, 0, 0, 0, 0, 255]), (2, 1)),
        ("one.png", fixture("one.png"), (1, 1)),
        ("tall.png", png(1, 8000, &[0; 32_000]), (1, 8000)),
        ("flat.png", png(8000, 1, &[0; 24_001]), (8000, 1)),
        ("grey.jpg", jpeg(DynamicImage::new_luma8(40, 30)), (40, 30)),
        ("grey16.png", encoded(DynamicImage::new_luma16(40, 30), ImageFormat::Png), (40, 30)),
        ("deep.png", encoded(DynamicImage::new_rgb16(40, 30), ImageFormat::Png), (40, 30)),
        ("deep.tiff", encoded(DynamicImage::new_rgba16(40, 30), ImageFormat::Tiff), (40, 30)),
        ("alpha.png", encoded(DynamicImage::new_rgba8(40, 30), ImageFormat::Png), (40, 30)),
        ("alpha.webp", encoded(DynamicImage::new_rgba8(40, 30), ImageFormat::WebP), (40, 30)),
        ("cmyk.jpg", fixture("cmyk.jpg"), (24, 16)),
        ("palette.png", fixture("palette.png"), (24, 16)),
        ("UPPER.JPG", fixture("grey.jpg"), (24, 16)),
        ("large.JPG_large", fixture("grey.jpg"), (24, 16)),
        ("palette.tiff", fixture("palette.tiff"), (7, 5)),
        ("several.mpo", fixture("grey.jpg"), (24, 16)),
        ("jpeg.png", fixture("grey.jpg"), (24, 16)),
        ("turned.jpg", fixture("turned.jpg"), (16, 24)),
        ("turned.tiff", fixture("turned.tiff"), (16, 24)),
        ("naïve 图 #1.png", fixture("one.png"), (1, 1)),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let files = bad
        .iter()
        .map(|(name, bytes, _)| (name, bytes))
        .chain(good.iter().map(|(name, bytes, _)| (name, bytes)));
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("a file");
    }
    std::fs::create_dir(folder.path().join("folder.png")).expect("a folder");
    let (output, project) =
        detect(folder.path(), &["--imgsz", "64", "--save-txt", "--save-crop", "--conf-thres", "0.001"]);

    let (code, text) = outcome(&output);
    let mut failures = Vec::new();
    if code != Some(1) || text.contains("panicked") {
        failures.push(format!("exit code {code:?}: {text}"));
    }
    for (name, _, says) in &bad {
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(name)).collect();
        if !matches!(lines[..], [line] if line.starts_with("error: ") && line.contains(says)) {
            failures.push(format!("{name}: expected `{says}`, got {lines:?}"));
        }
    }
    let tally = format!("{} of {} images failed", bad.len(), bad.len() + good.len());
    if !text.contains(&tally) {
        failures.push(format!("expected `{tally}`"));
    }
    let mut seen = sizes(&output);
    for (name, _, size) in &good {
        match seen.remove(*name) {
            Some(found) if found == *size => {}
            other => failures.push(format!("{name}: expected {size:?}, got {other:?}")),
        }
        let written = std::fs::read(project.path().join("exp").join(name)).ok();
        let written = written.and_then(|bytes| image::load_from_memory(&bytes).ok());
        if written.map(|image| (image.width(), image.height())) != Some(*size) {
            failures.push(format!("{name}: not written as an image of {size:?}"));
        }
    }
    failures.extend(seen.into_keys().map(|name| format!("{name}: no image, but a result")));
    report(failures);
}

/// Width and height by file name, from the JSON lines.
fn sizes(output: &Output) -> BTreeMap<String, (u32, u32)> {
    let line = |line: &str| {
        let json: Value = serde_json::from_str(line).expect("JSON");
        let number =
            |key: &str| json[key].as_u64().and_then(|value| u32::try_from(value).ok()).expect("a number");
        let path = Path::new(json["path"].as_str().expect("a path"));
        (
            path.file_name().expect("a name").to_string_lossy().into_owned(),
            (number("width"), number("height")),
        )
    };
    String::from_utf8_lossy(&output.stdout).lines().map(line).collect()
}

fn detect(source: &Path, options: &[&str]) -> (Output, tempfile::TempDir) {
    let project = tempfile::tempdir().expect("a folder");
    let mut command = yolo();
    command.args(["detect", "--json", "--weights", "weights/yolov5s.safetensors"]).args(options);
    command.arg("--source").arg(source).arg("--project").arg(project.path());
    (command.output().expect("yolo runs"), project)
}

/// A photograph cut short in its pixels is an error or is seen with what there is of it; OpenCV does the latter.
#[test]
fn half_a_photograph_is_seen_or_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let photo = image::open(root().join("tests/data/photos/chelsea.png")).expect("a photograph").to_rgb8();
    let bytes = encoded(photo.into(), image::ImageFormat::Jpeg);
    std::fs::write(folder.path().join("half.jpg"), &bytes[..bytes.len() / 2]).expect("a file");
    let (output, _project) = detect(folder.path(), &["--imgsz", "64"]);
    let (code, text) = outcome(&output);
    assert!(!text.contains("panicked"), "{text}");
    match code {
        Some(0) => assert_eq!(sizes(&output)["half.jpg"], (451, 300)),
        _ => assert!(
            code == Some(1) && text.starts_with("error: ") && text.contains("half.jpg"),
            "{code:?}: {text}"
        ),
    }
}

#[test]
fn bad_arguments() {
    let empty = tempfile::tempdir().expect("a folder");
    let here = empty.path().to_str().expect("UTF-8");
    let cases: [(&[&str], i32, &str); 16] = [
        (&[], 2, "Usage"),
        (&["nonsense"], 2, "nonsense"),
        (&["info"], 2, "--cfg"),
        (&["convert", "--weights", "a.pt"], 2, "--output"),
        (&["detect", "--imgsz", "big"], 2, "'big'"),
        (&["detect", "--imgsz", "64", "99999"], 2, "must be from 1 to 16384 pixels"),
        (
            &["info", "--cfg", "models/yolov5n.yaml", "--imgsz", "18446744073709551615"],
            2,
            "must be from 1 to 16384",
        ),
        (
            &["convert", "--weights", "a.pt", "--output", "a.safetensors", "--imgsz", "0"],
            2,
            "must be from 1 to 16384",
        ),
        (&["detect", "--conf-thres", "2"], 1, "--conf-thres must be from 0 to 1, not 2"),
        (&["detect", "--conf-thres", "nan"], 1, "--conf-thres must be from 0 to 1, not NaN"),
        (&["detect", "--classes", "80"], 1, "--classes 80: the model has classes 0 to 79"),
        (&["detect", "--source", "missing.jpg"], 1, "source 'missing.jpg' does not exist"),
        (&["detect", "--source", here], 1, "no images in"),
        (&["info", "--cfg", "missing.yaml"], 1, "missing.yaml: no such model file"),
        (&["info", "--weights", "missing.pt"], 1, "missing.pt: no such file"),
        (
            &["convert", "--weights", "weights/yolov5s.safetensors", "--output", "a.pt"],
            1,
            "must end in .safetensors",
        ),
    ];
    let failures = cases.iter().filter_map(|(arguments, expected, says)| {
        let (code, text) = outcome(&yolo().args(*arguments).current_dir(root()).output().expect("yolo runs"));
        let right = code == Some(*expected) && text.contains(says) && !text.contains("panicked");
        (!right).then(|| {
            format!("{arguments:?}: exit code {code:?}, expected {expected} and `{says}`, got `{text}`")
        })
    });
    report(failures.collect());
}
