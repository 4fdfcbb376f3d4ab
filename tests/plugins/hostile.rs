//! Libraries that break the contract, one a file of `hostile/`: each a clear error that names library and
//! block, or the right result where the contract allows it; and the process lives on.
#![cfg(target_os = "linux")] // for the files of other systems nobody has made cases

use proptest::prelude::*;
use proptest::sample::Index;
use std::error::Error;
use std::fs::{create_dir, read, read_to_string, remove_file, write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::mpsc::channel;
use std::time::Duration;
use yolo_host::exec::engine::Engine;
use yolo_host::model::{Model, Spec};
use yolo_host::plugin::{Registry, check_library};
use yolo_plugin::abi::Host;
use yolo_tests::plugins::{compile, plugin_in_rust};
use yolo_tests::{portable_state, report, root, uniform};

/// What a case's first line says; `hostile.h` explains it.
#[derive(Clone)]
enum Outcome {
    Error(String),
    AddsNothing,
    Works(fn(x: f32, y: f32) -> bool),
}

fn outcome(line: &str) -> Option<Outcome> {
    Some(match line.strip_prefix("/* ")?.strip_suffix(" */")? {
        "adds nothing" => Outcome::AddsNothing,
        "works" => Outcome::Works(|_, _| true),
        "works: same" => Outcome::Works(|x, y| y == x),
        "works: doubled" => Outcome::Works(|x, y| y == 2.0 * x),
        "works: nan" => Outcome::Works(|_, y| y.is_nan()),
        line => Outcome::Error(line.strip_prefix("error: ")?.to_string()),
    })
}

/// An error with everything that caused it, as the command prints it.
fn chain(error: impl Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Builds a toy model with the row twice, runs it, and pairs the values of the row's input and output.
fn run(registry: &Registry, row: &str) -> Result<Vec<(f32, f32)>, String> {
    let text = format!(
        "nc: 1\ndepth_multiple: 1\nwidth_multiple: 1\nanchors: 1\n\
         backbone:\n  - [-1, 1, nn.Conv2d, [3, 8, 3, 1, 1]]\n  - {row}\n\
         head:\n  - [[0], 1, Detect, [nc, anchors]]\n"
    );
    let build = || Model::build(Spec::parse(&text, "toy").expect("a model"), registry).map_err(chain);
    build()?;
    let model = build()?;
    let wanted = [model.layers[0].output, model.layers[1].output];
    model.graph.shapes(&[1, 3, 5, 7]).map_err(chain)?;
    // By the engine: not every operation here can be trained.
    let mut engine = Engine::new(&model.graph, portable_state(&model), &wanted);
    let image: Vec<f32> = uniform("input", 3 * 5 * 7).into_iter().map(|u| u as f32).collect();
    engine.run(&image, [1, 3, 5, 7]).map_err(chain)?;
    let [x, y] = [0, 1].map(|place| engine.output(place).expect("two outputs").data);
    Ok(x.iter().copied().zip(y.iter().copied()).collect())
}

/// What is wrong with how the host takes a library with this row, if anything.
fn failure(library: &Path, row: &str, expected: &Outcome) -> Option<String> {
    let mut registry = Registry::linked().expect("the host's blocks are sound");
    let blocks = registry.iter().count();
    let loaded = registry.load(library).map_err(chain);
    if loaded.is_err() && registry.iter().count() != blocks {
        return Some("it cannot be loaded and adds blocks".into());
    }
    let file = library.file_name().expect("a name").to_string_lossy().into_owned();
    let (result, names) = match &loaded {
        Ok(()) => (run(&registry, row), [file.as_str(), "Hostile of "]),
        Err(error) => (Err(error.clone()), [file.as_str(), ""]),
    };
    if let Err(error) = run(&registry, "[-1, 1, nn.Identity, []]") {
        return Some(format!("{file} spoils the program: {error}"));
    }
    let right = match (expected, &result) {
        (Outcome::Error(says), Err(error)) => {
            let clear = !error.contains("panicked in the host") && error.len() < 4000;
            clear && error.contains(says) && names.iter().all(|name| error.contains(name))
        }
        (Outcome::AddsNothing, Err(error)) => loaded.is_ok() && error.contains("there is no block `Hostile`"),
        (Outcome::Works(fits), Ok(pairs)) => !pairs.is_empty() && pairs.iter().all(|(x, y)| fits(*x, *y)),
        _ => false,
    };
    let expected = match expected {
        Outcome::Error(says) => format!("the error `{says}` with {names:?}"),
        Outcome::AddsNothing => "no block".into(),
        Outcome::Works(_) => "it to work".into(),
    };
    let got = result.map(|pairs| pairs.into_iter().take(3).collect::<Vec<_>>());
    (!right).then(|| format!("{file}, {row}: expected {expected}, got {got:?}"))
}

/// The same; what takes longer is as bad as an endless loop, and this thread is not held up by one.
fn failure_in_time(library: &Path, row: &str, expected: &Outcome) -> Option<String> {
    let (sender, receiver) = channel();
    let (path, row, expected) = (library.to_path_buf(), row.to_string(), expected.clone());
    std::thread::spawn(move || sender.send(failure(&path, &row, &expected)));
    match receiver.recv_timeout(Duration::from_secs(20)) {
        Ok(failure) => failure,
        Err(error) => Some(format!("{}: panicked or takes too long: {error}", library.display())),
    }
}

const ROW: &str = "[-1, 1, Hostile, []]";

/// Compiles every case, on all processors.
fn compiled(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let entries = std::fs::read_dir(root().join("tests/hostile")).expect("the cases");
    let files = entries.map(|entry| entry.expect("a case").path());
    let mut sources: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "c")).collect();
    sources.sort();
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
    let compile = |source: &PathBuf| (source.clone(), compile("cc", source, folder, &["-O0", "-pthread"]));
    let compile = |share: &[PathBuf]| share.iter().map(compile).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let shares = sources.chunks(sources.len().div_ceil(processors));
        let shares: Vec<_> = shares.map(|share| scope.spawn(move || compile(share))).collect();
        shares.into_iter().flat_map(|share| share.join().expect("every case compiles")).collect()
    })
}

