//! Writes a model's `yaml` attribute, a dict, as YAML text in the layout of the files it came from: one layer a line.

use crate::weights::pickle::{Heap, Object, Value};

/// Longer text is no model description.
const MAX_LEN: usize = 1 << 20;

/// Lists within lists; a layer has two levels. A cycle ends here too.
const MAX_DEPTH: usize = 8;

/// Texts with a meaning of their own in a layer's arguments.
const WORDS: [&str; 3] = ["None", "anchors", "nc"];

/// Texts that YAML 1.1 would read as something else.
const RESERVED: [&str; 9] = ["false", "n", "no", "null", "off", "on", "true", "y", "yes"];

/// The YAML text of the dict `model`, or `None` if it holds what no YAML file of a model does.
pub fn write(heap: &Heap, model: Value) -> Option<String> {
    let mut out = Emitter { heap, text: String::new() };
    for (key, value) in heap.dict(model)? {
        let key = heap.str(*key).filter(|key| is_bare(key))?;
        // Three channels are the rule; upstream adds the key when it builds the model.
        if key != "ch" || *value != Value::Int(3) {
            out.member(key, *value)?;
        }
    }
    Some(out.text)
}

struct Emitter<'h, 'a> {
    heap: &'h Heap<'a>,
    text: String,
}

impl Emitter<'_, '_> {
    /// `key: value`, or a list of lists with one of them a line.
    fn member(&mut self, key: &str, value: Value) -> Option<()> {
        self.text.push_str(key);
        self.text.push(':');
        match self.heap.items(value) {
            Some(rows) if rows.iter().any(|row| self.heap.items(*row).is_some()) => {
                let layers = matches!(key, "backbone" | "head");
                self.text.push_str(if layers { "\n  # [from, number, module, args]\n" } else { "\n" });
                for row in rows {
                    self.text.push_str("  - ");
                    self.row(*row, layers)?;
                    self.text.push('\n');
                }
            }
            _ => {
                self.text.push(' ');
                self.flow(value, 0)?;
                self.text.push('\n');
            }
        }
        Some(())
    }

    /// A row in one line. The third item of a layer is a module's name, written without quotes.
    fn row(&mut self, row: Value, layer: bool) -> Option<()> {
        let Some(items) = self.heap.items(row) else {
            return self.flow(row, 0);
        };
        self.list(items, |out, index, item| match out.heap.str(item) {
            Some(module) if layer && index == 2 && is_bare(module) => out.push(module),
            _ => out.flow(item, 1),
        })
    }

    fn list(
        &mut self,
        items: &[Value],
        mut item: impl FnMut(&mut Self, usize, Value) -> Option<()>,
    ) -> Option<()> {
        self.text.push('[');
        for (index, value) in items.iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            item(self, index, *value)?;
        }
        self.push("]")
    }

    /// A value in flow style.
    fn flow(&mut self, value: Value, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match value {
            Value::None => self.push("None"),
            Value::Bool(true) => self.push("True"),
            Value::Bool(false) => self.push("False"),
            Value::Int(number) => self.push(&number.to_string()),
            Value::Float(number) => self.push(&float(number)),
            Value::Global(_) | Value::Opaque => None,
            Value::Object(_) => match self.heap.object(value)? {
                Object::Str(text) if WORDS.contains(text) => self.push(text),
                Object::Str(text) => self.push(&quoted(text)),
                Object::List(items) | Object::Tuple(items) => {
                    self.list(items, |out, _, item| out.flow(item, depth + 1))
                }
                Object::Dict(pairs) => {
                    self.text.push('{');
                    for (index, (key, value)) in pairs.iter().enumerate() {
                        self.text.push_str(if index > 0 { ", " } else { "" });
                        self.flow(*key, depth + 1)?;
                        self.text.push_str(": ");
                        self.flow(*value, depth + 1)?;
                    }
                    self.push("}")
                }
                _ => None,
            },
        }
    }

    /// Appends `text`, unless the whole gets too long.
    fn push(&mut self, text: &str) -> Option<()> {
        self.text.push_str(text);
        (self.text.len() <= MAX_LEN).then_some(())
    }
}

