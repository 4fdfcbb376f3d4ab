//! A model file with anything done to it is a model or an error that names the file; it is never a panic.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::sync::LazyLock;
use yolo_host::model::{Model, Spec};
use yolo_tests::{models, registry, root};

const FILE: &str = "changed.yaml";

/// Valid models to start from; the smallest comes first, so that failures shrink to it.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let golden = root().join("tests/goldens/checkpoint.yaml");
    let files = std::iter::once(golden).chain(models());
    files.map(|file| std::fs::read_to_string(file).expect("a model file")).collect()
});

/// What one may find between two commas, and what one should not.
const WORDS: &str = "0 | 1 | -1 | 2 | 8 | -2 | 99 | 1000000000 | 9223372036854775807 | -9223372036854775808 | \
    18446744073709551615 | 1e308 | -0.5 | .inf | .nan | null | None | True | ~ | nc | anchors | '' | [] | {} | [-1, 0] | \
    !!binary x | &a | *a | Conv | C3TR | Concat | Detect | nn.Upsample | Shuffle_Block | MixConv2d | Expand";

fn word() -> impl Strategy<Value = &'static str> {
    select(WORDS.split(" | ").collect::<Vec<_>>())
}

#[derive(Clone, Debug)]
enum Change {
    /// Another word in the place of one.
    Word(Index, &'static str),
    /// One word of the file in the place of another.
    Move(Index, Index),
    /// A line less.
    Drop(Index),
    /// A line again, elsewhere.
    Repeat(Index, Index),
    /// Another character in the place of one.
    Character(Index, char),
    /// Nothing after this character.
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        8 => (place(), word()).prop_map(|(at, word)| Change::Word(at, word)),
        4 => (place(), place()).prop_map(|(at, from)| Change::Move(at, from)),
        1 => place().prop_map(Change::Drop),
        2 => (place(), place()).prop_map(|(at, from)| Change::Repeat(at, from)),
        2 => (place(), any::<char>()).prop_map(|(at, character)| Change::Character(at, character)),
        1 => place().prop_map(Change::Cut),
    ]
}

impl Change {
    fn apply(&self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        match self {
            Change::Word(at, word) => replaced(text, at, word),
            Change::Move(at, from) => replaced(text, at, &words(text)[from.index(words(text).len())]),
            Change::Drop(at) => {
                let mut lines: Vec<&str> = text.lines().collect();
                lines.remove(at.index(lines.len()));
                lines.join("\n")
            }
            Change::Repeat(at, from) => {
                let mut lines: Vec<&str> = text.lines().collect();
                lines.insert(at.index(lines.len()), lines[from.index(lines.len())]);
                lines.join("\n")
            }
            Change::Character(at, character) => {
                let mut characters: Vec<char> = text.chars().collect();
                let at = at.index(characters.len());
                characters[at] = *character;
                characters.into_iter().collect()
            }
            Change::Cut(at) => text.chars().take(at.index(text.chars().count())).collect(),
        }
    }
}

/// The text in pieces: runs of what words are made of, and each other character alone.
fn words(text: &str) -> Vec<String> {
    let part_of_word = |c: char| c.is_alphanumeric() || "_-.'".contains(c);
    let mut pieces: Vec<String> = Vec::new();
    let mut inside = false;
    for character in text.chars() {
        match pieces.last_mut() {
            Some(piece) if inside && part_of_word(character) => piece.push(character),
            _ => pieces.push(character.into()),
        }
        inside = part_of_word(character);
    }
    pieces
}

fn replaced(text: &str, at: &Index, word: &str) -> String {
    let mut pieces = words(text);
    let is_word = |piece: &String| piece.chars().any(char::is_alphanumeric);
    let places: Vec<usize> = (0..pieces.len()).filter(|&i| is_word(&pieces[i])).collect();
    if !places.is_empty() {
        pieces[places[at.index(places.len())]] = word.to_string();
    }
    pieces.concat()
}

/// Reads, builds and sizes; what it fails with names the file.
fn check(text: &str) -> Result<(), TestCaseError> {
    let model = match Spec::parse(text, FILE).and_then(|spec| Model::build(spec, &registry())) {
        Ok(model) => model,
        Err(error) => return named(&error),
    };
    prop_assert_eq!(model.layers.len(), model.spec.rows.len());
    for (height, width) in [(1, 1), (64, 96), (640, 640), (1 << 20, 1 << 20)] {
        if let Err(error) = model.check_size(height, width) {
            named(&error)?;
        }
    }
    let _ = model.statistics(64).map(|statistics| statistics.parameters);
    Ok(())
}

fn named(error: &yolo_host::model::Error) -> Result<(), TestCaseError> {
    prop_assert!(error.to_string().contains(FILE), "{}", error);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_model_never_panics(which in any::<Index>(), changes in proptest::collection::vec(change(), 1..4)) {
        let text = TEXTS[which.index(TEXTS.len())].clone();
        check(&changes.iter().fold(text, |text, change| change.apply(&text)))?;
    }

    /// Rows of any blocks with any arguments get further than changes of a sound file.
    #[test]
    fn any_rows_never_panic(rows in proptest::collection::vec(row(), 1..8)) {
        let head = "nc: 2\ndepth_multiple: 1.0\nwidth_multiple: 1.0\nanchors: 3\nbackbone:\n";
        let rows: String = rows.iter().map(|row| format!("  - {row}\n")).collect();
        check(&format!("{head}{rows}head:\n  - [-1, 1, Detect, [nc, anchors]]\n"))?;
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,200}|[\\[\\]{}:,&*!|> \na-c0-9-]{0,200}") {
        check(&text)?;
    }
}

/// A row that refers to earlier layers, of a known block.
fn row() -> impl Strategy<Value = String> {
    let blocks: Vec<String> = registry().iter().map(|entry| entry.name.clone()).collect();
    let number = prop_oneof![4 => Just(1), 1 => Just(2), 1 => Just(300)];
    let argument = prop_oneof![
        6 => (0..20i64).prop_map(|value| value.to_string()),
        2 => word().prop_map(str::to_string),
    ];
    let arguments = proptest::collection::vec(argument, 0..5);
    let from = prop_oneof![4 => Just("-1"), 1 => Just("0"), 1 => Just("[-1, 0]"), 1 => Just("[-1, -1]")];
    (from, number, select(blocks), arguments).prop_map(|(from, number, block, arguments)| {
        format!("[{from}, {number}, {block}, [{}]]", arguments.join(", "))
    })
}
