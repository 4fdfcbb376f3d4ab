//! Who uses whom inside yolo-host: the table of ARCHITECTURE.md says what the imports say, and no arrow leads back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use yolo_tests::{report, root};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Files of a folder that name each other in a circle, by one of each circle. None may be added; one that is mended leaves.
const CIRCLES: [&str; 1] = ["plugin/custom"];

/// Every file of yolo-host/src as a path of modules, with its code: no comments, no tests.
fn modules() -> BTreeMap<Vec<String>, String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a folder").path();
            match path.is_dir() {
                true => walk(&path, found),
                false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
                false => (),
            }
        }
    }
    let (source, mut files) = (root().join("yolo-host/src"), vec![]);
    walk(&source, &mut files);
    let module = |file: PathBuf| {
        let path = file.strip_prefix(&source).expect("a file of the source").with_extension("");
        let mut names: Vec<String> = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        names.pop_if(|last| last == "mod");
        let for_tests = names.iter().any(|name| name == "tests" || name == "testing");
        let is_root = matches!(names.as_slice(), [name] if name == "lib" || name == "main");
        (!for_tests && !is_root).then(|| (names, code(&std::fs::read_to_string(&file).expect("a source"))))
    };
    files.into_iter().filter_map(module).collect()
}

/// A source without comments, and without the tests that end it.
fn code(text: &str) -> String {
    let text = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>();
    let is_test = |pair: &[&str]| {
        pair[0].contains("cfg(")
            && pair[0].contains("test")
            && pair[1].starts_with("mod ")
            && pair[1].ends_with('{')
    };
    let end = text.windows(2).position(is_test).unwrap_or(text.len());
    text[..end].join("\n")
}

/// All paths that a source names from `crate`, `super` or `self`, of the module `own`, as paths from the crate's root.
fn paths(code: &str, own: &[String]) -> Vec<Vec<String>> {
    let mut found = vec![];
    for (start, _) in code.match_indices("::") {
        let before = code[..start].rsplit(|letter: char| !is_word(letter)).next().unwrap_or_default();
        let prefix = code[..start - before.len()].chars().next_back();
        if matches!(prefix, Some(':' | '$')) {
            continue;
        }
        let base = match before {
            "crate" => vec![],
            "self" => own.to_vec(),
            "super" => own[..own.len().saturating_sub(1)].to_vec(),
            _ => continue,
        };
        tree(&code[start + 2..], base, &mut found);
    }
    found
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The paths of a `use` tree that begins behind `::`; what is left of the text behind it.
fn tree<'a>(text: &'a str, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            match rest.strip_prefix('}') {
                Some(rest) => return rest,
                None if rest.is_empty() => return rest,
                None => {
                    let after = tree(rest, path.clone(), found);
                    // An alias, or something that is no tree: on to the next part.
                    let next = after.find([',', '}']).unwrap_or(after.len());
                    rest = &after[next..];
                }
            }
        }
    }
    let end = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
    match &text[..end] {
        "super" => drop(path.pop()),
        word => path.push(word.to_owned()),
    }
    match text[end..].strip_prefix("::") {
        Some(rest) => tree(rest, path, found),
        None => {
            found.push(path);
            &text[end..]
        }
    }
}

/// Which folder or file of the root uses which.
fn folders() -> Arrows {
    let mut arrows = Arrows::new();
    for (own, code) in modules() {
        let uses = arrows.entry(own[0].clone()).or_default();
        uses.extend(paths(&code, &own).into_iter().filter_map(|path| path.into_iter().next()));
        uses.remove(&own[0]);
    }
    // What stands in the root itself: re-exports, and the command.
    let all: BTreeSet<String> = arrows.keys().cloned().collect();
    arrows.values_mut().for_each(|uses| uses.retain(|used| all.contains(used)));
    arrows
}

/// Which file uses which of the same folder; a folder's own file and those above it are left out.
fn files() -> Arrows {
    let modules = modules();
    let name = |path: &[String]| path.join("/");
    let mut arrows = Arrows::new();
    for (own, code) in &modules {
        for path in paths(code, own) {
            let used =
                (1..=path.len()).rev().map(|len| &path[..len]).find(|path| modules.contains_key(*path));
            if let Some(used) = used.filter(|used| used[0] == own[0] && !own.starts_with(used)) {
                arrows.entry(name(own)).or_default().insert(name(used));
            }
        }
    }
    arrows
}

