//! Blocks from dynamic libraries are the blocks that are linked in, and the example plugins are what their papers say.

use std::collections::BTreeSet;
use std::fs::{copy, read, write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use yolo_bundle as _;
use yolo_host::model::{Model, Spec, State};
use yolo_host::plugin::{Origin, Registry};
use yolo_host::weights::{self, Checkpoint, Dtype, Meta};
use yolo_tests::plugins::{FAMILIES, compile, example_in_rust, family, is_installed};
use yolo_tests::reference::{figure_failures, image, layer_failures, networks, records};
use yolo_tests::{
    bare_yolo, exact, golden_model, number, portable_state, read_golden, registry, report, root, yolo,
};

/// YOLOv5's own blocks, and those of these libraries.
fn with_libraries(libraries: &[PathBuf]) -> Registry {
    let mut registry = Registry::default();
    for entry in self::registry().iter().filter(|entry| entry.origin == Origin::Host) {
        registry.add(entry.clone()).unwrap();
    }
    for library in libraries {
        registry.load(library).unwrap_or_else(|error| panic!("{error:?}"));
    }
    registry
}

/// All layers' outputs, as bits.
fn outputs(model: &Model, height: usize, width: usize) -> Vec<Vec<u64>> {
    let (state, image) = (portable_state(model), image(height, width));
    let wanted: Vec<_> = model.layers.iter().map(|layer| layer.output).collect();
    let outputs = exact::run(&model.graph, &state, &image, [1, 3, height, width], &wanted).unwrap();
    outputs.into_iter().map(|(_, values)| values.into_iter().map(f64::to_bits).collect()).collect()
}

#[test]
fn every_family_is_listed() {
    let registry = registry();
    let linked: BTreeSet<&str> = registry.iter().map(|entry| entry.origin.plugin().0).collect();
    let listed = |name: &&str| FAMILIES.iter().any(|family| name.strip_prefix("yolo-") == Some(*family));
    let own = ["yolo-host", env!("CARGO_PKG_NAME")];
    let missing = linked.into_iter().filter(|name| !own.contains(name) && !listed(name));
    report(missing.map(|name| format!("{name}: add it to FAMILIES in tests/src/plugins.rs")).collect());
}

#[test]
fn a_family_is_the_same_linked_in_and_loaded() {
    let linked = registry();
    let loaded = [false, true].map(|release| with_libraries(&FAMILIES.map(|name| family(name, release))));
    let mut used = FAMILIES.map(|_| 0);
    for file in networks("layers") {
        let meta = read_golden(&file).meta;
        let ours = golden_model(&meta, &linked);
        let origin =
            |row: &yolo_host::model::Row| linked.get(&row.module).map(|entry| entry.origin.plugin().0);
        let families = ours.spec.rows.iter().filter_map(origin).filter(|name| *name != "yolo-host");
        let families: Vec<&str> = families.collect();
        if families.is_empty() {
            continue;
        }
        for (count, name) in used.iter_mut().zip(FAMILIES) {
            *count += families.iter().filter(|family| family.ends_with(name)).count();
        }
        let (height, width) = (number(&meta, "height") as usize, number(&meta, "width") as usize);
        let expected = outputs(&ours, height, width);
        for registry in &loaded {
            let theirs = golden_model(&meta, registry);
            // Operations, attributes, names, shapes, initial values.
            assert_eq!(format!("{:?}", ours.graph), format!("{:?}", theirs.graph), "{}", file.display());
            let statistics = |model: &Model| format!("{:?}", model.statistics(640).unwrap());
            assert_eq!(statistics(&ours), statistics(&theirs), "{}", file.display());
            assert!(expected == outputs(&theirs, height, width), "{}: other outputs", file.display());
        }
    }
    assert!(used.iter().all(|count| *count > 0), "rows of each family: {used:?}");
}

/// The example plugins, the one in C by each compiler that is here, the one in Rust by each profile.
fn examples(folder: &Path) -> Vec<Registry> {
    let source = root().join("plugins/examples/pplcnet/pplcnet.c");
    let compilers = ["cc", "gcc", "clang"].into_iter().filter(|name| {
        let here = is_installed(name);
        if !here {
            eprintln!("SKIPPED: {name} is not here");
        }
        here
    });
    let builds = compilers.flat_map(|compiler| [(compiler, "-O0"), (compiler, "-O3")]);
    let in_c = builds.map(|(compiler, level)| {
        let folder = folder.join(format!("{compiler}{level}"));
        std::fs::create_dir(&folder).unwrap();
        compile(compiler, &source, &folder, &[level])
    });
    // The Rust one by each profile in turn: with two builds in C at least, each of both is there.
    let in_rust = [false, true].map(|release| example_in_rust("fasternet", release));
    let registries = in_c.zip(in_rust.iter().cycle()).map(|(c, rust)| with_libraries(&[c, rust.clone()]));
    let registries: Vec<Registry> = registries.collect();
    assert!(registries.len() >= 2, "a C compiler");
    registries
}

#[test]
fn the_examples_match_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let registries = examples(folder.path());
    let mut failures = Vec::new();
    for file in networks("plugins") {
        let meta = read_golden(&file).meta;
        let (height, width) = (number(&meta, "height") as usize, number(&meta, "width") as usize);
        failures.extend(layer_failures(&file, &registries[0]));
        let bits = |registry| outputs(&golden_model(&meta, registry), height, width);
        for other in &registries[1..] {
            assert!(bits(&registries[0]) == bits(other), "{}: compilers differ", file.display());
        }
    }
    for record in records("plugins/statistics.json") {
        failures.extend(figure_failures(&record, &registries[0]));
    }
    report(failures);
}

