//! Activations as model files and checkpoints have them, against the reference; and what a model file may say otherwise.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::path::Path;
use yolo_bundle as _;
use yolo_host::detector::Detector;
use yolo_host::exec::Device;
use yolo_host::graph::{Act, Op};
use yolo_host::model::{Anchors, Model, ModelFiles, Spec, load};
use yolo_tests::{floats, golden, models, number, read_golden, registry, report, root, uniform, yolo};

/// Decoded boxes of the noise image.
fn boxes(file: &Path, size: (usize, usize)) -> Vec<f32> {
    let (height, width) = size;
    let planes: Vec<f32> = uniform("input", 3 * height * width).into_iter().map(|u| u as f32).collect();
    let detector = Detector::load(file, None, &mut registry(), Device::Cpu);
    let detector = detector.unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
    detector.predict(&planes, height, width, -1.0).expect("the golden's size fits")
}

fn largest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Checkpoints of all versions give the reference's boxes, and so do the files into which they are converted.
#[test]
fn checkpoints_have_the_activations_of_their_modules() {
    let expected = read_golden(&golden("activations/expected.safetensors"));
    let size = (number(&expected.meta, "height") as usize, number(&expected.meta, "width") as usize);
    let folder = tempfile::tempdir().unwrap();
    let plain = floats(&expected.arrays["silu"]);
    assert_eq!(expected.arrays.len(), 6);
    for (name, array) in &expected.arrays {
        let reference = floats(array);
        let file = golden(&format!("activations/{name}.pt"));
        let ours = boxes(&file, size);
        let distance = largest(&ours, &reference);
        assert!(distance < 0.02, "{name}: {distance}");
        assert!(name == "silu" || largest(&reference, &plain) > 1.0, "{name} is like silu");
        let converted = folder.path().join(format!("{name}.safetensors"));
        let output = yolo()
            .args(["convert", "--weights"])
            .arg(&file)
            .arg("--output")
            .arg(&converted)
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(boxes(&converted, size), ours, "{name}, converted");
    }
}

/// What the modules of a checkpoint said is in the text of its model, and in notes.
#[test]
fn what_was_taken_from_a_checkpoint_is_told() {
    let taken = |name: &str| {
        let mut registry = registry();
        let file = golden(&format!("activations/{name}.pt"));
        let model = load(ModelFiles::weights(&file), &mut registry).unwrap().model;
        assert_eq!(Spec::parse(&model.spec.text, &model.spec.file).unwrap(), model.spec, "{name}");
        (model.spec.activation, model.spec.activations, registry.take_notes().join("\n"))
    };
    let leaky = Some(Act::LeakyRelu(0.1));
    let (silu, single, notes) = taken("silu");
    assert_eq!((silu, single.len(), notes.as_str()), (Some(Act::Silu), 0, ""));
    let (relu, single, notes) = taken("v7-relu");
    assert_eq!((relu, single.len(), notes.as_str()), (Some(Act::Relu), 0, ""));
    let (all, single, notes) = taken("v1-leaky");
    assert_eq!((all, single), (leaky, [("model.4".to_string(), leaky)].into()));
    assert!(notes.contains("nn.LeakyReLU(0.1) in Conv") && notes.contains("eps of 0.0001 in"), "{notes}");
    let (all, single, _) = taken("v3-hardswish");
    assert_eq!((all, single), (Some(Act::HardSwish), [("model.4".to_string(), leaky)].into()));
    let (all, single, notes) = taken("one-mish");
    assert_eq!((all, single), (Some(Act::Silu), [("model.8".to_string(), Some(Act::Mish))].into()));
    assert!(notes.contains("1 activation"), "{notes}");
}

