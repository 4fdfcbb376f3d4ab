//! What weights say of themselves, and what is done by it: the size that they were trained at, their plugins, their licence.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use yolo_bundle as _;
use yolo_host::plugin::{Origin, families, family_of};
use yolo_host::weights::{self, Checkpoint, Dtype, Meta, Plugin};
use yolo_tests::{bare_yolo, registry, report, root, shapes, yolo};

/// Exit code, standard output and standard error.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("yolo runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A short training at 64 pixels of a model with a plugin, linked in; its weights.
fn trained(data: &Path) -> std::path::PathBuf {
    shapes::draw(data, 5, 4, 2);
    let mut command = yolo();
    command.args(["train", "--cfg", "models/yolov5-shufflenetv2.yaml", "--imgsz", "64", "--epochs", "1"]);
    let (code, _, errors) = run(command.arg("--data").arg(data).arg("--project").arg(data));
    assert_eq!(code, Some(0), "{errors}");
    data.join("exp/weights/last.safetensors")
}

#[test]
fn a_training_records_its_plugins_and_its_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = trained(folder.path());
    let meta = weights::read(&file).expect("weights").meta;
    let [plugin] = &meta.plugins[..] else { panic!("{:?}", meta.plugins) };
    assert_eq!((plugin.name.as_str(), &plugin.library), ("yolo-shufflenetv2", &None));
    let mut blocks = plugin.blocks.clone();
    blocks.sort();
    assert_eq!(blocks, ["Shuffle_Block", "conv_bn_relu_maxpool"]);
    // Whose they are is for whoever trained them to say.
    assert_eq!((meta.imgsz, &meta.licence), (Some(64), &None));

    let converted = folder.path().join("converted.safetensors");
    let mut command = yolo();
    command.arg("convert").arg("--weights").arg(&file).arg("--output").arg(&converted);
    let (code, _, errors) = run(command.args(["--licence", "CC0-1.0"]));
    assert_eq!(code, Some(0), "{errors}");
    let kept = weights::read(&converted).expect("weights").meta;
    assert_eq!(
        (&kept.plugins, kept.imgsz, kept.licence.as_deref()),
        (&meta.plugins, Some(64), Some("CC0-1.0"))
    );

    let (code, table, _) = run(yolo().arg("info").arg("--weights").arg(&converted));
    assert_eq!(code, Some(0));
    let plugin = format!("yolo-shufflenetv2 {}", plugin.version);
    for told in [
        "classes: disc, square, triangle",
        "licence: CC0-1.0",
        &format!("trained at 64×64, with {plugin}"),
        &format!("plugins: {plugin}"),
    ] {
        assert!(table.lines().any(|line| line == told), "{told}: {table}");
    }
    let (_, json, _) = run(yolo().args(["info", "--json", "--weights"]).arg(&converted));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["weights"]["names"], serde_json::json!(shapes::NAMES));
    assert_eq!((&json["weights"]["imgsz"], &json["weights"]["licence"]), (&64.into(), &"CC0-1.0".into()));
    assert_eq!(json["weights"]["plugins"], json["plugins"]);
    assert_eq!(json["plugins"][0]["name"], "yolo-shufflenetv2");

    // The size is theirs until another is asked for.
    let note = "note: --imgsz 64, the size that the weights were trained at";
    for (size, seen, noted) in [(None, "64×64", true), (Some("96"), "96×96", false)] {
        let mut command = yolo();
        command.args(["detect", "--nosave", "--source"]).arg(folder.path().join("JPEGImages/val0000.png"));
        command.args(["--json", "--weights"]).arg(&file).arg("--project").arg(folder.path().join("detect"));
        let (code, _, errors) = run(command.args(size.map(|size| ["--imgsz", size]).into_iter().flatten()));
        // One side is cut to the shape of the image.
        let side = seen.split('×').next().expect("a side");
        let fitted = errors.contains(&format!(": {side}×")) || errors.contains(&format!("×{side} "));
        assert!(code == Some(0) && fitted && errors.contains(note) == noted, "{size:?}: {errors}");
    }
    let val = |size: &[&str]| {
        let mut command = yolo();
        command.args(["val", "--nosave", "--data"]).arg(folder.path()).arg("--weights").arg(&file);
        let (code, table, errors) = run(command.args(["--conf-thres", "0.0001"]).args(size));
        assert_eq!(code, Some(0), "{errors}");
        (table, errors.contains(note))
    };
    let (table, noted) = val(&[]);
    assert!(noted && (table, false) == val(&["--imgsz", "64"]));
}

#[test]
fn a_missing_block_names_the_plugin_that_it_was_trained_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let version = registry().get("Shuffle_Block").expect("it is linked").origin.plugin().1.to_string();
    let yaml = fs::read_to_string(root().join("models/yolov5-shufflenetv2.yaml")).expect("a model");
    let plugin = |name: &str, library: Option<&str>, block: &str| Plugin {
        name: name.into(),
        version: version.clone(),
        library: library.map(String::from),
        blocks: vec![block.into()],
    };
    let write = |name: &str, yaml: &str, plugins: Vec<Plugin>| {
        let file = folder.path().join(name);
        let meta = Meta { model: Some(yaml.into()), plugins, ..Meta::default() };
        let checkpoint = Checkpoint { arrays: BTreeMap::new(), meta, ..Checkpoint::default() };
        weights::write(&file, &checkpoint, Dtype::F32).expect("weights");
        file
    };
    let linked = write("linked", &yaml, vec![plugin("yolo-shufflenetv2", None, "conv_bn_relu_maxpool")]);
    let library = yaml.replace("conv_bn_relu_maxpool", "Mine");
    let library = write("library", &library, vec![plugin("my-plugin", Some("libmine.so"), "Mine")]);
    let named = format!("yolo-shufflenetv2 {version}");
    let mut failures = vec![];
    for (file, told) in [
        (&linked, vec![named.as_str(), "cargo feature shufflenetv2", "`use yolo_bundle as _;`"]),
        (&library, vec!["no block `Mine` here", "my-plugin", "(libmine.so)", "--plugin PATH"]),
        // Weights that say nothing of plugins.
        (&root().join("weights/bccd-ghost.safetensors"), vec!["the family ghost", "cargo feature ghost"]),
    ] {
        for command in ["info", "detect"] {
            let (code, _, errors) = run(bare_yolo().arg(command).arg("--weights").arg(file));
            let lacks = told.iter().find(|told| !errors.contains(**told));
            if code != Some(1) || lacks.is_some() || errors.contains("Known blocks") {
                failures.push(format!("{command} {}, {lacks:?}: {errors}", file.display()));
            }
        }
    }
    report(failures);
}

/// The build script finds the families in the sources.
#[test]
fn every_linked_block_is_known_to_be_of_its_family() {
    let registry = registry();
    let mut failures = vec![];
    for entry in registry.iter() {
        let want = match &entry.origin {
            Origin::Crate { name, .. } => name.strip_prefix("yolo-"),
            Origin::Host | Origin::Library { .. } => None,
        };
        if family_of(&entry.name) != want {
            failures.push(format!("{}: {:?}, not {want:?}", entry.name, family_of(&entry.name)));
        }
    }
    for (family, blocks) in families() {
        let unknown = blocks.iter().filter(|block| registry.get(block).is_none());
        failures.extend(unknown.map(|block| format!("{family} has no {block}")));
    }
    report(failures);
}
