//! ncnn's files: sound by themselves wherever the suite runs; in ncnn, where it is installed, the numbers of double precision.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use yolo_bundle as _;
use yolo_host::export::ncnn::{Files, Options, save, write, write_graph};
use yolo_host::graph::Op;
use yolo_host::model::{Model, Spec};
use yolo_tests::runtimes::{Output, Runner, Runtime, difference};
use yolo_tests::{exact, models, operations, plugins, portable_state, random_images, registry, report, root};

/// What ncnn has not, and how that is said.
const NOT_IN_NCNN: [(&str, &str); 4] = [
    ("concat", "ncnn knows no batch"),
    ("dilated pool", "ncnn's pooling has no dilation"),
    ("softmax", "ncnn knows no batch"),
    ("transpose", "ncnn knows no batch"),
];

/// ncnn with a folder for its files.
struct Ncnn {
    folder: tempfile::TempDir,
    runner: Runner,
}

impl Ncnn {
    fn start() -> Option<Self> {
        let runner = Runner::start(Runtime::Ncnn)?;
        Some(Ncnn { folder: tempfile::tempdir().unwrap(), runner })
    }

    fn run(&mut self, files: &Files, images: &[f32], shape: [usize; 4]) -> Result<Vec<Output>, String> {
        let param = self.folder.path().join("model.param");
        std::fs::write(&param, &files.param).unwrap();
        std::fs::write(param.with_extension("bin"), &files.bin).unwrap();
        self.runner.load(&param, 2)?;
        self.runner.run(images, shape).map(<[Output]>::to_vec)
    }
}

/// Every blob is made once, before it is read, and read once at most; the counts are true, and so is the size of the weights.
fn check_sound(files: &Files) -> Result<(), String> {
    let lines: Vec<&str> = files.param.lines().collect();
    let ["7767517", counts, layers @ ..] = lines.as_slice() else { return Err("no header".into()) };
    let (mut unread, mut names, mut made) = (BTreeSet::new(), BTreeSet::new(), 0);
    for layer in layers {
        let words: Vec<&str> = layer.split_whitespace().collect();
        let [_, name, inputs, outputs, rest @ ..] = words.as_slice() else { return Err((*layer).into()) };
        let (inputs, outputs): (usize, usize) = (inputs.parse().unwrap(), outputs.parse().unwrap());
        if !names.insert(*name) || !rest[..inputs].iter().all(|blob| unread.remove(blob)) {
            return Err(format!("{layer}: a name twice, or a blob read that is not there"));
        }
        made += outputs;
        if !rest[inputs..inputs + outputs].iter().all(|blob| unread.insert(*blob)) {
            return Err(format!("{layer}: a blob is made twice"));
        }
    }
    if *counts != format!("{} {made}", layers.len()) {
        return Err(format!("counts {counts} of {} layers, {made} blobs", layers.len()));
    }
    unread.remove("in0"); // nobody needs to read the images
    let outputs: BTreeSet<String> = (0..unread.len()).map(|place| format!("out{place}")).collect();
    let left: BTreeSet<String> = unread.iter().map(|name| name.to_string()).collect();
    if left == outputs { Ok(()) } else { Err(format!("unread: {unread:?}")) }
}

/// Every operation through its rule.
#[test]
fn every_operation_runs_in_ncnn() {
    let mut ncnn = Ncnn::start();
    let (mut failures, mut refused) = (vec![], BTreeSet::new());
    for seed in 0..8 {
        operations::all(&mut |what, build| {
            let (graph, state, output) = operations::built_single(seed, build);
            let exact = exact::run(&graph, &state, &[0.0], [1, 1, 1, 1], &[output]).unwrap();
            let options = Options { size: [1, 1], ..Options::default() };
            let files = match write_graph(&graph, state, &[output], &options) {
                Ok(files) => files,
                Err(error) => {
                    let why = error.to_string();
                    match NOT_IN_NCNN.iter().find(|(name, told)| *name == what && why.ends_with(told)) {
                        Some((name, _)) => _ = refused.insert(*name),
                        None => failures.push(format!("{what}, seed {seed}: {why}")),
                    }
                    return;
                }
            };
            let mut failure = check_sound(&files).err();
            if let Some(ncnn) = ncnn.as_mut().filter(|_| failure.is_none()) {
                failure = match ncnn.run(&files, &[0.0], [1, 1, 1, 1]) {
                    Ok(theirs) => difference(&exact, &theirs, 1e-5),
                    Err(error) => Some(error),
                };
            }
            failures.extend(failure.map(|why| format!("{what}, seed {seed}: {why}\n{}", files.param)));
        });
    }
    report(failures);
    assert_eq!(refused.len(), NOT_IN_NCNN.len(), "the list is longer than what is refused: {refused:?}");
}