/// Every example has a golden that uses its blocks.
#[test]
fn every_example_has_a_golden() {
    let named: Vec<String> =
        networks("plugins").iter().filter_map(|file| read_golden(file).meta.model).collect();
    let folders = std::fs::read_dir(root().join("plugins/examples")).unwrap();
    let missing = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|example| {
        !named.iter().any(|model| model.starts_with(&format!("plugins/examples/{example}/")))
    });
    report(missing.map(|example| format!("{example}: add it to tests/goldens/make_plugins.py")).collect());
}

/// Small, nothing exported but the entry, and no tensor library inside.
#[test]
fn the_libraries_are_small() {
    let folder = tempfile::tempdir().unwrap();
    let libraries =
        FAMILIES.map(|name| family(name, true)).into_iter().chain([example_in_rust("fasternet", true)]);
    for library in libraries {
        let stripped = folder.path().join("stripped");
        run(Command::new("strip").arg("-o").arg(&stripped).arg(&library));
        let bytes = read(&stripped).unwrap();
        assert!(bytes.len() < 1_000_000, "{}: {} bytes stripped", library.display(), bytes.len());
        assert!(!bytes.windows(6).any(|window| window == b"candle"), "{} holds candle", library.display());
        let symbols = run(Command::new("nm").args(["-D", "--defined-only"]).arg(&library));
        let names: Vec<&str> = symbols.lines().filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(names, ["yolo_plugin_entry"], "{}", library.display());
    }
}