#[test]
fn every_function_has_a_case() {
    let entries = std::fs::read_dir(root().join("tests/hostile")).expect("the cases");
    let files = entries.map(|entry| entry.expect("a case").path()).filter(|path| path.is_file());
    let cases: String = files.map(|file| read_to_string(file).expect("a case")).collect();
    let missing = Host::FUNCTIONS.iter().filter(|(name, _)| !cases.contains(&format!("host->{name}(")));
    report(missing.map(|(name, _)| format!("{name}: no file of tests/hostile calls it")).collect());
}

#[test]
fn every_case_ends_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut failures = Vec::new();
    let cases = compiled(folder.path());
    assert!(cases.len() > 150, "the walk found only {} cases", cases.len());
    for (source, library) in cases {
        let text = read_to_string(&source).expect("a case");
        let mut lines = text.lines();
        let outcome =
            lines.next().and_then(outcome).unwrap_or_else(|| panic!("{}: line 1", source.display()));
        let row = lines.next().and_then(|line| line.strip_prefix("/* row: ")?.strip_suffix(" */"));
        failures.extend(failure_in_time(&library, row.unwrap_or(ROW), &outcome));
    }
    let says = |place: &str| Outcome::Error(format!("panicked: {place}"));
    let silent = Outcome::Error("panicked: without a message".into());
    let cases = [says("in build"), says("in shape"), says("in forward"), silent];
    let works = Outcome::Works(|x, y| y == 2.0 * x);
    let library = plugin_in_rust(&root().join("tests/hostile/panics"), "hostile_panics", false);
    for (place, outcome) in cases.iter().chain([&works]).enumerate() {
        failures.extend(failure_in_time(&library, &format!("[-1, 1, Hostile, [{place}]]"), outcome));
    }
    // After all that a sound library is still one.
    let mut registry = Registry::linked().expect("the host's blocks are sound");
    registry.load(&sound(folder.path())).unwrap_or_else(|error| panic!("{error:?}"));
    run(&registry, "[-1, 1, LCNet_Block, [16, 5, 2, True]]").expect("a sound block");
    report(failures);
}

fn sound(folder: &Path) -> PathBuf {
    compile("cc", &root().join("plugins/examples/pplcnet/pplcnet.c"), folder, &[])
}

/// Exports the entry, but as what it is compiled to it is no plugin.
const PROGRAM: &str = "int yolo_plugin_entry(void) { return 0; }\nint main(void) { return 0; }\n";

