//! The shape rules of convolution and pooling: how many positions a window has.

use super::shape::{MAX_ELEMENTS, product, sum};
use super::{ConvSpec, Pool, PoolSpec};

pub(super) fn conv2d(
    spec: &ConvSpec,
    weight: &[usize],
    [n, c, h, w]: [usize; 4],
) -> Result<Vec<usize>, String> {
    let expected = weight.get(1).map(|per_group| per_group * spec.groups);
    if expected != Some(c) {
        return Err(format!(
            "its weight {weight:?} in {} groups needs {} channels",
            spec.groups,
            expected.unwrap_or(0)
        ));
    }
    let side = |axis: usize, size| {
        window(size, spec.kernel[axis], spec.stride[axis], spec.padding[axis], spec.dilation[axis], false)
    };
    let sides = [side(0, h)?, side(1, w)?];
    bordered([n, c, h, w], spec.padding)?;
    Ok(vec![n, spec.out_channels, sides[0], sides[1]])
}

pub(super) fn pool2d(kind: Pool, spec: &PoolSpec, [n, c, h, w]: [usize; 4]) -> Result<Vec<usize>, String> {
    let ceil = spec.ceil_mode != 0;
    if kind == Pool::Average && (ceil || spec.dilation != [1, 1]) {
        return Err("an average takes neither ceil_mode nor dilation".into());
    }
    let side = |axis: usize, size| {
        if spec.padding[axis] > spec.kernel[axis] / 2 {
            return Err(format!(
                "padding {} is more than half of the kernel {}",
                spec.padding[axis], spec.kernel[axis]
            ));
        }
        window(size, spec.kernel[axis], spec.stride[axis], spec.padding[axis], spec.dilation[axis], ceil)
    };
    let sides = [side(0, h)?, side(1, w)?];
    bordered([n, c, h, w], spec.padding)?;
    Ok(vec![n, c, sides[0], sides[1]])
}

/// Engines may put the border round the input first, and the larger tensor must be one that they can hold.
fn bordered([n, c, h, w]: [usize; 4], [top, left]: [usize; 2]) -> Result<(), String> {
    let shape = [n, c, sum(&[h, top, top])?, sum(&[w, left, left])?];
    match product(&shape) {
        Ok(elements) if elements <= MAX_ELEMENTS => Ok(()),
        _ => Err(format!("the input with its border {shape:?} is larger than {MAX_ELEMENTS} elements")),
    }
}

/// Number of positions of a window along one axis.
fn window(
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    ceil: bool,
) -> Result<usize, String> {
    if kernel == 0 || stride == 0 || dilation == 0 {
        return Err("kernel, stride and dilation must be at least 1".into());
    }
    let reach = sum(&[product(&[dilation, kernel - 1])?, 1])?;
    let padded = sum(&[size, padding, padding])?;
    let Some(room) = padded.checked_sub(reach) else {
        return Err(format!("a window of {reach} does not fit into {size} with padding {padding}"));
    };
    let positions = room / stride + 1;
    // As in PyTorch: a last window that starts inside the input or its left border counts, one beyond it does not.
    if ceil && !room.is_multiple_of(stride) && positions * stride < size + padding {
        return Ok(positions + 1);
    }
    Ok(positions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_count_as_in_pytorch() {
        // (size, kernel, stride, padding, dilation, ceil) → torch.nn.functional.max_pool2d / conv2d
        let cases = [
            ((640, 6, 2, 2, 1, false), 320),
            ((7, 3, 2, 1, 1, false), 4),
            ((6, 3, 2, 1, 1, false), 3),
            ((5, 2, 2, 0, 1, true), 3),
            ((5, 2, 3, 1, 1, true), 2),
            ((4, 1, 3, 0, 1, true), 2),
            ((3, 2, 4, 1, 1, true), 1),
            ((9, 3, 1, 2, 2, false), 9),
        ];
        for ((size, kernel, stride, padding, dilation, ceil), expected) in cases {
            assert_eq!(window(size, kernel, stride, padding, dilation, ceil), Ok(expected), "size {size}");
        }
        assert!(window(2, 5, 1, 0, 1, false).is_err());
    }
}