/// What a command that succeeds prints on standard output.
fn run(command: &mut Command) -> String {
    let output = finished(command);
    assert!(output.status.success(), "{command:?}: {}", error_text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that fails says.
fn refused(command: &mut Command) -> String {
    let output = finished(command);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {}", error_text(&output));
    error_text(&output)
}

fn finished(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn error_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The libraries of all families in a folder of their own, as `cargo build --examples` leaves them.
fn folder_of_families() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in FAMILIES {
        let library = family(name, false);
        let copied = folder.path().join(library.file_name().unwrap());
        copy(&library, &copied).unwrap();
        let stem = copied.file_stem().unwrap().to_string_lossy();
        // An older build, which is no plugin any more.
        write(copied.with_file_name(format!("{stem}-0123456789abcdef.so")), "old").unwrap();
    }
    folder
}

/// A program without families, and a folder of libraries, are the program with families.
#[test]
fn the_command_loads_a_folder() {
    let folder = folder_of_families();
    for model in ["yolov5-shufflenetv2", "yolov5-mobilenetv3-small", "yolov5s-ghost"] {
        let cfg = format!("models/{model}.yaml");
        let info = ["info", "--json", "--cfg", &cfg];
        // Everything but the library that it comes from.
        let described = |command: &mut Command| {
            let mut json: serde_json::Value = serde_json::from_str(&run(command)).unwrap();
            let plugins = json["plugins"].as_array_mut().unwrap();
            let libraries = plugins.iter_mut().filter_map(|plugin| plugin.as_object_mut()?.remove("library"));
            let count = libraries.count();
            (json, count)
        };
        let (expected, linked) = described(yolo().args(info));
        assert_eq!(linked, 0);
        let expected = (expected, 1);
        assert_eq!(described(bare_yolo().arg("--plugin").arg(folder.path()).args(info)), expected);
        assert_eq!(described(bare_yolo().args(info).arg("--plugin").arg(folder.path())), expected);
        assert_eq!(described(bare_yolo().args(info).env("YOLO_PLUGIN_PATH", folder.path())), expected);
        let message = refused(bare_yolo().args(info));
        assert!(message.contains("there is no block") && message.contains("--plugin"), "{message}");
    }
}

/// Before and after the subcommand, several times, and one library by two ways.
#[test]
fn every_way_to_name_a_library_counts() {
    let [a, b, c] = ["shufflenetv2", "mobilenetv3", "ghost"].map(|name| family(name, false));
    let separate = std::env::join_paths([&c, &a]).unwrap();
    let mut command = bare_yolo();
    command.arg("--plugin").arg(&a).arg("blocks").arg("--plugin").arg(&b).env("YOLO_PLUGIN_PATH", separate);
    let listing = run(&mut command);
    for library in [&a, &b, &c] {
        let path = library.canonicalize().unwrap();
        assert_eq!(listing.matches(&path.display().to_string()).count(), 1, "{}\n{listing}", path.display());
    }
    let message = refused(bare_yolo().args(["blocks", "--plugin", "nowhere.so"]));
    assert!(message.starts_with("error: plugin nowhere.so: cannot be read: "), "{message}");
}

#[test]
fn a_family_both_ways_is_accepted_only_if_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let output = finished(yolo().arg("blocks").arg("--plugin").arg(family("ghost", false)));
    let note = error_text(&output);
    assert!(output.status.success() && note.starts_with("note: ") && note.contains("GhostConv"), "{note}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("yolo-ghost 0.2.0 (linked in)"));

    let source = folder.path().join("other.c");
    for (name, version) in [("yolo-ghost", "0.2.0"), ("yolo-ghost", "0.3.0"), ("someone", "0.2.0")] {
        write(&source, OTHER_GHOST.replace("@NAME", name).replace("@VERSION", version)).unwrap();
        let library = compile("cc", &source, folder.path(), &[]);
        let message = refused(yolo().arg("blocks").arg("--plugin").arg(&library));
        for part in
            ["`GhostConv` is there twice", "yolo-ghost 0.2.0 (linked in)", &format!("{name} {version} (/")]
        {
            assert!(message.contains(part), "{message} lacks {part}");
        }
    }
}

const OTHER_GHOST: &str = r#"
#include "yolo_plugin.h"
static yolo_value build(const void *user, const yolo_call *call) { (void)user; return call->inputs[0]; }
static const yolo_block ghost = { .struct_size = sizeof(yolo_block), .name = YOLO_STR("GhostConv"),
    .help = YOLO_STR(""), .min_inputs = 1, .max_inputs = 1, .build = build };
static const yolo_block *const blocks[] = { &ghost };
static const yolo_plugin plugin = { .abi_version = YOLO_ABI_VERSION, .struct_size = sizeof(yolo_plugin),
    .name = YOLO_STR("@NAME"), .version = YOLO_STR("@VERSION"), .blocks = blocks, .blocks_len = 1 };
const yolo_plugin *yolo_plugin_entry(void) { return &plugin; }
"#;

/// A model file's own plugins run code: only when the command allows it.
#[test]
fn a_model_s_plugins_are_loaded_only_when_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let example = root().join("plugins/examples/pplcnet");
    compile("cc", &example.join("pplcnet.c"), folder.path(), &[]);
    let cfg = folder.path().join("model.yaml");
    copy(example.join("yolov5-pplcnet.yaml"), &cfg).unwrap();
    let message = refused(yolo().args(["info", "--cfg"]).arg(&cfg));
    assert!(message.contains("libpplcnet.so") && message.contains("--allow-yaml-plugins"), "{message}");
    let table = run(yolo().args(["info", "--allow-yaml-plugins", "--cfg"]).arg(&cfg));
    assert!(table.contains("3,735,233 parameters"), "{table}");
    // Weights that carry the model ask for its plugins, too: beside themselves.
    let registry = with_libraries(&[folder.path().join("libpplcnet.so")]);
    let model = Model::build(Spec::read(&cfg).unwrap(), &registry).unwrap();
    let arrays = State::new(&model.graph, 0).to_arrays(&model.graph);
    let meta = Meta { model: Some(model.spec.text), ..Meta::default() };
    let weights = folder.path().join("weights.safetensors");
    weights::write(&weights, &Checkpoint { arrays, meta, ..Checkpoint::default() }, Dtype::F16).unwrap();
    let detect = || {
        let mut command = yolo();
        command
            .args(["detect", "--imgsz", "64", "--device", "cpu", "--nosave", "--json", "--weights"])
            .arg(&weights);
        command.arg("--project").arg(folder.path());
        command
    };
    assert_eq!(run(detect().arg("--allow-yaml-plugins")).lines().count(), 3);
    assert!(refused(&mut detect()).contains("--allow-yaml-plugins"));
    // In any other folder the library is not there.
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    copy(&cfg, elsewhere.join("model.yaml")).unwrap();
    let mut command = yolo();
    command.args(["info", "--allow-yaml-plugins", "--cfg"]).arg(elsewhere.join("model.yaml"));
    assert!(refused(&mut command).contains("elsewhere/libpplcnet.so: cannot be read"));
}