/// Makes what is no library, and returns it with what is said of it.
fn no_libraries(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let at = |name: &str| folder.join(name);
    let bytes = read(sound(folder)).expect("a library");
    let with = |place: usize, value: u8| [&bytes[..place], &[value], &bytes[place + 1..]].concat();
    // Without the sections, which stand last in the file, only the segments tell that it is cut short.
    let without_sections =
        [&bytes[..40], &[0; 8], &bytes[48..58], &[0; 6], &bytes[64..bytes.len() / 2]].concat();
    // Byte 18 tells the machine: 183 is aarch64, 62 x86-64.
    let other = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    let put = |name: &str, bytes: &[u8]| {
        write(at(name), bytes).expect("a file");
        at(name)
    };
    put("program.c", PROGRAM.as_bytes());
    let run = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).current_dir(folder).status().expect(program);
        assert!(status.success(), "{program} {arguments:?}");
        at(arguments[0])
    };
    let cc = |name: &str, flags: &[&str]| {
        let flags = [&["-fPIC", "program.c", "-o", name], flags].concat();
        run("cc", &flags);
        at(name)
    };
    for name in ["bare", "inner", "inner/libfolder.so", "broken"] {
        create_dir(at(name)).expect("a folder");
    }
    std::os::unix::fs::symlink("gone", at("broken/liblost.so")).expect("a link");
    std::os::unix::fs::symlink("libround.so", at("libround.so")).expect("a link");
    cc("libgone.so", &["-shared"]);
    let needy = cc("libneedy.so", &["-shared", "-L.", "-Wl,--no-as-needed", "-lgone"]);
    remove_file(at("libgone.so")).expect("it was there");
    vec![
        (put("text.so", b"# a plugin\n"), "is not a dynamic library"),
        (put("empty.so", b""), "is not a dynamic library"),
        (put("half.so", &bytes[..bytes.len() / 2]), "is not a dynamic library"),
        (put("short.so", &bytes[..100]), "is not a dynamic library"),
        (put("segments.so", &without_sections), "is not a dynamic library: it is cut short"),
        (put("machine.so", &with(18, other)), "is made for another machine: Elf for "),
        (put("bits32.so", &with(4, 1)), "is not a dynamic library"),
        (put("order.so", &with(5, 2)), "is not a dynamic library"),
        (cc("object.so", &["-c"]), "is not a dynamic library: it is of the kind Relocatable"),
        (
            cc("program.so", &["-no-pie", "-rdynamic"]),
            "is not a dynamic library: it is of the kind Executable",
        ),
        (cc("pie.so", &["-pie", "-rdynamic"]), "cannot be loaded: "),
        (needy, "cannot be loaded: dlopen failed: libgone.so: cannot open shared object file"),
        (run("mkfifo", &["pipe.so"]), "cannot be read: it is not a file"),
        (at("missing.so"), "cannot be read: No such file"),
        (at("libround.so"), "cannot be read: Too many levels of symbolic links"),
        (at("bare"), "is a folder without files that end in .so"),
        (at("inner"), "libfolder.so: cannot be read: it is not a file"),
        (at("broken"), "liblost.so: cannot be read: No such file"),
    ]
}

#[test]
fn what_is_no_library_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = no_libraries(folder.path());
    let failure = |(path, says): (PathBuf, &str)| failure_in_time(&path, ROW, &Outcome::Error(says.into()));
    report(cases.into_iter().filter_map(failure).collect());
}

/// A sound library's bytes, to be changed; what is changed is never loaded.
static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    read(sound(folder.path())).expect("a library")
});

/// A place in the file; the tables of its parts stand at its ends, and most bytes between matter to nobody.
fn place() -> impl Strategy<Value = usize> {
    let length = SOUND.len();
    prop_oneof![0..64usize, 64..1024usize, 0..length, length - 2048..length]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec((place(), any::<u8>()), 1..6)) {
        let mut bytes = SOUND.clone();
        for (place, value) in changes {
            bytes[place] = value;
        }
        if let Err(error) = check_library(&bytes) {
            prop_assert!(!chain(error).is_empty());
        }
    }

    #[test]
    fn a_part_of_a_library_is_none(length in any::<Index>()) {
        prop_assert!(check_library(&SOUND).is_ok());
        prop_assert!(check_library(&SOUND[..length.index(SOUND.len())]).is_err());
    }
}