#[test]
fn what_cannot_be_taken_is_refused_by_layer() {
    let cases = [
        ("gelu", "model.3.act is a GELU, which there is not here"),
        ("pool", "layer 5 has MaxPool2d of kernel [3, 3]"),
        ("dilation", "model.3.conv has padding [2.0, 2.0], and [1, 1] in the model"),
    ];
    for (name, says) in cases {
        let file = golden(&format!("activations/{name}.pt"));
        let output = yolo().args(["info", "--weights"]).arg(&file).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && text.contains(says), "{name}: {text}");
    }
}

fn parsed(text: &str) -> Model {
    Model::build(Spec::parse(text, "test.yaml").unwrap(), &registry()).unwrap()
}

fn head(rows: &[&str]) -> String {
    let rows: String = rows.iter().map(|row| format!("  - {row}\n")).collect();
    format!(
        "nc: 2\ndepth_multiple: 1.0\nwidth_multiple: 1.0\nanchors:\n  - [10,13, 16,30]\nbackbone:\n{rows}head:\n  \
         - [[-1], 1, Detect, [nc, anchors]]\n"
    )
}

fn activations(model: &Model) -> Vec<Act> {
    let act = |op: &Op| if let Op::Activation(act) = op { Some(*act) } else { None };
    model.graph.nodes.iter().filter_map(|node| act(&node.op)).collect()
}

/// The key is that of every Conv without an activation of its own, and of nothing else.
#[test]
fn the_key_activation_is_that_of_conv() {
    let rows = [
        "[-1, 1, Conv, [8, 3, 2]]",
        "[-1, 1, GhostConv, [8, 1]]",
        "[-1, 1, conv_bn_hswish, [8, 1]]",
        "[-1, 1, Conv, [8, 1, 1, None, 1, nn.SiLU()]]",
        "[-1, 1, Conv, [8, 1, 1, None, 1, False]]",
        "[-1, 1, Conv, [8, 1, 1, None, 1, None]]",
        "[-1, 1, MixConv2d, [8]]",
        "[-1, 1, Focus, [8, 1]]",
    ];
    let plain = head(&rows);
    let (silu, hard) = (Act::Silu, Act::HardSwish);
    assert_eq!(activations(&parsed(&plain)), [silu, silu, silu, hard, silu, silu, silu]);
    for (text, act) in [
        ("nn.ReLU()", Act::Relu),
        ("nn.LeakyReLU(0.1, inplace=True)", Act::LeakyRelu(0.1)),
        ("'torch.nn.Mish()'", Act::Mish),
    ] {
        let model = parsed(&format!("activation: {text}\n{plain}"));
        assert_eq!(activations(&model), [act, act, act, hard, silu, silu, act], "{text}");
    }
    assert_eq!(activations(&parsed(&format!("activation: nn.Identity()\n{plain}"))), [hard, silu, silu]);
    let single = parsed(&format!("activations: {{model.1.cv2: nn.ReLU6(), model.6: nn.Tanh()}}\n{plain}"));
    assert_eq!(activations(&single), [silu, silu, Act::Relu6, hard, silu, Act::Tanh, silu]);
}

/// Arguments are what Python's eval makes of them.
#[test]
fn arguments_are_evaluated() {
    let plain = head(&["[-1, 1, Conv, [16, 3, 2, 1, 1, True]]", "[-1, 1, SPP, [32, [5, 9]]]"]);
    for row in [
        "[8*2, [3, 3], 2]",
        "['nc * 8', '(3, 3)', 4//2, None]",
        "[32 / 2, 3, '[2, 2]', '1', '1', 'True']",
        "[2**4, 6 % 4 + 1, 1--1, 2 - 1, 1, True]",
        "['no + nc + (na - 2) * 5', 3, 2]",
        "[.5e2 - 34, 3, 2, None, 1, yes]",
    ] {
        let ours = head(&[&format!("[-1, 1, Conv, {row}]"), "[-1, 1, SPP, ['64//2', '(5, 9)']]"]);
        let graph = |text| format!("{:?}", parsed(text).graph.nodes);
        assert_eq!(graph(&ours), graph(&plain), "{row}");
    }
    let anchors = |text: &str| parsed(&plain.replace("[nc, anchors]", text)).detect.anchors;
    let nested = parsed(&plain.replace("[10,13, 16,30]", "[[10,13], [32/2, 30]]")).spec.anchors;
    assert_eq!(nested, Anchors::Pixels(vec![vec![10.0, 13.0, 16.0, 30.0]]));
    for text in ["[nc, [[10,13, 16,30]]]", "[2, '[[10,13, 16,30]]']", "[nc, [[[10,13], [16,30]]]]"] {
        anchors(text);
    }
}

