//! The text of a model file with another value for one key. Comments are kept where the text allows it; in any case it says
//! what the old one said, but for that key.

use serde_yaml::Value;

/// `text` with `value` under `key` of its outermost map; `None` if it is no map, or no YAML.
pub fn with_key(text: &str, key: &str, value: Value) -> Option<String> {
    let mut wanted: Value = serde_yaml::from_str(text).ok()?;
    let shown = flow(&value)?;
    wanted.as_mapping_mut()?.insert(key.into(), value);
    let right = |text: &String| serde_yaml::from_str::<Value>(text).is_ok_and(|yaml| yaml == wanted);
    let ways = [line_changed(text, key, &shown), line_added(text, key, &shown)];
    ways.into_iter()
        .find(|text| right(text))
        .or_else(|| emitted(&wanted).filter(&right))
        .or_else(|| serde_yaml::to_string(&wanted).ok().filter(&right))
}

/// The key's line is changed, and what belongs to it dropped: indented lines, items, and comments and blank lines among them.
fn line_changed(text: &str, key: &str, value: &str) -> String {
    let (mut out, mut waiting) = (String::new(), String::new());
    let mut inside = false;
    for line in text.lines() {
        let idle = line.trim_start().is_empty() || line.starts_with('#');
        let starts = line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
        if starts {
            inside = true;
            out += &format!("{key}: {value}\n");
        } else if inside && idle {
            waiting += line;
            waiting.push('\n');
        } else if inside && line.starts_with([' ', '\t', '-', ']', '}']) {
            waiting.clear();
        } else {
            inside = false;
            out += &waiting;
            out += line;
            out.push('\n');
            waiting.clear();
        }
    }
    out + &waiting
}

fn line_added(text: &str, key: &str, value: &str) -> String {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{key}: {value}\n")
}

/// The whole map, a row a line.
fn emitted(map: &Value) -> Option<String> {
    let mut out = String::new();
    for (key, value) in map.as_mapping()? {
        out += &format!("{}:", flow(key)?);
        match value {
            Value::Sequence(rows) if rows.iter().any(Value::is_sequence) => {
                out.push('\n');
                for row in rows {
                    out += &format!("  - {}\n", flow(row)?);
                }
            }
            value => out += &format!(" {}\n", flow(value)?),
        }
    }
    Some(out)
}

/// A value in one line. Words stand as they are, other texts as JSON has them, which YAML understands.
fn flow(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match (number.is_f64(), number.as_f64()) {
            (true, Some(value)) if value.is_nan() => ".nan".into(),
            (true, Some(value)) if value.is_infinite() => if value > 0.0 { ".inf" } else { "-.inf" }.into(),
            (true, Some(value)) => format!("{value:?}"),
            _ => number.to_string(),
        },
        Value::String(text) if is_word(text) => text.clone(),
        Value::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Sequence(items) => {
            let items: Option<Vec<String>> = items.iter().map(flow).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Mapping(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| Some(format!("{}: {}", flow(key)?, flow(value)?)));
            format!("{{{}}}", pairs.collect::<Option<Vec<_>>>()?.join(", "))
        }
        Value::Tagged(_) => return None,
    })
}

/// Whether YAML reads the text as itself without quotes: `nn.ReLU()`, `model.3.cv1`, `None`.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.()".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && serde_yaml::from_str::<Value>(text).is_ok_and(|value| value.as_str() == Some(text))
        && !["y", "n", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> String {
        let new = with_key(text, "anchors", Value::from(4)).unwrap();
        let (old, value): (Value, Value) =
            (serde_yaml::from_str(text).unwrap(), serde_yaml::from_str(&new).unwrap());
        let mut want = old.as_mapping().unwrap().clone();
        want.insert("anchors".into(), 4.into());
        assert_eq!(value, Value::Mapping(want), "{text}\n→\n{new}");
        new
    }

    #[test]
    fn comments_and_blank_lines_inside_of_a_block() {
        let text = "nc: 80 # classes\nanchors:\n  - [1,2]  # P3\n# P4\n\n  - [3,4]\n\n# rows\nbackbone: []\n";
        assert_eq!(changed(text), "nc: 80 # classes\nanchors: 4\n\n# rows\nbackbone: []\n");
        assert_eq!(changed("anchors:\n- [1,2]\n# a\n- [3,4]\n# end\n"), "anchors: 4\n# end\n");
        assert_eq!(changed("anchors: [[1,2],\n\n  [3,4]\n]\nnc: 1"), "anchors: 4\nnc: 1\n");
        assert_eq!(changed("nc: 1"), "nc: 1\nanchors: 4\n");
    }

    #[test]
    fn every_style_of_yaml() {
        for text in [
            "{nc: 1, anchors: [[1,2]], head: [[-1, 1, Conv, [None, 'a: b', \"x\\ty\", nn.ReLU()]]]}",
            "\"anchors\": 3\nnc: 1\n",
            "anchors : 3\r\nnc: 1\r\n",
            "a: &a [[1,2]]\nanchors: *a\nb: *a\n",
            "anchors: &a [[1,2]]\nb: *a\n",
            "nc: |\n  a\nanchors: 2\nanchor: {.inf: -.inf, 1.5: .nan}\n...\n",
            "? anchors\n: - [1]\n",
            "---\n# only\nanchors: >\n  folded\n\n  text\nz: !!binary YQ==\n",
            "t: |\n  text\nanchors: 3\ny: 'yes'\nn: 'null'\ni: '12'\n",
            "text: |\nanchors: 1\n",
        ] {
            changed(text);
        }
        assert_eq!(with_key("[1]", "nc", 1.into()), None);
    }

    #[test]
    fn what_cannot_be_kept_is_written_a_row_a_line() {
        // Without its anchor the alias means nothing, so that no line can go.
        let text = "anchors: &a [1, 2]\nnc: 80\nhead: [[-1, 1, Conv, *a], [[-1, 4], 1, Concat, [1]]]\n";
        let rows = "head:\n  - [-1, 1, Conv, [1, 2]]\n  - [[-1, 4], 1, Concat, [1]]\n";
        assert_eq!(changed(text), format!("anchors: 4\nnc: 80\n{rows}"));
    }
}
