//! Names of classes, compared.

use std::collections::HashMap;

/// So many names of a list are in a message.
const SHOWN: usize = 10;

/// Whether two lists are equal, but for the spaces around names.
pub fn same(have: &[String], want: &[String]) -> bool {
    have.len() == want.len() && have.iter().zip(want).all(|(have, want)| have.trim() == want.trim())
}

/// For each name that is wanted its place among those that are there. Of equal names the first goes to the first.
pub fn matched(have: &[String], want: &[String]) -> Vec<Option<usize>> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, name) in have.iter().enumerate().rev() {
        places.entry(name.trim()).or_default().push(place);
    }
    let mut from: Vec<Option<usize>> =
        want.iter().map(|name| places.get_mut(name.trim()).and_then(Vec::pop)).collect();
    // What is left on both sides, where capitals alone make the difference and no other name is like it.
    let small = |name: &str| name.trim().to_lowercase();
    let mut left: HashMap<String, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for place in places.into_values().flatten() {
        left.entry(small(&have[place])).or_default().0.push(place);
    }
    for (class, name) in want.iter().enumerate().filter(|(class, _)| from[*class].is_none()) {
        left.entry(small(name)).or_default().1.push(class);
    }
    for (places, classes) in left.into_values() {
        if let ([place], [class]) = (&places[..], &classes[..]) {
            from[*class] = Some(*place);
        }
    }
    from
}

/// Whether names are none, or only stand for numbers: those that v6.1 gives to classes without a name, in their order.
pub fn placeholders(names: &[String]) -> bool {
    let numbered = |(class, name): (usize, &String)| {
        let name = name.trim().to_lowercase();
        let digits = name.strip_prefix("class").unwrap_or(&name).trim_start_matches(['_', '-', ' ']);
        digits == class.to_string()
    };
    matches!(names, [item] if item.trim() == "item") || names.iter().enumerate().all(numbered)
}

/// Names as a message shows them.
pub fn list(names: &[String]) -> String {
    let shown: Vec<String> =
        names.iter().take(SHOWN).map(|name| name.trim().escape_debug().to_string()).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
