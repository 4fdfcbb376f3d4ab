//! Python's arithmetic on numbers.

use super::Python;

/// The value of `left OPERATOR right`, or what is wrong with it.
pub(super) fn arithmetic(operator: &str, left: &Python, right: &Python) -> Result<Python, String> {
    let value = match (left, right) {
        (Python::Int(a), Python::Int(b)) => match operator {
            "+" => a.checked_add(*b).map(Python::Int),
            "-" => a.checked_sub(*b).map(Python::Int),
            "*" => a.checked_mul(*b).map(Python::Int),
            "/" if *b != 0 => Some(Python::Float(*a as f64 / *b as f64)),
            // Python rounds down, and the remainder has the sign of the divisor.
            "//" => a
                .checked_div_euclid(*b)
                .map(|q| Python::Int(if *b < 0 && a.rem_euclid(*b) != 0 { q - 1 } else { q })),
            "%" => {
                a.checked_rem(*b).map(|r| Python::Int(if r != 0 && (r < 0) != (*b < 0) { r + b } else { r }))
            }
            "**" => match u32::try_from(*b) {
                Ok(exponent) => a.checked_pow(exponent).map(Python::Int),
                Err(_) => Some(Python::Float((*a as f64).powf(*b as f64))),
            },
            _ => None,
        },
        _ => {
            let number = |value: &Python| match value {
                Python::Int(value) => Some(*value as f64),
                Python::Float(value) => Some(*value),
                _ => None,
            };
            let (Some(a), Some(b)) = (number(left), number(right)) else {
                return Err(format!("`{operator}` is for numbers"));
            };
            Some(Python::Float(match operator {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                "/" => a / b,
                "//" => (a / b).floor(),
                "%" => a - b * (a / b).floor(),
                _ => a.powf(b),
            }))
        }
    };
    match value {
        Some(Python::Float(value)) if !value.is_finite() => Err("the result is no finite number".into()),
        Some(value) => Ok(value),
        None => Err("the result is no number, or too large".into()),
    }
}
