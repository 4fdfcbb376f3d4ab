//! The rules of shape inference: an output shape from input shapes, or why they do not fit. Which operation follows which rule
//! stands with the operations.

use super::{Op, Param};

/// No tensor may have more elements; a model that asks for more is a mistake or an attack.
pub(super) const MAX_ELEMENTS: usize = 1 << 31;

/// Input shapes that an operation cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{op}: {why} (input {})", list(shapes))]
pub struct ShapeError {
    /// The operation.
    pub op: &'static str,
    /// What does not fit.
    pub why: String,
    /// The input shapes.
    pub shapes: Vec<Vec<usize>>,
}

fn list(shapes: &[Vec<usize>]) -> String {
    let shapes: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
    shapes.join(" and ")
}

/// The output shape of `op` for these inputs.
pub fn infer(op: &Op, inputs: &[&[usize]], params: &[Param]) -> Result<Vec<usize>, ShapeError> {
    op.output(inputs, params).and_then(check_size).map_err(|why| ShapeError {
        op: op.name(),
        why,
        shapes: inputs.iter().map(|shape| shape.to_vec()).collect(),
    })
}

/// Of a map that needs so many channels, and keeps its shape.
pub(super) fn of_channels(x: &[usize], expected: usize) -> Result<Vec<usize>, String> {
    match map(x)? {
        [_, channels, _, _] if channels == expected => Ok(x.to_vec()),
        _ => Err(format!("needs {expected} channels")),
    }
}

pub(super) fn linear(x: &[usize], weight: &[usize]) -> Result<Vec<usize>, String> {
    let &[out, features] = weight else {
        return Err("needs a matrix".into());
    };
    match x {
        [batch @ .., last] if !batch.is_empty() && *last == features => Ok([batch, &[out]].concat()),
        _ => Err(format!("needs {features} features in the last axis")),
    }
}

pub(super) fn space_to_depth([n, c, h, w]: [usize; 4], size: usize) -> Result<Vec<usize>, String> {
    if !divides(size, h) || !divides(size, w) {
        return Err(format!("height and width must be multiples of {size}"));
    }
    Ok(vec![n, product(&[c, size, size])?, h / size, w / size])
}

pub(super) fn depth_to_space([n, c, h, w]: [usize; 4], size: usize) -> Result<Vec<usize>, String> {
    let square = product(&[size, size])?;
    if !divides(square, c) {
        return Err(format!("channels must be a multiple of {square}"));
    }
    Ok(vec![n, c / square, product(&[h, size])?, product(&[w, size])?])
}

pub(super) fn transpose(x: &[usize], a: usize, b: usize) -> Result<Vec<usize>, String> {
    if a >= x.len() || b >= x.len() {
        return Err(format!("there are no axes {a} and {b}"));
    }
    let mut shape = x.to_vec();
    shape.swap(a, b);
    Ok(shape)
}

pub(super) fn concat(inputs: &[&[usize]], axis: usize) -> Result<Vec<usize>, String> {
    let Some((first, rest)) = inputs.split_first() else {
        return Err("needs an input".into());
    };
    if axis >= first.len() {
        return Err(format!("there is no axis {axis}"));
    }
    let mut shape = first.to_vec();
    for other in rest {
        let fits = other.len() == first.len() && (0..first.len()).all(|i| i == axis || other[i] == first[i]);
        if !fits {
            return Err(format!("sizes must be equal but for axis {axis}"));
        }
        shape[axis] = sum(&[shape[axis], other[axis]])?;
    }
    Ok(shape)
}

pub(super) fn slice(x: &[usize], axis: usize, start: usize, length: usize) -> Result<Vec<usize>, String> {
    let end = sum(&[start, length])?;
    match x.get(axis) {
        Some(&size) if end <= size && length > 0 => {
            let mut shape = x.to_vec();
            shape[axis] = length;
            Ok(shape)
        }
        _ => Err(format!("there are no elements {start} to {end} of axis {axis}")),
    }
}

