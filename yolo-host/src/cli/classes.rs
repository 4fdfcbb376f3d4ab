//! `--classes`: by number or by name.

use crate::near::near;
use anyhow::bail;

/// The numbers that were given, or whose names were.
pub fn numbers(given: &[String], names: &[String]) -> anyhow::Result<Vec<usize>> {
    let mut found = vec![];
    for value in given {
        match number(value, names) {
            Some(class) => found.push(class),
            None if value.contains(',') => {
                let parts: Vec<String> = value.split(',').map(|part| part.trim().to_string()).collect();
                found.extend(numbers(&parts, names)?);
            }
            None if value.parse::<i64>().is_ok() => {
                bail!("--classes {value}: the model has classes 0 to {}", names.len().saturating_sub(1))
            }
            None => {
                let near = near(value, names.iter().map(String::as_str));
                let (which, shown) = match near.is_empty() {
                    true => ("it has", names.iter().take(10).map(String::as_str).collect()),
                    false => ("near it are", near),
                };
                let more = if which == "it has" && names.len() > 10 { ", …" } else { "" };
                bail!("--classes {value}: the model has no such class; {which}: {}{more}", shown.join(", "))
            }
        }
    }
    Ok(found)
}

fn number(value: &str, names: &[String]) -> Option<usize> {
    let by_number = value.parse().ok().filter(|class| *class < names.len());
    let exact = || names.iter().position(|name| name == value);
    let loose = || names.iter().position(|name| name.to_lowercase() == value.to_lowercase());
    by_number.or_else(exact).or_else(loose)
}
