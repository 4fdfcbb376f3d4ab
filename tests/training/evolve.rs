//! The search for hyperparameters: the reference's own generations for the same random numbers, limits whatever the
//! start, and short evolutions by the command, stopped and gone on with.

use proptest::prelude::*;
use std::path::Path;
use std::process::Command;
use yolo_host::train::{Evolution, Hyper};
use yolo_tests::{golden, root, shapes, uniform, yolo};

const SEED: u64 = 5;
const GENERATIONS: usize = 12;

/// What the golden's trainings come to.
fn results(generation: usize) -> [f64; 7] {
    let row = &uniform("evolve/results", 7 * GENERATIONS)[7 * generation..];
    match generation {
        2 => [0.0; 7],
        _ => std::array::from_fn(|i| if i < 4 { row[i] } else { 10.0 * row[i] }),
    }
}

/// Lines with their numbers read: the reference's reader of tables is a bit off in the last place.
fn numbers(text: &str) -> Vec<Result<f64, String>> {
    let words = text.split_whitespace().map(|word| word.trim_end_matches(','));
    words.map(|word| word.parse().map_err(|_| word.to_string())).collect()
}

#[test]
fn generations_match_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Evolution::open(folder.path(), Hyper::default(), false, SEED).unwrap();
    let mut evolution = open();
    for generation in 0..GENERATIONS {
        if generation == 7 {
            evolution = open();
        }
        evolution.add(evolution.next(), results(generation)).unwrap();
    }
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&evolution.csv()), read(&golden("evolve/evolve.csv")));
    let (ours, theirs) = (read(&evolution.yaml()), read(&golden("evolve/hyp_evolve.yaml")));
    let (left, right) = (numbers(&ours), numbers(&theirs));
    assert_eq!(left.len(), right.len());
    for pair in left.iter().zip(&right) {
        match pair {
            (Ok(ours), Ok(theirs)) => assert!((ours - theirs).abs() <= 1e-15 * theirs.abs(), "{pair:?}"),
            pair => assert_eq!(pair.0, pair.1),
        }
    }
    let best = Hyper::read(&evolution.yaml()).unwrap();
    assert!(best.check().is_ok() && best != Hyper::default());
}