#[test]
fn what_is_not_evaluated_is_told_by_place() {
    let row = |args: &str| head(&["[-1, 1, Conv, [8, 3, 2]]", &format!("[-1, 1, Conv, {args}]")]);
    let key = |line: &str| format!("{line}\n{}", head(&["[-1, 1, Conv, [8, 3, 2]]"]));
    let cases = [
        (
            row("[8, 3, 1, None, 1, nn.GELU()]"),
            "backbone row 1, layer 1 (Conv): argument `act`: `nn.GELU()` cannot be evaluated",
        ),
        (row("[8, 3, 1, None, 1, nn.GELU()]"), "there are nn.SiLU(), nn.ReLU()"),
        (row("[8, 3, 1, None, 1, nn.LeakyReLU(0.1, inplace=True)]"), "put the whole argument into quotes"),
        (
            row("[8, 3, 1, None, 1, 1]"),
            "argument `act` must be True, False or an activation such as nn.ReLU(), not 1",
        ),
        (
            row("[8, [1, 3]]"),
            "argument `k` must be an integer from 1 to 1048576 (or a list of two that are equal), not [1, 3]",
        ),
        (row("[8, foo*2]"), "argument `k`: `foo*2` cannot be evaluated: at character 1, `foo` is no name"),
        (row("[8, __import__('os').getpid()]"), "`__import__` is no name that is known"),
        (row("[8, 3/2]"), "argument `k` must be an integer"),
        (key("activation: relu"), "`activation`: relu is no activation; there are nn.SiLU()"),
        (key("activation: nn.ReLU"), "write `nn.ReLU()`"),
        (
            key("activations: {model.7: nn.ReLU()}"),
            "`activations` names `model.7`, behind which this model has no activation",
        ),
        (
            key("scales: {n: [1, 1, 1]}").replace("anchors:\n  - [10,13, 16,30]", ""),
            "is a model of Ultralytics' YOLOv8",
        ),
        (
            row("[8]").replace(", Conv, [8]", ", C2f, [8]"),
            "there is no block `C2f`; it is of Ultralytics' YOLOv8",
        ),
        (
            row("[8]").replace("Detect, [nc, anchors]", "Segment, [nc, anchors, 32, 256]"),
            "`Segment`; it is the head of segmentation",
        ),
        (
            row("[8]").replace("[nc, anchors]", "[nc]"),
            "needs the arguments [nc, anchors], not 1; one without anchors",
        ),
        (
            row("[8]").replace("[nc, anchors]", "[80, anchors]"),
            "must be nc, the number of classes of 2, not 80",
        ),
        (row("[8]").replace("[[-1]", "[[-1, -2]"), "lists of anchors: 1, layers in `from`: 2"),
        (
            head(&["[-1, 1, Conv, [8, 3, 2]]", "[-1, 1, Conv, [16, 3, 2]]", "[[-1, 0], 1, Concat, [1]]"]),
            "layer 1 gives [16, 64, 64] and layer 0 gives [8, 128, 128] (channels, height and width",
        ),
        ("path: .\ntrain: a\nnames: [a]\n".into(), "describes data, not a model"),
        ("lr0: 0.01\n".into(), "holds hyperparameters"),
    ];
    let failures = cases.iter().filter_map(|(text, says)| {
        let spec = Spec::parse(text, "test.yaml").and_then(|spec| Model::build(spec, &registry()));
        let mut told = String::new();
        let mut error: Option<&dyn std::error::Error> = spec.as_ref().err().map(|error| error as _);
        while let Some(next) = error {
            told += &format!("{next}: ");
            error = next.source();
        }
        (!told.contains(says)).then(|| format!("expected `{says}`, got `{told}`"))
    });
    report(failures.collect());
}