/// What is wrong with a model's raw maps: of a fixed size, of another one where no layer holds a size, and with weights of 16 bits.
fn check(ncnn: &mut Option<Ncnn>, name: &str, model: &Model) -> Vec<String> {
    let state = portable_state(model);
    let (channels, stride) = (model.spec.channels, model.detect.max_stride());
    let heavy = model.graph.parameters(None) >= 10_000_000;
    let side = if heavy { stride } else { 2 * stride };
    let raw = Options { size: [side, side], raw: true, ..Options::default() };
    let half = Options { half: true, ..raw.clone() };
    let one = [1, channels, side, side];
    let mut cases = vec![(raw.clone(), one, 1e-4)];
    if !heavy {
        cases.push((half, one, 2e-2));
        // The plain loops take their time.
        if !model.graph.nodes.iter().any(|node| matches!(node.op, Op::UnflattenLike)) {
            cases.push((raw, [1, channels, side, 3 * side / 2], 1e-4));
        }
    }
    let mut failures = vec![];
    for (options, shape, most) in cases {
        let files = write(model, state.clone(), &options).unwrap();
        assert!(files == write(model, state.clone(), &options).unwrap(), "{name}: other bytes");
        let mut failure = check_sound(&files).err();
        if let Some(ncnn) = ncnn.as_mut().filter(|_| failure.is_none()) {
            let images = random_images(shape);
            let exact = exact::run(&model.graph, &state, &images, shape, &model.detect.outputs).unwrap();
            failure = match ncnn.run(&files, &images, shape) {
                Ok(theirs) => difference(&exact, &theirs, most),
                Err(error) => Some(error),
            };
        }
        failures.extend(failure.map(|why| format!("{name}, {shape:?}, half {}: {why}", options.half)));
    }
    failures
}

#[test]
fn every_model_runs_in_ncnn() {
    let (registry, mut ncnn) = (registry(), Ncnn::start());
    let mut failures = vec![];
    for path in models() {
        let name = path.file_stem().expect("a model has a name").to_string_lossy();
        let model = Model::build(Spec::read(&path).expect(&name), &registry).expect(&name);
        if ncnn.is_some() || model.graph.parameters(None) < 10_000_000 {
            failures.extend(check(&mut ncnn, &name, &model));
        }
    }
    report(failures);
}

/// Blocks of libraries: the example in C, and the one in Rust, whose activation is an operation of its own.
#[test]
fn blocks_of_libraries_run_in_ncnn() {
    let (mut ncnn, folder) = (Ncnn::start(), tempfile::tempdir().unwrap());
    let mut libraries = vec![("fasternet", plugins::example_in_rust("fasternet", false))];
    if plugins::is_installed("cc") {
        let source = root().join("plugins/examples/pplcnet/pplcnet.c");
        libraries.push(("pplcnet", plugins::compile("cc", &source, folder.path(), &[])));
    }
    for (name, library) in libraries {
        let mut registry = registry();
        registry.load(&library).unwrap();
        let file = root().join(format!("plugins/examples/{name}/yolov5-{name}.yaml"));
        let model = Model::build(Spec::read(&file).unwrap(), &registry).unwrap();
        report(check(&mut ncnn, name, &model));
    }
}

/// What ncnn's own converter uses for a network, ours uses, too: no kind of layer but those of `pnnx`, and some more for boxes.
#[test]
fn layers_are_those_of_ncnns_own_converter() {
    let spec = Spec::read(&root().join("models/yolov5n.yaml")).unwrap();
    let model = Model::build(spec, &registry()).unwrap();
    let files =
        write(&model, portable_state(&model), &Options { size: [64, 64], raw: true, ..Options::default() })
            .unwrap();
    let mut kinds = BTreeMap::<&str, usize>::new();
    for line in files.param.lines().skip(2) {
        *kinds.entry(line.split_whitespace().next().unwrap()).or_default() += 1;
    }
    // Of pnnx 20261020, from yolov5n in TorchScript.
    let theirs = [
        ("BinaryOp", 7),
        ("Concat", 13),
        ("Convolution", 60),
        ("Input", 1),
        ("Interp", 2),
        ("Pooling", 3),
        ("Split", 24),
        ("Swish", 57),
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), theirs);
}

#[test]
fn files_are_whole_and_replace_no_other_kind() {
    let spec = Spec::read(&root().join("models/yolov5n.yaml")).unwrap();
    let model = Model::build(spec, &registry()).unwrap();
    let own = Some(vec!["a\nb".to_string(), "c".into()]);
    let options = Options { size: [64, 64], names: own, ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    let [param, bin, names] =
        ["param", "bin", "names"].map(|end| folder.path().join(format!("n.ncnn.{end}")));
    let write = || save(&param, &model, portable_state(&model), &options);
    let len = |path: &Path| std::fs::metadata(path).unwrap().len() as usize;
    let told = |path: &Path| {
        std::fs::write(path, "mine").unwrap();
        let error = write().unwrap_err().to_string();
        assert!(error.ends_with("is there and is no ncnn file: it is not replaced"), "{error}");
        assert!(error.contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "mine");
        std::fs::remove_file(path).unwrap();
    };
    told(&bin);
    told(&names);
    assert_eq!(write().unwrap(), len(&param) + len(&bin) + len(&names));
    let written = std::fs::read_to_string(&names).unwrap();
    assert!(written.starts_with("a b\nc\n2\n") && written.lines().count() == model.detect.nc, "{written}");
    write().expect("ncnn's files are replaced");
    // What fails in the middle leaves nothing new.
    [&bin, &names].into_iter().for_each(|path| std::fs::remove_file(path).unwrap());
    std::fs::create_dir(&names).unwrap();
    assert!(write().unwrap_err().to_string().starts_with("cannot write") && !bin.exists());
    std::fs::remove_dir(&names).unwrap();
    told(&param);
    let error = save(&folder.path().join("no/n.param"), &model, portable_state(&model), &options);
    assert!(error.unwrap_err().to_string().starts_with("cannot write"));
    let size = Options { size: [40, 64], ..options };
    let error =
        yolo_host::export::ncnn::write(&model, portable_state(&model), &size).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the input does not fit the network");
}