/// Any hyperparameters that a file may have.
fn any_hyper() -> impl Strategy<Value = Hyper> {
    (proptest::collection::vec(0.0..1.0_f64, 30), any::<bool>()).prop_map(|(shares, anchors)| {
        let mut hyper = Hyper { anchors: anchors.then_some(3.0), ..Hyper::default() };
        for (gene, share) in hyper.genes().into_iter().zip(shares) {
            // Outside the limits of evolution as often as inside.
            *gene.value = gene.limits[0] + (gene.limits[1] - gene.limits[0]) * (4.0 * share - 1.5);
        }
        hyper
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn children_keep_to_the_limits(start in any_hyper(), seed: u64, maps in proptest::collection::vec(0.0..1.0_f64, 8)) {
        let folder = tempfile::tempdir().unwrap();
        let mut evolution = Evolution::open(folder.path(), start, false, seed).unwrap();
        for (tried, map) in maps.into_iter().enumerate() {
            let mut child = evolution.next();
            prop_assert_eq!(&child, &evolution.next(), "the same seed, another child");
            prop_assert_eq!(child.check(), Ok(()));
            let mut moved = 0;
            for (i, gene) in child.clone().genes().iter().enumerate() {
                prop_assert!((gene.limits[0]..=gene.limits[1]).contains(gene.value), "{gene:?}");
                let parents = evolution.generations().iter().map(|parent| parent.values[i]);
                if gene.gain == 0.0 {
                    // What does not evolve is passed on, save for rounding.
                    for parent in parents {
                        prop_assert!((*gene.value - parent).abs() < 1e-5, "{gene:?}, {parent}");
                    }
                } else {
                    moved += usize::from(parents.map(|parent| parent == *gene.value).all(|same| !same));
                }
            }
            prop_assert!(tried == 0 || moved > 0, "a child like its parents");
            let anchors = child.anchors.take();
            prop_assert!(anchors.is_some());
            child.anchors = anchors;
            evolution.add(child, [0.0, 0.0, 0.0, map, 0.0, 0.0, 0.0]).unwrap();
        }
    }

    #[test]
    fn anchors_stay_the_model_s_where_they_are_kept(seed: u64) {
        let folder = tempfile::tempdir().unwrap();
        let start = Hyper { anchors: Some(5.0), ..Hyper::default() };
        let mut evolution = Evolution::open(folder.path(), start, true, seed).unwrap();
        for _ in 0..3 {
            prop_assert_eq!(evolution.next().anchors, None);
            evolution.add(evolution.next(), [0.5; 7]).unwrap();
        }
        prop_assert!(!std::fs::read_to_string(evolution.csv()).unwrap().contains("anchors"));
        let other = Evolution::open(folder.path(), Hyper::default(), false, seed).unwrap_err().to_string();
        prop_assert!(other.contains("evolve.csv") && other.contains("not the columns"), "{}", other);
    }
}

/// `yolo train --evolve` of one epoch a generation.
fn evolve(data: &Path, project: &Path, more: &[&str]) -> Command {
    let mut command = yolo();
    command.arg("train").arg("--data").arg(data).arg("--project").arg(project);
    command.arg("--cfg").arg(root().join("models/yolov5n.yaml"));
    command.args(["--imgsz", "64", "--batch-size", "4", "--epochs", "1", "--exist-ok"]).args(more);
    command
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_evolution_goes_on_where_it_was() {
    let data = tempfile::tempdir().unwrap();
    shapes::draw(data.path(), 7, 12, 4);
    let project = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let output = evolve(data.path(), project.path(), more).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), error)
    };
    let (rows, _) = run(&["--evolve", "2", "--name", "whole"]);
    assert!(rows.contains("fitness") && rows.contains("2/2"), "{rows}");
    run(&["--evolve", "1", "--name", "parts"]);
    let (_, told) = run(&["--evolve", "1", "--name", "parts"]);
    assert!(told.contains("going on from 1 generations") && told.contains("--hyp"), "{told}");
    let whole = project.path().join("whole");
    assert_eq!(files(&whole), ["evolve.csv", "evolve.png", "hyp_evolve.yaml"]);
    for name in ["evolve.csv", "hyp_evolve.yaml"] {
        let read = |run: &str| std::fs::read_to_string(project.path().join(run).join(name)).unwrap();
        assert_eq!(read("whole"), read("parts"), "{name}");
    }
    assert_eq!(std::fs::read_to_string(whole.join("evolve.csv")).unwrap().lines().count(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_an_evolution_with_its_files_and_says_how_to_go_on() {
    use std::io::{BufRead, BufReader, Read};
    let data = tempfile::tempdir().unwrap();
    shapes::draw(data.path(), 7, 12, 4);
    let project = tempfile::tempdir().unwrap();
    let mut command = evolve(data.path(), project.path(), &["--evolve", "--name", "e"]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // The header, and the first generation.
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(rows.next().unwrap().unwrap().contains("fitness"));
    assert!(rows.next().unwrap().unwrap().contains("1/300"));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{error}");
    assert!(error.contains("of 300 generations; go on with the same command and --evolve 29"), "{error}");
    assert!(error.contains("--name e --exist-ok"), "{error}");
    assert_eq!(files(&project.path().join("e")), ["evolve.csv", "evolve.png", "hyp_evolve.yaml"]);
}

#[test]
fn wrong_calls_are_told() {
    let project = tempfile::tempdir().unwrap();
    for (arguments, code, want) in [
        (&["train", "--data", "x", "--evolve", "0"][..], 2, "--evolve"),
        (&["train", "--evolve", "--resume", "x"], 2, "cannot be used with"),
        (
            &["train", "--cfg", "models/yolov5n.yaml", "--data", "nowhere.yaml", "--evolve", "1"],
            1,
            "nowhere.yaml",
        ),
    ] {
        let output = yolo().args(arguments).arg("--project").arg(project.path()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(want), "{error}");
    }
    assert!(files(project.path()).is_empty(), "{:?}", files(project.path()));
}
