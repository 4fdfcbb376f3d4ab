//! Properties of the matching, and of what it does to rows, labels and heads.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::SizeRange;

use super::*;
use crate::data::Label;
use crate::graph::Role;
use crate::model::{Model, Spec, State};
use crate::plugin::Registry;
use crate::weights::{Array, Data};

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn map(have: &[&str], want: &[&str]) -> Result<ClassMap, Error> {
    ClassMap::new(Some(&texts(have)), have.len(), &texts(want))
}

#[test]
fn names_decide() {
    type Case<'a> = (&'a [&'a str], &'a [&'a str], By, &'a [Option<usize>]);
    let cases: [Case; 9] = [
        (&["a", "b"], &["a", " b "], By::Order, &[Some(0), Some(1)]),
        (&["a", "b"], &["b", "a"], By::Name, &[Some(1), Some(0)]),
        (&["RBC", "wbc"], &["WBC", "rbc"], By::Name, &[Some(1), Some(0)]),
        (&["RBC", "wbc"], &["rbc", "WBC"], By::Order, &[Some(0), Some(1)]),
        (&["a", "b", "c"], &["c", "x"], By::Name, &[Some(2), None]),
        // Capitals that mean something: the equal one is taken, the other has none.
        (&["cat", "CAT"], &["CAT", "Cat"], By::Name, &[Some(1), Some(0)]),
        (&["cat", "CAT"], &["Cat"], By::Name, &[None]),
        // A name twice: the first for the first.
        (&["a", "b", "a"], &["a", "a", "b"], By::Name, &[Some(0), Some(2), Some(1)]),
        (&["0", "1"], &["1", "0"], By::Name, &[Some(1), Some(0)]),
    ];
    for (have, want, by, from) in cases {
        match map(have, want) {
            Ok(map) => assert_eq!((map.by(), map.from()), (by, from), "{have:?} {want:?}"),
            Err(error) => assert!(from.iter().all(Option::is_none), "{have:?} {want:?}: {error}"),
        }
    }
}

#[test]
fn numbers_count_only_where_there_are_no_names() {
    let number = |map: Result<ClassMap, Error>| map.unwrap().by();
    assert_eq!(number(ClassMap::new(None, 2, &texts(&["a", "b"]))), By::Number);
    // Names of another number of classes are none.
    assert_eq!(number(ClassMap::new(Some(&texts(&["b"])), 2, &texts(&["a", "b"]))), By::Number);
    assert_eq!(number(map(&["0", "1"], &["a", "b"])), By::Number);
    assert_eq!(number(map(&["a", "b"], &["class0", "class1"])), By::Number);
    assert_eq!(number(map(&["item"], &["a"])), By::Number);
    let error = |map: Result<ClassMap, Error>| map.unwrap_err().to_string();
    let told = error(map(&["a", "b"], &["c", "d"]));
    assert!(
        told.contains("know none of the data's classes") && told.contains("a, b") && told.contains("c, d")
    );
    // Digits in another order are names.
    assert!(error(map(&["1", "0"], &["a", "b"])).contains("know none"));
    assert!(error(ClassMap::new(None, 3, &texts(&["a", "b"]))).contains("3 classes, the data 2"));
    assert!(error(map(&["item"], &["a", "b"])).contains("1 classes, the data 2"));
}

#[test]
fn notes_name_what_is_missing() {
    let note = |have: &[&str], want: &[&str]| map(have, want).unwrap().note();
    assert_eq!(note(&["a", "b"], &["a", "b"]), None);
    assert!(note(&["a", "b"], &["b", "a"]).unwrap().contains("another order"));
    assert!(note(&["0", "1"], &["b", "a"]).unwrap().contains("by number"));
    let part = note(&["a", "b", "c"], &["x", "b"]).unwrap();
    assert!(part.contains("1 of the data's 2 classes") && part.contains("never found: x"), "{part}");
    assert!(part.contains("2 others"), "{part}");
}

/// Names without end, two lists of some of them in any order.
fn lists() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let all: Vec<String> = (0..9).map(|i| format!("name {}", (b'a' + i) as char)).collect();
    let some = move || proptest::sample::subsequence(all.clone(), SizeRange::from(1..=9)).prop_shuffle();
    (some(), some())
}

/// A model of one Detect over three maps.
fn model(nc: usize) -> Model {
    let text = "nc: 3\ndepth_multiple: 1\nwidth_multiple: 1\nanchors:\n  - [10, 13, 16, 30]\n  - [30, 61, 62, 45]\n\
                backbone:\n  - [-1, 1, Conv, [8, 3, 2]]\n  - [-1, 1, Conv, [8, 3, 2]]\nhead:\n  - [[0, 1], 1, Detect, [nc, anchors]]\n";
    let spec = Spec::parse(text, "m.yaml").unwrap().with_classes(nc).unwrap();
    Model::build(spec, &Registry::linked().unwrap()).unwrap()
}