/// The circles among arrows: sets whose members reach each other.
fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reached = |start: &String| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![start.clone()]);
        while let Some(name) = next.pop() {
            for used in arrows.get(&name).into_iter().flatten() {
                if reached.insert(used.clone()) {
                    next.push(used.clone());
                }
            }
        }
        reached
    };
    let reach: BTreeMap<&String, BTreeSet<String>> =
        arrows.keys().map(|name| (name, reached(name))).collect();
    let mut circles: Vec<Vec<String>> = vec![];
    for (name, reached) in &reach {
        let back = |other: &&String| reach.get(other).is_some_and(|reached| reached.contains(*name));
        let circle: Vec<String> = reached.iter().filter(back).cloned().collect();
        if !circle.is_empty() && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

/// The table "Inside `yolo-host/src`" of ARCHITECTURE.md: of each folder, what it uses; nothing for one that may use all.
fn table() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, rest) = text.split_once("Inside `yolo-host/src`:").expect("the table's heading");
    let rows =
        rest.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let name =
            |cell: &str| cell.trim_matches('`').trim_end_matches('/').trim_end_matches(".rs").to_owned();
        let uses = cells.last().copied().unwrap_or_default().trim_end_matches('|').trim();
        let uses = match uses {
            "everything" => None,
            uses => Some(uses.split(", ").filter(|used| !used.is_empty()).map(name).collect()),
        };
        (name(cells[0]), uses)
    };
    rows.map(row).collect()
}

#[test]
fn the_table_of_folders_says_what_the_imports_say() {
    let (table, arrows) = (table(), folders());
    assert!(arrows.len() > 15, "the walk found only {} folders", arrows.len());
    let mut wrong = vec![];
    for (folder, uses) in &arrows {
        match table.get(folder) {
            None => wrong.push(format!("`{folder}` is not in the table")),
            Some(None) => (),
            Some(Some(told)) => {
                let list = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
                let (more, less) =
                    (list(uses.difference(told).collect()), list(told.difference(uses).collect()));
                if !more.is_empty() {
                    wrong.push(format!("`{folder}` uses {more}, and the table does not say so"));
                }
                if !less.is_empty() {
                    wrong.push(format!("`{folder}` does not use {less}, and the table says so"));
                }
            }
        }
    }
    let gone = table.keys().filter(|folder| !arrows.contains_key(*folder));
    wrong.extend(gone.map(|folder| format!("the table has `{folder}`, which is not there")));
    report(wrong);
}

#[test]
fn folders_form_no_circle() {
    report(circles(&folders()).into_iter().map(|circle| circle.join(" ↔ ")).collect());
}

#[test]
fn files_of_a_folder_form_no_new_circle() {
    let circles = circles(&files());
    let known = |circle: &Vec<String>| circle.iter().any(|file| CIRCLES.contains(&file.as_str()));
    let new = circles.iter().filter(|circle| !known(circle)).map(|circle| circle.join(" ↔ "));
    let mended = CIRCLES.iter().filter(|file| !circles.iter().flatten().any(|other| other == **file));
    report(new.chain(mended.map(|file| format!("{file} is in no circle any more"))).collect());
}

/// What the walk reads is what Rust reads.
#[test]
fn paths_are_found() {
    let own = ["a".to_owned(), "b".to_owned()];
    let found = |text: &str| {
        let found = paths(&code(text), &own);
        found.iter().map(|path| path.join("/")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("use crate::x::{self, y::Z, w as v};\nlet a = crate::q::f();"), "x/self x/y/Z x/w q/f");
    assert_eq!(found("use super::c::{D, e};\nuse super::super::z::Y; // crate::no"), "a/c/D a/c/e z/Y");
    assert_eq!(found("use crate::{r::s, t};\n#[cfg(test)]\nmod tests {\nuse crate::no;"), "r/s t");
    let circle = |pairs: &[(&str, &str)]| {
        let mut arrows = Arrows::new();
        for (from, to) in pairs {
            arrows.entry((*from).into()).or_default().insert((*to).into());
        }
        circles(&arrows)
    };
    assert!(circle(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
    assert_eq!(circle(&[("a", "b"), ("b", "c"), ("c", "b")]), [["b", "c"]]);
}
