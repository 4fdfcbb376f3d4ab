//! Every command that the READMEs, CONTRIBUTING.md, weights/README.md and docs/ show, run as it stands: for each document in a
//! folder with the repository's files, data drawn here in the place of a reader's, and trainings cut to an epoch of 64 pixels.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use yolo_tests::documents::{Shown, commands};
use yolo_tests::{build_folder, report, root, runs, shapes, shared};

/// `yolo` and `cargo` as a document's reader calls them. Trainings and `yolo bench` are cut short. Of cargo's commands `run` starts
/// the program that is built already; suites and benchmarks must exist, but are not run within each other.
const SHIMS: [(&str, &str); 2] = [
    (
        "yolo",
        r#"#!/usr/bin/env bash
args=("$@")
if [[ $1 == train && " $* " != *" --resume"* && " $* " != *" --help"* && " $* " != *" --opt "* ]]; then
    for cut in --epochs=1 --imgsz=64 --workers=1; do
        name=${cut%=*} value=${cut#*=} there=
        for i in "${!args[@]}"; do
            if [[ ${args[i]} == "$name" ]]; then args[i+1]=$value there=1; fi
        done
        if [[ ! $there ]]; then args+=("$name" "$value"); fi
    done
fi
if [[ $1 == bench ]]; then args+=(--runs 3 --warmup 1); fi
exec "$PROGRAMS/yolo-shipped" "${args[@]}"
"#,
    ),
    (
        "cargo",
        r#"#!/usr/bin/env bash
set -euo pipefail
named() { for ((i = 1; i < $#; i++)); do if [[ ${!i} == "$1" ]]; then next=$((i + 1)); echo "${!next}"; fi; done; }
command=$1 all=("$@") example= kind=
for i in "${!all[@]}"; do
    case ${all[i]} in
        --example) example=${all[i+1]} ;;
        --test | --bench) kind=${all[i]#--}
            grep -A1 "^\[\[$kind\]\]" "$REPOSITORY/tests/Cargo.toml" | grep -qx "name = \"${all[i+1]}\"" ||
                { echo "there is no $kind ${all[i+1]}" >&2; exit 1; } ;;
    esac
done
case $command in
    run)
        program=yolo-shipped
        [[ " $* " == *" --no-default-features "* && " $* " != *" --features "* ]] && program=yolo-bare
        while [[ $# -gt 0 && $1 != -- ]]; do shift; done
        [[ $# -gt 0 ]] && shift
        # Built with the whole workspace, not with this suite alone.
        if [[ $example ]]; then
            if [[ -x $PROGRAMS/examples/$example ]]; then exec "$PROGRAMS/examples/$example" "$@"; fi
            exit 0
        fi
        [[ $program == yolo-shipped ]] && exec yolo "$@"
        exec "$PROGRAMS/$program" "$@" ;;
    test | bench) [[ $kind || " $* " == *" --workspace "* ]] ;;
    install) [[ " $* " == *" --path yolo-host "* && -f $REPOSITORY/yolo-host/Cargo.toml ]] ;;
    *) echo "no test knows cargo $command" >&2; exit 1 ;;
esac
"#,
    ),
];

/// What every reader has: data of their own, and a training that was stopped.
struct Own {
    data: tempfile::TempDir,
    stopped: tempfile::TempDir,
}

impl Own {
    fn new() -> Self {
        let data = runs::drawn();
        let yaml = data.path().join("data.yaml");
        let names = shapes::NAMES.join(", ");
        fs::write(&yaml, format!("train: .\nval: .\ntest: .\nnames: [{names}]\n")).unwrap();
        let lists = data.path().join("ImageSets/Main");
        fs::copy(lists.join("val.txt"), lists.join("test.txt")).unwrap();
        Own { stopped: runs::stopped(&yaml), data }
    }
}

/// Checkpoints that a document converts; without them its command is not run, and it is said.
const CHECKPOINTS: [(&str, &str); 2] =
    [("yolov5s.pt", "weights/yolov5s.pt"), ("v5lite-s.pt", "weights/v5lite-s.pt")];

/// A folder as the reader of one document has it: the repository, photographs, and what is their own.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(own: &Own) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["models", "data", "tests", "plugins", "yolo-host", ".ci"] {
            std::os::unix::fs::symlink(root().join(name), at(name)).unwrap();
        }
        // A copy: a conversion is written there.
        fs::create_dir(at("weights")).unwrap();
        for entry in fs::read_dir(root().join("weights")).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), at("weights").join(entry.file_name())).unwrap();
        }
        std::os::unix::fs::symlink(own.data.path(), at("my")).unwrap();
        fs::create_dir_all(at("docs/img")).unwrap();
        for image in ["speed.csv", "speed.svg", "flow.svg"] {
            fs::copy(root().join("docs/img").join(image), at("docs/img").join(image)).unwrap();
        }
        fs::create_dir(at("photos")).unwrap();
        for photo in ["cows.jpg", "sheep.jpg"] {
            fs::copy(root().join("data/images").join(photo), at("photos").join(photo)).unwrap();
        }
        fs::copy(at("photos/cows.jpg"), at("photo.jpg")).unwrap();
        fs::copy(root().join("weights/bccd-yolov5n.safetensors"), at("my.safetensors")).unwrap();
        for (name, text) in SHIMS {
            let shim = at("bin").join(name);
            fs::create_dir_all(at("bin")).unwrap();
            fs::write(&shim, text).unwrap();
            fs::set_permissions(&shim, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        // What `--resume` alone goes on with.
        fs::create_dir_all(at("runs/train/exp/weights")).unwrap();
        for file in ["results.csv", "weights/best.safetensors", "weights/last.state.safetensors"] {
            fs::copy(own.stopped.path().join(file), at("runs/train/exp").join(file)).unwrap();
        }
        // It stays the latest when other trainings have ended.
        let state = fs::File::options().append(true).open(runs::state(&at("runs/train/exp"))).unwrap();
        state.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(3600)).unwrap();
        // Checkpoints that a document converts, where they are.
        for (name, there) in CHECKPOINTS {
            if let Some(file) = shared(there) {
                std::os::unix::fs::symlink(file, at(name)).unwrap();
            }
        }
        Desk { folder }
    }

    /// Drawings that a command has made anew, and not as the repository has them.
    fn stale(&self) -> Vec<String> {
        let made = ["docs/img/speed.svg", "docs/img/flow.svg"].into_iter().filter(|image| {
            fs::read(self.folder.path().join(image)).unwrap() != fs::read(root().join(image)).unwrap()
        });
        made.map(|image| format!("{image} is not what its program makes: run it again")).collect()
    }

    /// What a command said when it failed.
    fn run(&self, command: &str) -> Result<(), String> {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", command])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("PROGRAMS", build_folder())
            .env("REPOSITORY", root())
            .env_remove("YOLO_PLUGIN_PATH")
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(format!("{}: {said}", output.status)) }
    }
}