/// Numbers that say of which row and column they are; `seed` apart from others.
fn arrays(model: &Model, seed: usize) -> BTreeMap<String, Array> {
    let mut arrays = State::new(&model.graph, 0).to_arrays(&model.graph);
    for (param, _) in model.graph.params.iter().zip(0..).filter(|(param, _)| param.role != Role::Counter) {
        let values = (0..param.len()).map(|i| (seed * 10_000 + i) as f32).collect();
        arrays.get_mut(&param.name).unwrap().data = Data::F32(values);
    }
    arrays
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_class_goes_where_its_name_is((have, want) in lists()) {
        let Ok(map) = ClassMap::new(Some(&have), have.len(), &want) else {
            prop_assert!(want.iter().all(|name| !have.contains(name)));
            return Ok(());
        };
        for (name, from) in want.iter().zip(map.from()) {
            prop_assert_eq!(*from, have.iter().position(|other| other == name));
        }
        // A row of which each class has a score of its own; two rows in one piece.
        let row: Vec<f32> = (0..5 + have.len()).map(|i| i as f32).collect();
        let mapped = map.rows(row.repeat(2));
        prop_assert_eq!(mapped.len(), 2 * (5 + want.len()));
        for row in mapped.chunks(5 + want.len()) {
            prop_assert_eq!(&row[..5], &[0.0, 1.0, 2.0, 3.0, 4.0]);
            for (name, score) in want.iter().zip(&row[5..]) {
                let at = have.iter().position(|other| other == name);
                prop_assert_eq!(*score, at.map_or(0.0, |at| (5 + at) as f32));
            }
        }
        let labels = (0..want.len()).map(|class| Label { class, rect: [0.5; 4], segment: vec![] }).collect();
        let mut items = [Item { image: PathBuf::new(), size: (1, 1), labels }];
        map.relabel(&mut items);
        let named: Vec<&String> = items[0].labels.iter().map(|label| &have[label.class]).collect();
        let wanted: Vec<&String> = want.iter().filter(|name| have.contains(name)).collect();
        prop_assert_eq!(named, wanted);
    }

    #[test]
    fn heads_are_taken_row_by_row((have, want) in lists()) {
        let Ok(map) = ClassMap::new(Some(&have), have.len(), &want) else { return Ok(()) };
        let (old, new) = (model(have.len()), model(want.len()));
        let mut given = arrays(&old, 1);
        let all = given.clone();
        let mut state = State::from_arrays(&new.graph, arrays(&new, 2)).unwrap();
        prop_assert!(map.take_head(&new, &mut state, &mut given));
        let taken: Vec<&str> = all.keys().filter(|name| !given.contains_key(*name)).map(String::as_str).collect();
        prop_assert_eq!(taken, ["model.2.m.0.bias", "model.2.m.0.weight", "model.2.m.1.bias", "model.2.m.1.weight"]);
        for (name, array) in state.to_arrays(&new.graph) {
            let fresh = &arrays(&new, 2)[&name];
            if given.contains_key(&name) {
                prop_assert_eq!(&array, fresh);
                continue;
            }
            let (Data::F32(values), Data::F32(fresh), Data::F32(source)) = (&array.data, &fresh.data, &all[&name].data)
            else { panic!("floats") };
            let (here, there) = (5 + want.len(), 5 + have.len());
            let width = values.len() / (2 * here);
            for (row, values) in values.chunks(width).enumerate() {
                let (anchor, row) = (row / here, row % here);
                let from = if row < 5 { Some(row) } else { have.iter().position(|name| *name == want[row - 5]).map(|at| 5 + at) };
                let expected = match from {
                    Some(from) => &source[(anchor * there + from) * width..][..width],
                    None => &fresh[(anchor * here + row) * width..][..width],
                };
                prop_assert_eq!(values, expected, "{} row {}", name, row);
            }
        }
    }
}

#[test]
fn a_head_of_other_anchors_is_left_and_not_taken_by_its_shape() {
    // 2 anchors of 7 classes have 24 rows, as 3 of 3 or 4 of one.
    let names: Vec<String> = (0..7).map(|i| format!("n{i}")).collect();
    let map = ClassMap::new(Some(&names[..3]), 3, &names).unwrap();
    let new = model(7);
    let mut given = arrays(&new, 1);
    let mut state = State::from_arrays(&new.graph, arrays(&new, 2)).unwrap();
    assert!(fits_head(&new, &given));
    assert!(!map.take_head(&new, &mut state, &mut given));
    assert!(!fits_head(&new, &given) && head_parameters(&new).len() == 4);
    assert_eq!(state.to_arrays(&new.graph), arrays(&new, 2));
}
