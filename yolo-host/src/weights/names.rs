//! Brings the names of tensors to those of YOLOv5's `state_dict`, `model.N.…`: wrappers put prefixes of theirs before.

use std::collections::BTreeMap;

use crate::weights::ErrorKind;

/// The list of layers of a model.
const LAYERS: &str = "model.";

/// What `DataParallel` and `torch.compile` put before all names.
const WRAPPERS: [&str; 3] = ["module.", "_orig_mod.", LAYERS];

/// So many names are in a note.
const SHOWN: usize = 5;

/// `tensors` without the prefixes of what their model was wrapped in, and what there is to say about it.
pub fn unwrap<T>(tensors: BTreeMap<String, T>) -> Result<(BTreeMap<String, T>, Vec<String>), ErrorKind> {
    let mut prefixes: Vec<String> =
        tensors.keys().filter_map(|name| Some(prefix(name)?.to_owned())).collect();
    prefixes.sort();
    prefixes.dedup();
    let average = |prefix: &&String| prefix.split(['.', '_']).any(|part| part == "ema");
    let averages: Vec<&String> = prefixes.iter().filter(average).collect();
    let chosen = match (&prefixes[..], &averages[..]) {
        ([], _) => return Ok((without_layers(tensors), vec![])),
        ([only], _) => only.clone(),
        // As in a checkpoint, averages win.
        ([_, _], [average]) => average.to_string(),
        _ => {
            let what = format!("a file with several models: its names begin with {}", list(prefixes.iter()));
            let advice = "save the state_dict() of one of them with torch.save".to_owned();
            return Err(ErrorKind::Foreign { what, advice });
        }
    };
    if chosen.is_empty() && prefixes.len() == 1 {
        return Ok((tensors, vec![]));
    }
    let (mut inside, mut outside) = (BTreeMap::new(), vec![]);
    for (name, tensor) in tensors {
        match prefix(&name) {
            Some(prefix) if prefix == chosen => {
                inside.insert(name[chosen.len()..].to_owned(), tensor);
            }
            _ => outside.push(name),
        }
    }
    let mut notes = vec![];
    if !outside.is_empty() {
        let tensors = match outside.len() {
            1 => "1 tensor beside it is not".to_owned(),
            count => format!("{count} tensors beside it are not"),
        };
        let names = list(outside.iter());
        notes.push(format!("the model under `{chosen}` is used; {tensors}: {names}"));
    }
    Ok((inside, notes))
}

/// What stands before `model.N.` in a name, if that is in it and nothing before it is a number.
fn prefix(name: &str) -> Option<&str> {
    let mut at = 0;
    for part in name.split_inclusive('.') {
        let number = part.strip_suffix('.').is_some_and(is_number);
        if number {
            let before = name[..at].strip_suffix(LAYERS)?;
            return (before.is_empty() || before.ends_with('.')).then_some(before);
        }
        at += part.len();
    }
    None
}

/// The tensors of a bare list of layers, `N.…`, as those of a model; and others without what wraps all of them.
fn without_layers<T>(mut tensors: BTreeMap<String, T>) -> BTreeMap<String, T> {
    let common = |tensors: &BTreeMap<String, T>| {
        WRAPPERS
            .iter()
            .find(|wrapper| !tensors.is_empty() && tensors.keys().all(|name| name.starts_with(**wrapper)))
    };
    while let Some(wrapper) = common(&tensors) {
        tensors =
            tensors.into_iter().map(|(name, tensor)| (name[wrapper.len()..].to_owned(), tensor)).collect();
    }
    let numbered = |name: &String| name.split_once('.').is_some_and(|(first, _)| is_number(first));
    match !tensors.is_empty() && tensors.keys().all(numbered) {
        true => tensors.into_iter().map(|(name, tensor)| (format!("{LAYERS}{name}"), tensor)).collect(),
        false => tensors,
    }
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit())
}

/// Some of these texts, quoted.
fn list<'t>(texts: impl ExactSizeIterator<Item = &'t String>) -> String {
    let more = if texts.len() > SHOWN { ", …" } else { "" };
    let shown: Vec<String> = texts.take(SHOWN).map(|text| format!("`{}`", text.escape_debug())).collect();
    shown.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped(names: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let tensors = names.iter().map(|name| (name.to_string(), ())).collect();
        let (tensors, notes) = unwrap(tensors).map_err(|error| error.to_string())?;
        Ok((tensors.into_keys().collect(), notes))
    }

    /// Every mix of wrappers, over a model and over the list of its layers.
    #[test]
    fn wrappers_lose_their_prefixes() {
        let want = ["model.0.conv.weight", "model.24.m.0.bias"];
        let wrappers = ["", "module.", "model.", "_orig_mod.", "net.", "ema.", "ema_model."];
        for outer in wrappers {
            for inner in wrappers {
                let names = want.map(|name| format!("{outer}{inner}{name}"));
                let (found, notes) = unwrapped(&names.each_ref().map(String::as_str)).unwrap();
                assert!(found == want && notes.is_empty(), "{outer}{inner}: {found:?} {notes:?}");
            }
        }
        for outer in ["", "module.", "_orig_mod.", "module._orig_mod."] {
            let names = want.map(|name| format!("{outer}{}", &name[6..]));
            assert_eq!(unwrapped(&names.each_ref().map(String::as_str)).unwrap().0, want, "{outer}");
        }
    }

    #[test]
    fn other_names_stay() {
        for names in [&["backbone.conv.weight", "head.weight"][..], &["a.b", "module.a"]] {
            assert_eq!(unwrapped(names).unwrap().0, names);
        }
        assert_eq!(unwrapped(&["module.a", "module.b"]).unwrap().0, ["a", "b"]);
        // Beside a model that nothing wraps they stay too, and will not fit.
        assert_eq!(unwrapped(&["model.0.weight", "x"]).unwrap().0, ["model.0.weight", "x"]);
    }

    #[test]
    fn what_is_left_out_is_said() {
        let (names, notes) = unwrapped(&["model.model.0.w", "loss.weight"]).unwrap();
        assert_eq!(names, ["model.0.w"]);
        assert!(
            notes[0].contains("the model under `model.` is used; 1 tensor beside it is not: `loss.weight`")
        );
        let (names, notes) = unwrapped(&["model.model.0.w", "ema_model.module.model.0.w"]).unwrap();
        assert_eq!(names, ["model.0.w"]);
        assert!(notes[0].contains("`ema_model.module.`"), "{notes:?}");
        let error = unwrapped(&["student.model.0.w", "teacher.model.0.w"]).unwrap_err();
        assert!(error.contains("`student.`, `teacher.`"), "{error}");
    }
}
