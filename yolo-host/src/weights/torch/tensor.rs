//! Copies a tensor, which may be any strided view of its storage, into row-major order.

use crate::weights::budget::Budget;
use crate::weights::pickle::{Storage, Tensor};
use crate::weights::{Array, ErrorKind};

/// The values of `tensor`, called `name`, from its `storage`'s bytes.
pub fn copy(name: &str, tensor: &Tensor, storage: &[u8], budget: &mut Budget) -> Result<Array, ErrorKind> {
    let Tensor { storage: Storage { element, len, .. }, offset, shape, strides } = tensor;
    let size = element.size();
    let need = (*len as u64).saturating_mul(size as u64);
    let Some(storage) = usize::try_from(need).ok().and_then(|need| storage.get(..need)) else {
        let what = format!("the storage of `{}`", name.escape_debug());
        return Err(ErrorKind::Truncated { what, need, have: storage.len() as u64 });
    };
    // An expanded tensor shows one element many times, so the storage does not bound the memory.
    let count = shape.iter().try_fold(1usize, |count, &n| count.checked_mul(n));
    let memory =
        count.and_then(|count| count.checked_mul(size + element.widened_size())).unwrap_or(usize::MAX);
    budget.take(memory, &format!("the shape {shape:?} of tensor `{}`", name.escape_debug()))?;
    if count == Some(0) {
        return Ok(Array { shape: shape.clone(), data: element.widen(&[], name)? });
    }
    let reach = |at: usize, (&n, &stride): (&usize, &usize)| at.checked_add((n - 1).checked_mul(stride)?);
    let last = shape.iter().zip(strides).try_fold(*offset, reach);
    if last.is_none_or(|last| last >= *len) {
        let view = format!("shape {shape:?} with strides {strides:?} at element {offset}");
        let what = format!("{view} leaves its storage of {len} elements");
        return Err(ErrorKind::TensorBounds { tensor: name.to_owned(), what });
    }
    let data = match storage.get(offset * size..).zip(contiguous(shape, strides)) {
        Some((bytes, count)) => element.widen(&bytes[..count * size], name)?,
        None => element.widen(&gather(tensor, storage, size), name)?,
    };
    Ok(Array { shape: shape.clone(), data })
}

/// The number of elements, if they lie in row-major order without gaps.
fn contiguous(shape: &[usize], strides: &[usize]) -> Option<usize> {
    let mut step = 1;
    for (&n, &stride) in shape.iter().zip(strides).rev() {
        if n != 1 && stride != step {
            return None;
        }
        step *= n;
    }
    Some(step)
}

/// The elements' bytes in row-major order. The view must lie within `storage` and have elements.
fn gather(tensor: &Tensor, storage: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut index = vec![0; tensor.shape.len()];
    let mut at = tensor.offset;
    'elements: loop {
        bytes.extend_from_slice(&storage[at * size..][..size]);
        // Counts the index up like an odometer: the last dimension turns fastest.
        for axis in (0..index.len()).rev() {
            if index[axis] + 1 < tensor.shape[axis] {
                index[axis] += 1;
                at += tensor.strides[axis];
                continue 'elements;
            }
            at -= index[axis] * tensor.strides[axis];
            index[axis] = 0;
        }
        return bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Data;
    use crate::weights::element::Element;

    /// A view of a storage of six elements.
    fn view(offset: usize, shape: &[usize], strides: &[usize]) -> Tensor<'static> {
        let storage = Storage { key: "0", element: Element::I16, len: 6 };
        Tensor { storage, offset, shape: shape.to_vec(), strides: strides.to_vec() }
    }

    /// Copies from the storage 0 1 2 3 4 5.
    fn copied(tensor: &Tensor) -> Result<Array, ErrorKind> {
        let storage: Vec<u8> = (0..6i16).flat_map(i16::to_le_bytes).collect();
        copy("w", tensor, &storage, &mut Budget::for_file(0))
    }

    #[test]
    fn views_of_every_kind() {
        let cases: [(Tensor, &[i64]); 10] = [
            (view(0, &[2, 3], &[3, 1]), &[0, 1, 2, 3, 4, 5]),
            (view(0, &[3, 2], &[1, 3]), &[0, 3, 1, 4, 2, 5]),
            (view(2, &[2], &[3]), &[2, 5]),
            (view(1, &[2, 2], &[0, 1]), &[1, 2, 1, 2]),
            (view(5, &[], &[]), &[5]),
            (view(0, &[1, 2, 1], &[99, 1, 99]), &[0, 1]),
            (view(0, &[2, 1, 2], &[1, 7, 2]), &[0, 2, 1, 3]),
            (view(99, &[3, 0], &[1, 1]), &[]),
            (view(4, &[3], &[0]), &[4, 4, 4]),
            (view(1, &[1, 2], &[usize::MAX, 3]), &[1, 4]),
        ];
        for (tensor, want) in cases {
            let want = Array { shape: tensor.shape.clone(), data: Data::I64(want.to_vec()) };
            assert_eq!(copied(&tensor).unwrap(), want, "{tensor:?}");
        }
    }

    #[test]
    fn views_that_leave_the_storage_are_refused() {
        let cases = [
            view(6, &[], &[]),
            view(1, &[2, 3], &[3, 1]),
            view(0, &[2], &[usize::MAX]),
            view(usize::MAX, &[2], &[1]),
            view(0, &[2, 2], &[usize::MAX / 2, usize::MAX / 2 + 2]),
        ];
        for tensor in cases {
            assert!(matches!(copied(&tensor), Err(ErrorKind::TensorBounds { .. })), "{tensor:?}");
        }
    }

    #[test]
    fn absurd_sizes_are_refused_before_any_memory_is_taken() {
        for tensor in [view(0, &[1 << 40], &[0]), view(0, &[usize::MAX, 2], &[0, 0])] {
            assert!(matches!(copied(&tensor), Err(ErrorKind::TooLarge(_))), "{tensor:?}");
        }
        let mut tensor = view(0, &[1], &[1]);
        tensor.storage.len = usize::MAX;
        assert!(matches!(copied(&tensor), Err(ErrorKind::Truncated { have: 12, .. })));
    }
}
