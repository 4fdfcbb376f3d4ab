//! All the unknown classes of a pickle, for one error that names them.

use super::global::Global;
use super::op::{Op, Reader};
use crate::weights::ErrorKind;

/// So many classes are named.
const SHOWN: usize = 12;

/// The error of a pickle that names unknown classes, with those that follow the first. A name that no model has wins.
pub fn survey(bytes: &[u8], start: usize, mut classes: Vec<String>) -> ErrorKind {
    let mut reader = Reader::new(bytes, start);
    while let Ok(op) = reader.op() {
        match op {
            Op::Stop => break,
            Op::Global(module, name) | Op::CallMark(module, name) => match Global::find(module, name) {
                Err(ErrorKind::Unknown { classes: more }) => {
                    classes.extend(
                        more.into_iter().filter(|class| !classes.contains(class)).collect::<Vec<_>>(),
                    );
                }
                Err(error @ ErrorKind::ForbiddenClass { .. }) => return error,
                _ => {}
            },
            _ => {}
        }
        if classes.len() > SHOWN {
            classes[SHOWN] = "…".to_owned();
            break;
        }
    }
    ErrorKind::Unknown { classes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_unknown_classes_are_named_but_an_attack_is_an_attack() {
        let named = b"cmodels.a\nOne\ncmodels.yolo\nModel\ncmodels.b\nTwo\ncmodels.a\nOne\n.";
        let told = survey(named, 0, vec![]).to_string();
        assert!(told.contains("models.a.One, models.b.Two;"), "{told}");
        let attack = b"cmodels.a\nOne\ncos\nsystem\n.";
        assert!(
            matches!(survey(attack, 0, vec![]), ErrorKind::ForbiddenClass { class } if class == "os.system")
        );
        let many: Vec<u8> = (0..99).flat_map(|i| format!("cmodels.a\nC{i}\n").into_bytes()).collect();
        assert!(survey(&many, 0, vec![]).to_string().contains("models.a.C11, …;"));
    }
}
