//! Numbers as Python writes them.

/// A number as `%.Ng` writes it: so many significant digits, no trailing zeros.
pub(crate) fn general(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        let sign = if value == f64::NEG_INFINITY { "-" } else { "" };
        return format!("{sign}{}", if value.is_nan() { "nan" } else { "inf" });
    }
    let last = digits.max(1) - 1;
    // The exponent after rounding.
    let scientific = format!("{value:.last$e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text.to_string(),
    };
    if (-4..digits as i32).contains(&exponent) {
        trimmed(&format!("{value:.*}", (last as i32 - exponent) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
    }
}

/// `repr(round(value, digits))`, as `json.dump` writes it.
pub(super) fn rounded(value: f64, digits: usize) -> String {
    // Both languages round the exact value, ties to even, and write the shortest text of the result.
    let rounded: f64 = format!("{value:.digits$}").parse().unwrap_or(value);
    let text = format!("{rounded:?}");
    match text.split_once("e-") {
        Some((mantissa, exponent)) => format!("{mantissa}e-{exponent:0>2}"),
        None => text,
    }
}

/// A float as PyYAML writes it: Python's `repr`, with a point before an exponent.
pub(super) fn yaml(value: f64) -> String {
    if !value.is_finite() {
        return match value.is_nan() {
            true => ".nan".into(),
            false => format!("{}.inf", if value < 0.0 { "-" } else { "" }),
        };
    }
    let (least, most) = (1e-4, 1e16);
    if value == 0.0 || (least..most).contains(&value.abs()) {
        let text = format!("{value}");
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = if mantissa.contains('.') { mantissa.to_string() } else { format!("{mantissa}.0") };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_is_percent_g() {
        // '%.5g' % value in Python
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.110064, "0.11006"),
            (0.00438318, "0.0043832"),
            (1.2e-5, "1.2e-05"),
            (0.0001, "0.0001"),
            (0.0999995, "0.1"),
            (99999.4, "99999"),
            (99999.6, "1e+05"),
            (299.0, "299"),
            (1e300, "1e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(general(value, 5), expected);
        }
    }

    #[test]
    fn yaml_is_pyyaml_s() {
        // yaml.safe_dump(value) in Python
        let cases = [
            (0.0, "0.0"),
            (3.0, "3.0"),
            (0.0001, "0.0001"),
            (1e-5, "1.0e-05"),
            (-1.25e-5, "-1.25e-05"),
            (1e15, "1000000000000000.0"),
            (1e16, "1.0e+16"),
            (0.31415, "0.31415"),
            (f64::NAN, ".nan"),
            (f64::NEG_INFINITY, "-.inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(yaml(value), expected);
        }
    }

    #[test]
    fn rounded_is_python_s() {
        // repr(round(value, 3)) in Python
        let cases =
            [(258.15, "258.15"), (0.0005, "0.001"), (0.0625, "0.062"), (2.0, "2.0"), (-0.0001, "-0.0")];
        for (value, expected) in cases {
            assert_eq!(rounded(value, 3), expected);
        }
        assert_eq!(rounded(0.0000123, 5), "1e-05");
    }
}
