//! Text inside HTML.

/// Text as it may stand in an element or in quotes; what XML has no place for is left out.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in
        text.chars().filter(|letter| !letter.is_control() && !('\u{FFFE}'..='\u{FFFF}').contains(letter))
    {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
