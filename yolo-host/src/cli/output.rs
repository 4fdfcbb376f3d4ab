//! Text as people and programs expect it.

use std::io::{self, IsTerminal, Write};
use unicode_width::UnicodeWidthStr;

/// Writes a line to standard output; a closed pipe is an error to be passed up, not a panic.
pub fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Columns that a folded row may have: those of the terminal, and never more than 100.
pub fn width() -> usize {
    const MOST: usize = 100;
    columns().map_or(MOST, |columns| columns.clamp(40, MOST))
}

/// A text cut at spaces to lines of so many columns; all but the first begin with `indent` spaces.
pub fn folded(text: &str, indent: usize, columns: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let len = word.trim_end().chars().count();
        if used + len > columns && used > indent {
            out.truncate(out.trim_end().len());
            out += "\n";
            out += &" ".repeat(indent);
            used = indent;
        }
        out += word;
        used += word.chars().count();
    }
    out
}

/// Whether an error is only that nobody reads any more.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// A number as C's `%g` writes it: six significant digits, no trailing zeros. The label files of YOLOv5 use it.
pub fn general(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    // The exponent after rounding to six digits.
    let scientific = format!("{value:.5e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text.to_string(),
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if (-4..6).contains(&exponent) => {
            trimmed(&format!("{value:.*}", (5 - exponent) as usize))
        }
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
        }
        Err(_) => scientific,
    }
}

/// A text on the right of so many columns, cut short with `…` where it takes more. Letters of some scripts take two.
pub fn padded(text: &str, columns: usize) -> String {
    let mut shown = text.to_string();
    let mut kept = text.to_string();
    while shown.width() > columns && kept.pop().is_some() {
        shown = format!("{kept}…");
    }
    format!("{}{shown}", " ".repeat(columns.saturating_sub(shown.width())))
}

/// Columns of the terminal to which results go; nothing where they go to a file or a pipe.
pub fn columns() -> Option<usize> {
    io::stdout().is_terminal().then(terminal_size::terminal_size).flatten().map(|size| usize::from(size.0.0))
}

/// 1234567 as 1,234,567.
pub fn thousands(value: usize) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_is_percent_g() {
        // '%g' % value in Python
        let cases = [
            (0.5, "0.5"),
            (0.123456789, "0.123457"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1234567.0, "1.23457e+06"),
            (999999.5, "1e+06"),
            (16.0, "16"),
            (0.0, "0"),
            (0.99999949, "0.999999"),
            (0.9999997, "1"),
        ];
        for (value, expected) in cases {
            assert_eq!(general(value), expected);
        }
    }

    #[test]
    fn texts_take_their_columns() {
        assert_eq!(padded("cat", 5), "  cat");
        assert_eq!(padded("traffic light", 8), "traffic…");
        assert_eq!(padded("交通灯", 8), "  交通灯");
        assert_eq!(padded("交通信号灯", 8), " 交通信…");
        assert_eq!(padded("", 2), "  ");
    }

    #[test]
    fn rows_are_folded_at_spaces() {
        assert_eq!(folded("ab cd ef", 0, 80), "ab cd ef");
        assert_eq!(folded("ab cd ef", 2, 5), "ab cd\n  ef");
        assert_eq!(folded("ab cdefgh ij", 1, 5), "ab\n cdefgh\n ij");
        assert_eq!(folded("× × × ×", 0, 3), "× ×\n× ×");
        assert_eq!(folded("", 3, 5), "");
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(
            ["5", "1,000", "7,235,389"],
            [5, 1000, 7_235_389].map(thousands).each_ref().map(String::as_str)
        );
    }
}
