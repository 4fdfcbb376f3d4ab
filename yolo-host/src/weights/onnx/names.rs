//! Class names as exports carry them: a list or a dict, as Python's `str` or JSON writes it.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// The names by class; none if the text is nothing of that kind.
pub fn class_names(text: &str) -> Option<Vec<String>> {
    let mut rest = text.chars().peekable();
    let names = match next(&mut rest)? {
        '[' => list(&mut rest)?,
        '{' => dict(&mut rest)?,
        _ => return None,
    };
    (next(&mut rest).is_none() && !names.is_empty()).then_some(names)
}

/// The next character that is no space.
fn next(rest: &mut Peekable<Chars>) -> Option<char> {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
    rest.next()
}

fn list(rest: &mut Peekable<Chars>) -> Option<Vec<String>> {
    let mut names = vec![];
    loop {
        match next(rest)? {
            ']' => return Some(names),
            quote => names.push(quoted(rest, quote)?),
        }
        match next(rest)? {
            ',' => (),
            ']' => return Some(names),
            _ => return None,
        }
    }
}

/// `{0: 'person'}`, or JSON's `{"0": "person"}`; all numbers from 0 on.
fn dict(rest: &mut Peekable<Chars>) -> Option<Vec<String>> {
    let mut names = BTreeMap::new();
    loop {
        let first = next(rest)?;
        if first == '}' {
            break;
        }
        let key = match first.to_digit(10) {
            Some(digit) => {
                let mut key = digit.to_string();
                while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                    key.push(digit);
                }
                key
            }
            None => quoted(rest, first)?,
        };
        if next(rest)? != ':' {
            return None;
        }
        let quote = next(rest)?;
        names.insert(key.parse::<usize>().ok()?, quoted(rest, quote)?);
        match next(rest)? {
            ',' => (),
            '}' => break,
            _ => return None,
        }
    }
    let counts = names.keys().copied().eq(0..names.len());
    counts.then(|| names.into_values().collect())
}

/// A text up to its closing quote, with Python's and JSON's escapes.
fn quoted(rest: &mut Peekable<Chars>, quote: char) -> Option<String> {
    if !matches!(quote, '\'' | '"') {
        return None;
    }
    let mut text = String::new();
    loop {
        match rest.next()? {
            c if c == quote => return Some(text),
            '\\' => {
                let escape = rest.next()?;
                let digits = match escape {
                    'n' => Err('\n'),
                    't' => Err('\t'),
                    'r' => Err('\r'),
                    'x' => Ok(2),
                    'u' => Ok(4),
                    'U' => Ok(8),
                    other => Err(other),
                };
                text.push(match digits {
                    Err(c) => c,
                    Ok(count) => {
                        let code: String = rest.by_ref().take(count).collect();
                        char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
                    }
                });
            }
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_dicts_of_python_and_json_are_read() {
        for (text, want) in [
            ("['person', \"don't\"]", &["person", "don't"][..]),
            ("{0: 'person', 1: 'a\\'b\\\\'}", &["person", "a'b\\"]),
            (" [ \"\\u8840\\n\" , ] ", &["血\n"]),
            ("{\"1\": \"b\", \"0\": \"a\"}", &["a", "b"]),
        ] {
            assert_eq!(class_names(text).as_deref(), Some(want.map_owned().as_slice()), "{text}");
        }
        for text in [
            "",
            "[]",
            "{}",
            "[1]",
            "['a'",
            "['a'] x",
            "{1: 'a'}",
            "{0 'a'}",
            "person",
            "['\\xzz']",
            "{-1: 'a'}",
        ] {
            assert_eq!(class_names(text), None, "{text}");
        }
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }

    impl MapOwned for [&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|name| name.to_string()).collect()
        }
    }
}