fn documents() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "weights/README.md", "bindings/wasm/README.md"]
            .iter()
            .map(|name| root().join(name))
            .collect();
    let docs = fs::read_dir(root().join("docs")).expect("docs/").map(|entry| entry.unwrap().path());
    files.extend(docs.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    files.sort();
    files
}

#[cfg(unix)]
#[test]
fn every_command_runs_as_it_stands() {
    let own = Own::new();
    let mut absent = vec!["state_dict.pt"];
    absent.extend(CHECKPOINTS.iter().filter(|(_, there)| shared(there).is_none()).map(|(name, _)| *name));
    let (mut failures, mut ran) = (Vec::new(), 0);
    for file in documents() {
        let desk = Desk::new(&own);
        for Shown { text, not_run } in commands(&fs::read_to_string(&file).unwrap()) {
            let words: Vec<&str> = text.split_whitespace().collect();
            if let Some(name) = absent.iter().find(|name| words.contains(name)) {
                eprintln!("SKIPPED: {text}: {name} is not here");
            } else if let Some(why) = not_run {
                eprintln!("not run: {text}: {why}");
                assert!(!why.is_empty(), "{}: {text}: a mark without a reason", file.display());
            } else {
                ran += 1;
                if let Err(said) = desk.run(&text) {
                    failures.push(format!("{}: {text}\n  {said}", file.display()));
                }
            }
        }
        failures.append(&mut desk.stale());
    }
    report(failures);
    assert!(ran >= 50, "only {ran} commands were found");
}

#[test]
fn commands_are_told_from_output_and_marks_reach_to_their_block_s_end() {
    let text = "Text\n\n    yolo a \\\n        --b   # why\n    output\n\n    A=1 cargo test\n\n<!-- not run: why -->\n\n    \
                yolo c\n\n    sh d\n\nText\n\n    yolo e\n\n```\nyolo f\n```\n";
    let shown = |text: &str, why: Option<&str>| Shown { text: text.into(), not_run: why.map(Into::into) };
    let expected = [
        shown("yolo a --b", None),
        shown("A=1 cargo test", None),
        shown("yolo c", Some("why")),
        shown("sh d", None),
        shown("yolo e", None),
        shown("yolo f", None),
    ];
    assert_eq!(commands(text), expected);
}

/// The anchor that a heading gets on the web.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect()
}

/// A link to a file of the repository, or to a heading in one, leads somewhere.
#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let others = ["ARCHITECTURE.md", "CHANGELOG.md", "data/images/README.md"];
    for file in documents().into_iter().chain(others.iter().map(|name| root().join(name))) {
        let text = fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let there = if path.is_empty() {
                file.clone()
            } else {
                file.parent().unwrap_or(Path::new("")).join(path)
            };
            let leads = there.exists() && {
                let text = fs::read_to_string(&there).unwrap_or_default();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                heading.is_empty() || headings.any(|line| anchor(line.trim_start_matches('#')) == heading)
            };
            if !target.starts_with("http") && !leads {
                broken.push(format!("{}: {target}", file.display()));
            }
        }
    }
    report(broken);
}

/// The tables of speed say what the chart is drawn from: `performance.md` all of it, the READMEs our own times.
#[test]
fn speed_tables_are_those_of_the_chart() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let (data, mut rows, mut missing) = (read("docs/img/speed.csv"), 0, Vec::new());
    let documents =
        ["docs/performance.md", "README.md", "README.zh-CN.md"].map(|document| (document, read(document)));
    for line in data.lines().filter(|line| !line.starts_with(['#', 'p'])) {
        rows += 1;
        let cells: Vec<&str> = line.split(',').collect();
        let [_, threads, model, ms, _, rival_ms, ratio] = cells[..] else { panic!("{line}") };
        for (document, text) in &documents {
            let whole = *document == "docs/performance.md";
            let wanted = if whole { vec![ms, rival_ms, ratio] } else { vec![ms] };
            let has = |row: &str, cell: &str| cell.is_empty() || row.contains(&format!("| {cell} |"));
            let mut of_model = text.lines().filter(|row| row.starts_with(&format!("| `{model}` |")));
            if (whole || threads == "2") && !of_model.any(|row| wanted.iter().all(|cell| has(row, cell))) {
                missing.push(format!("{document} lacks {line}"));
            }
        }
    }
    report(missing);
    assert!(rows >= 30, "only {rows} rows");
}
