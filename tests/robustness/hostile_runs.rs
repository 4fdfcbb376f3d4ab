//! What a training keeps for itself, changed by hand or by accident: the state, the hyperparameters, and the checks'
//! results beside a dataset's labels. They are refused, or the training goes on.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;
use yolo_host::data::{Dataset, Label, SplitName, SplitOptions};
use yolo_host::train::Hyper;
use yolo_host::weights;
use yolo_tests::runs::{Stop, drawn, edit, numbers, resume, set, state, stopped};
use yolo_tests::{report, shapes};

/// Whatever number of a state is another one, it is refused, or the training goes on: no panic, no endless memory.
#[test]
fn a_state_with_other_numbers_never_panics() {
    let data = drawn();
    let folder = stopped(data.path());
    let file = state(folder.path());
    let sound = fs::read(&file).unwrap();
    let meta = weights::read(&file).unwrap().meta.extra;
    let mut failures = Vec::new();
    for part in ["progress", "options", "hyper"] {
        let mut paths = Vec::new();
        numbers(&serde_json::from_str(&meta[part]).unwrap(), "", &mut paths);
        assert!(paths.len() > 5, "{part}");
        for (i, path) in paths.iter().enumerate() {
            let values = [json!(0), json!(-1), json!(u64::MAX), json!(1e300), json!(null), json!(1u64 << 33)];
            // Two of them each, all in turn.
            for value in [&values[i % 6], &values[(i + 2) % 6]] {
                fs::write(&file, &sound).unwrap();
                edit(&file, |state| set(state, part, path, value.clone()));
                let went = std::panic::catch_unwind(|| {
                    let mut watch = Stop(0, Cell::new(false));
                    let made = resume(&file, None, &mut watch);
                    made.and_then(|mut training| training.run(&mut watch))
                });
                if went.is_err() {
                    failures.push(format!("{part}{path} = {value}"));
                }
            }
        }
    }
    report(failures);
}

const HYP: &str = "lr0: 0.01\nmomentum: 0.937\nbox: 0.05\nanchors: 3\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_hyperparameters_are_sound_or_refused(
        noise in "\\PC{0,40}|[a-z0-9:.\n -]{0,40}",
        at in 0..HYP.len(),
        whole: bool,
        bytes in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hyp.yaml");
        let mut text = if whole { noise.clone().into_bytes() } else { HYP.as_bytes().to_vec() };
        let at = at.min(text.len());
        text.splice(at..at, if whole { bytes } else { noise.into_bytes() });
        fs::write(&file, text).unwrap();
        match Hyper::read(&file) {
            Ok(hyper) => prop_assert_eq!(hyper.check(), Ok(())),
            Err(error) => prop_assert!(error.to_string().contains("hyp.yaml"), "{}", error),
        }
    }
}

/// The checks' results that are kept beside the labels, changed by hand, are refused or as good as the labels.
#[test]
fn a_dataset_s_cache_is_not_trusted() {
    let data = drawn();
    let read = || {
        let dataset = Dataset::read(data.path()).unwrap();
        dataset.split(SplitName::Train, SplitOptions::default()).unwrap().items
    };
    let want = read();
    let files = || fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().path());
    let file = files().find(|path| path.to_string_lossy().ends_with(".train.cache.json")).unwrap();
    let sound: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let mut paths = Vec::new();
    numbers(&sound, "", &mut paths);
    assert!(paths.len() > 50);
    let mut failures = Vec::new();
    for path in &paths {
        for value in [json!(-1), json!(999), json!(1e30), json!(null), json!("x"), json!(u64::MAX)] {
            let mut changed = sound.clone();
            *changed.pointer_mut(path).unwrap() = value.clone();
            fs::write(&file, changed.to_string()).unwrap();
            let items = read();
            let sound = items.iter().all(|item| {
                let (height, width) = item.size;
                let label = |label: &Label| {
                    let within = label.rect.iter().all(|share| (0.0..=1.0).contains(share));
                    within && label.class < shapes::NAMES.len()
                };
                height > 0 && width > 0 && item.labels.iter().all(label)
            });
            if items.len() != want.len() || !sound {
                failures.push(format!("{path} = {value}: {} items, sound {sound}", items.len()));
            }
        }
    }
    for text in ["", "{", "[]", "null", "\0\0\0\0", &"[".repeat(5000)] {
        fs::write(&file, text).unwrap();
        if read() != want {
            failures.push(format!("{text:?}"));
        }
    }
    report(failures);
}