/// Whether YAML reads `text` as this very text without quotes: a dotted name such as `nn.Upsample`.
fn is_bare(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let reserved = RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word));
    starts && !reserved && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
}

/// `'text'`, or the double-quoted form where control characters need escapes.
fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        serde_json::Value::from(text).to_string()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// The shortest spelling that every YAML reader takes for this number: with a point, and a sign in the exponent.
fn float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = format!("{number:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let point = if digits.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            format!("{digits}{point}e{sign}{exponent}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::budget::Budget;
    use crate::weights::pickle::load;
    use crate::weights::tests::pickler::{P, P::*, dict, pickle};

    fn yaml(value: &P) -> Option<String> {
        let (bytes, mut heap) = (pickle(value), Heap::default());
        let root = load(&bytes, &mut 0, &mut heap, &mut Budget::for_file(bytes.len())).unwrap();
        write(&heap, root)
    }

    #[test]
    fn the_layout_is_upstream_s() {
        let upsample =
            List(vec![Int(-1), Int(1), Str("nn.Upsample"), List(vec![Str("None"), Int(2), Str("nearest")])]);
        let concat =
            List(vec![List(vec![Int(-1), Int(6)]), Int(1), Str("Concat"), List(vec![None, Bool(false)])]);
        let detect = List(vec![Int(17), Int(1), Str("Detect"), List(vec![Str("nc"), Str("anchors")])]);
        let model = dict([
            ("nc", Int(80)),
            ("depth_multiple", Float(0.33)),
            ("width_multiple", Float(1.0)),
            ("anchors", List(vec![List(vec![Int(10), Int(13)]), Tuple(vec![Float(1.5)])])),
            ("backbone", List(vec![upsample])),
            ("head", List(vec![concat, detect])),
            ("activation", Str("nn.SiLU()")),
            ("ch", Int(3)),
        ]);
        let want = "\
nc: 80
depth_multiple: 0.33
width_multiple: 1.0
anchors:
  - [10, 13]
  - [1.5]
backbone:
  # [from, number, module, args]
  - [-1, 1, nn.Upsample, [None, 2, 'nearest']]
head:
  # [from, number, module, args]
  - [[-1, 6], 1, Concat, [None, False]]
  - [17, 1, Detect, [nc, anchors]]
activation: 'nn.SiLU()'
";
        assert_eq!(yaml(&model).unwrap(), want);
    }

    #[test]
    fn what_yaml_would_misread_is_quoted() {
        let cases = [
            (Str("it's"), "k: 'it''s'\n"),
            (Str("a\nb: c"), "k: \"a\\nb: c\"\n"),
            (Str(""), "k: ''\n"),
            (Float(1e-5), "k: 1.0e-5\n"),
            (Float(1.5e20), "k: 1.5e+20\n"),
            (Float(f64::NEG_INFINITY), "k: -.inf\n"),
            (dict([("a", Int(1)), ("b", List(vec![]))]), "k: {'a': 1, 'b': []}\n"),
        ];
        for (value, want) in cases {
            assert_eq!(yaml(&dict([("k", value)])).unwrap(), want);
        }
        let layer = |module| dict([("head", List(vec![List(vec![Int(-1), Int(1), Str(module)])]))]);
        assert!(yaml(&layer("No")).unwrap().contains("[-1, 1, 'No']"));
        assert!(yaml(&layer("a b")).unwrap().contains("[-1, 1, 'a b']"));
        assert_eq!(yaml(&dict([("ch", Int(1))])).unwrap(), "ch: 1\n");
    }

    #[test]
    fn what_yaml_cannot_say_gives_none() {
        // A list that holds itself, a class, a key that is no name, and no dict at all.
        let cycle = Raw(b"]q\x00h\x00a");
        for value in [
            dict([("k", cycle)]),
            dict([("k", Raw(b"N\x8e\0\0\0\0\0\0\0\0\x86"))]),
            dict([("a: b", Int(1))]),
            Int(1),
        ] {
            assert_eq!(yaml(&value), Option::None);
        }
        let long = List(vec![Str("x".repeat(1000).leak()); 2000]);
        assert_eq!(yaml(&dict([("k", long)])), Option::None);
    }
}
