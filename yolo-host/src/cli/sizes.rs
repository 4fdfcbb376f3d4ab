//! `--imgsz`: one side or two, in the spellings that people use.

use anyhow::bail;

/// What one value of `--imgsz` says: one side, or height and width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides(Vec<usize>);

/// A side of the network's input.
pub fn pixels(text: &str) -> Result<usize, String> {
    let side = text.trim().parse().ok().filter(|side| (1..=16_384).contains(side));
    side.ok_or_else(|| "must be from 1 to 16384 pixels".to_string())
}

/// `640`, `640x480` or `640,480`.
pub fn sides(text: &str) -> Result<Sides, String> {
    let sides: Vec<usize> = text.split(['x', 'X', '×', ',']).map(pixels).collect::<Result<_, _>>()?;
    if sides.len() > 2 {
        return Err("one number, or height and width".into());
    }
    Ok(Sides(sides))
}

/// What is to be said where height and width were asked for that no model takes.
pub fn rounded(asked: [usize; 2], taken: [usize; 2]) -> Option<String> {
    let size = |[height, width]: [usize; 2]| format!("{height}×{width}");
    (asked != taken).then(|| {
        format!("size {} rounded up to {}, multiples of the largest stride", size(asked), size(taken))
    })
}

/// Height and width of all values together; none if there are no values.
pub fn pair(given: &[Sides]) -> anyhow::Result<Option<[usize; 2]>> {
    let all: Vec<usize> = given.iter().flat_map(|Sides(sides)| sides.clone()).collect();
    match all[..] {
        [] => Ok(None),
        [side] => Ok(Some([side; 2])),
        [height, width] => {
            // Written so, people mean width and height as often.
            if given.len() == 1 && height != width {
                eprintln!("note: --imgsz is read as height {height} and width {width}");
            }
            Ok(Some([height, width]))
        }
        _ => bail!("--imgsz takes one number, or height and width, not {} numbers", all.len()),
    }
}

/// The side of a square; none if there are no values.
pub fn square(given: &[Sides]) -> anyhow::Result<Option<usize>> {
    match pair(given)? {
        None => Ok(None),
        Some([height, width]) if height == width => Ok(Some(height)),
        Some(_) => bail!("--imgsz takes one number here: images are fitted by their longer side"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let given =
            |texts: &[&str]| -> Vec<Sides> { texts.iter().map(|text| sides(text).unwrap()).collect() };
        for texts in [&["640", "480"][..], &["640x480"], &["640,480"], &["640×480"], &["640, 480"]] {
            assert_eq!(pair(&given(texts)).unwrap(), Some([640, 480]), "{texts:?}");
            assert!(square(&given(texts)).is_err(), "{texts:?}");
        }
        assert_eq!(square(&given(&["640", "640"])).unwrap(), Some(640));
        assert_eq!(square(&given(&["320"])).unwrap(), Some(320));
        assert_eq!(pair(&[]).unwrap(), None);
        assert!(pair(&given(&["1x2", "3"])).is_err());
        for wrong in ["", "x", "ten", "1x2x3", "0", "640p", "-1", "1e3"] {
            assert!(sides(wrong).is_err(), "{wrong}");
        }
    }
}