/// An unknown key is told once, by whatever command reads the model.
#[test]
fn unknown_keys_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    let text = std::fs::read_to_string(root().join("models/yolov5n.yaml")).unwrap();
    std::fs::write(&file, format!("inplace: True\nactivaton: nn.ReLU()\nmy_key: 1\n{text}")).unwrap();
    let output = yolo().args(["info", "--cfg"]).arg(&file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success());
    assert!(
        told.contains("key `activaton` is not known and changes nothing; did you mean `activation`?"),
        "{told}"
    );
    assert!(told.contains("key `my_key` is not known") && !told.contains("inplace"), "{told}");
    for file in models() {
        assert_eq!(Spec::read(&file).unwrap().notes, Vec::<String>::new(), "{}", file.display());
    }
}

/// A valid model file in a style of its own.
fn styled() -> impl Strategy<Value = String> {
    let text = |file: &Path| std::fs::read_to_string(file).expect("a model file");
    let texts: Vec<String> = models().iter().map(|file| text(file)).collect();
    let line = select(vec!["", "# a comment", "   # indented", " ", "#anchors: 3", "# nc: 4"]);
    let lines = proptest::collection::vec((any::<Index>(), line), 0..6);
    let style = select(vec!["block", "crlf", "flow", "json", "quoted", "document", "anchor"]);
    (select(texts), lines, style, any::<Index>()).prop_map(|(text, lines, style, order)| {
        let mut all: Vec<&str> = text.lines().collect();
        for (place, line) in &lines {
            all.insert(place.index(all.len() + 1), line);
        }
        let text = all.join("\n");
        let yaml: serde_yaml::Value = serde_yaml::from_str(&text).expect("still valid");
        match style {
            "crlf" => text.replace('\n', "\r\n"),
            "flow" => format!("# flow\n{}", serde_json::to_string(&yaml).unwrap()),
            "json" => serde_json::to_string_pretty(&yaml).unwrap(),
            "quoted" => text.replace("\nnc:", "\n\"nc\" :").replace("\nanchors:", "\n'anchors':"),
            "document" => format!("%YAML 1.2\n---\n{text}\n...\n"),
            "anchor" => text.replace("\nnc: ", "\nnc: &n "),
            _ => {
                // Keys in another order.
                let map = yaml.as_mapping().unwrap();
                let mut pairs: Vec<_> = map.iter().collect();
                let start = order.index(pairs.len());
                pairs.rotate_left(start);
                let map: serde_yaml::Mapping =
                    pairs.into_iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                if lines.len() % 2 == 0 { serde_yaml::to_string(&map).unwrap() } else { text }
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever its style, a file with another number of classes or anchors says the same but for these.
    #[test]
    fn any_style_of_yaml_is_changed_whole(text in styled(), nc in 1..100usize, count in 1..9usize) {
        let old = Spec::parse(&text, "styled.yaml").unwrap();
        let new = old.clone().with_classes(nc).unwrap().with_anchors(count).unwrap();
        let new = new.with_activation(Some(Act::LeakyRelu(0.1))).unwrap();
        let again = Spec::parse(&new.text, "styled.yaml").unwrap();
        prop_assert_eq!(&again, &new);
        let want = Spec {
            nc,
            anchors: Anchors::Count(count),
            activation: Some(Act::LeakyRelu(0.1)),
            text: new.text.clone(),
            ..old
        };
        prop_assert_eq!(new, want);
    }
}