pub(super) fn broadcast([a, b]: [&[usize]; 2]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let size = |x: &[usize], i: usize| (i + x.len()).checked_sub(rank).map_or(1, |i| x[i]);
    (0..rank)
        .map(|i| match (size(a, i), size(b, i)) {
            (p, q) if p == q || q == 1 => Ok(p),
            (1, q) => Ok(q),
            _ => Err("sizes must be equal, or 1 to be repeated".to_string()),
        })
        .collect()
}

pub(super) fn matmul([a, b]: [&[usize]; 2]) -> Result<Vec<usize>, String> {
    match (a, b) {
        ([batch @ .., m, k], [other @ .., k2, n]) if k == k2 && (other.is_empty() || other == batch) => {
            Ok([batch, &[*m, *n]].concat())
        }
        _ => Err("columns of the first must equal rows of the second, with the same batch or none".into()),
    }
}

pub(super) fn unflatten_like([x, like]: [&[usize]; 2]) -> Result<Vec<usize>, String> {
    let [_, _, h, w] = map(like)?;
    match x {
        [n, c, pixels] if *pixels == product(&[h, w])? => Ok(vec![*n, *c, h, w]),
        _ => Err(format!("needs [batch, channels, {h}·{w}]")),
    }
}

pub(super) fn reshape(spec: &[i64], x: &[usize]) -> Result<Vec<usize>, String> {
    let elements = product(x)?;
    let mut shape = Vec::with_capacity(spec.len());
    let mut left = None;
    for (i, &size) in spec.iter().enumerate() {
        match size {
            0 => shape.push(*x.get(i).ok_or_else(|| format!("there is no axis {i} to keep"))?),
            -1 if left.is_none() => {
                left = Some(i);
                shape.push(1);
            }
            1.. => shape.push(usize::try_from(size).map_err(|_| "size is too large".to_string())?),
            _ => return Err(format!("{size} is not a size here")),
        }
    }
    let known = product(&shape)?;
    if let Some(i) = left
        && divides(known, elements)
    {
        shape[i] = elements / known;
    }
    if product(&shape)? == elements {
        Ok(shape)
    } else {
        Err(format!("{elements} elements do not fit {spec:?}"))
    }
}

pub(super) fn map(x: &[usize]) -> Result<[usize; 4], String> {
    x.try_into().map_err(|_| "needs [batch, channels, height, width]".to_string())
}

pub(super) fn two<'a>(inputs: &[&'a [usize]]) -> Result<[&'a [usize]; 2], String> {
    inputs.try_into().map_err(|_| format!("takes two inputs, not {}", inputs.len()))
}

pub(super) fn divides(divisor: usize, x: usize) -> bool {
    divisor > 0 && x.is_multiple_of(divisor)
}

pub(super) fn product(sizes: &[usize]) -> Result<usize, String> {
    sizes.iter().try_fold(1usize, |a, &b| a.checked_mul(b)).ok_or_else(|| "size is too large".to_string())
}

pub(super) fn sum(sizes: &[usize]) -> Result<usize, String> {
    sizes.iter().try_fold(0usize, |a, &b| a.checked_add(b)).ok_or_else(|| "size is too large".to_string())
}

/// The shape, unless it has no or too many elements.
pub(crate) fn check_size(shape: Vec<usize>) -> Result<Vec<usize>, String> {
    if shape.contains(&0) {
        return Err(format!("the output {shape:?} is empty"));
    }
    match product(&shape) {
        Ok(elements) if elements <= MAX_ELEMENTS => Ok(shape),
        _ => Err(format!("the output {shape:?} is larger than {MAX_ELEMENTS} elements")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_keeps_and_fills() {
        assert_eq!(reshape(&[0, 0, -1], &[2, 8, 3, 5]), Ok(vec![2, 8, 15]));
        assert_eq!(reshape(&[0, 0, 4, 2], &[2, 15, 8]), Ok(vec![2, 15, 4, 2]));
        assert!(reshape(&[0, -1, -1], &[2, 8, 3]).is_err());
        assert!(reshape(&[0, 7], &[2, 8, 3]).is_err());
    }

    #[test]
    fn errors_name_both_shapes() {
        let error = infer(&Op::Concat { axis: 1 }, &[&[1, 8, 4, 4], &[1, 8, 2, 2]], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "concat: sizes must be equal but for axis 1 (input [1, 8, 4, 4] and [1, 8, 2, 2])"
        );
    }
}
