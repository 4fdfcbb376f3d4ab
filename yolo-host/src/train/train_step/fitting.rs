//! How many images a GPU can learn from at once (upstream's `--batch-size -1`): batches are tried until one is too large.

use super::Options;
use crate::exec::candle::Executor;
use crate::exec::{Error, Precision};
use crate::graph::ValueId;
use crate::model::{Model, State};
use candle_core::{Device as CandleDevice, Tensor};

/// Of the largest batch that fits: the optimiser, averages and other programs need some, too.
const SHARE: f64 = 0.9;
/// Batches from which on no step gets faster for an image.
const MOST: usize = 1024;

/// The batch for these options, of at most so many images.
pub(super) fn largest_batch(
    options: &Options,
    model: &Model,
    state: &State,
    images: usize,
) -> Result<usize, Error> {
    let most = images.clamp(1, MOST);
    let (device, side) = (options.device.candle()?, options.imgsz);
    let shape = |batch| [batch, model.spec.channels, side, side];
    let largest = largest(most, |batch| match learn(options, model, state, &device, shape(batch)) {
        Ok(()) => Ok(true),
        Err(error) if is_memory(&error) => Ok(false),
        Err(error) => Err(error),
    })?;
    Ok(if largest < most { ((largest as f64 * SHARE) as usize).max(1) } else { most })
}

/// The largest number up to `most` that `fits`, by doubling and halving, or 1.
fn largest<E>(most: usize, mut fits: impl FnMut(usize) -> Result<bool, E>) -> Result<usize, E> {
    let (mut good, mut bad) = (1, most + 1);
    let mut next = 2;
    while good + 1 < bad {
        match fits(next.min(most))? {
            true => good = next.min(most),
            false => bad = next.min(most),
        }
        // Within a tenth is near enough.
        if bad <= most && (bad - good) * 10 <= good {
            break;
        }
        next = if bad > most { 2 * good } else { good.midpoint(bad) };
    }
    Ok(good)
}

/// One batch forward and back, and one of validation, which is twice as large.
fn learn(
    options: &Options,
    model: &Model,
    state: &State,
    device: &CandleDevice,
    [batch, channels, height, width]: [usize; 4],
) -> Result<(), Error> {
    let precision = if options.amp { Precision::Bf16 } else { Precision::Tf32 };
    let mut executor = Executor::new(&model.graph, state, &model.detect.outputs, device, precision)?;
    let images = |batch: usize| {
        executor.to_device(&vec![0.5; batch * channels * height * width], &[batch, channels, height, width])
    };
    let (few, many) = (images(batch)?, images(2 * batch)?);
    executor.forward(&few, true)?;
    let given = |id: &ValueId| executor.output(*id).map(|output| (*id, output.zeros_like()));
    let given: Vec<(ValueId, Tensor)> = executor
        .wanted()
        .iter()
        .filter_map(given)
        .map(|(id, grad)| grad.map(|grad| (id, grad)))
        .collect::<candle_core::Result<_>>()
        .map_err(|source| executor.failed("the gradients of the maps", source))?;
    executor.backward(&given)?;
    executor.infer(&many)?;
    device.synchronize().map_err(|source| executor.failed("waiting for a batch", source))
}

/// Whether it says, or what it comes from, that memory is missing.
fn is_memory(error: &Error) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let text = error.to_string().to_lowercase();
        if ["out of memory", "out_of_memory", "alloc_failed"].iter().any(|sign| text.contains(sign)) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_found_to_a_tenth() {
        for limit in [1, 2, 3, 16, 17, 100, 1000] {
            let mut tried = vec![];
            let found = largest(1024, |batch| {
                tried.push(batch);
                Ok::<bool, ()>(batch <= limit)
            });
            let found = found.unwrap();
            assert!(found <= limit && found * 10 >= limit * 9, "{found} of {limit}");
            assert!(tried.len() <= 16, "{tried:?}");
        }
        assert_eq!(largest(7, |_| Ok::<bool, ()>(true)), Ok(7));
        assert_eq!(largest(1, |_| Err(())), Ok(1));
        assert_eq!(largest(4, |_| Err("broken")), Err("broken"));
    }

    #[test]
    fn missing_memory_is_known_by_its_text() {
        let error = |text: &str| Error::Update { what: "a pass", device: "CUDA", source: text.into() };
        assert!(is_memory(&error("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")")));
        assert!(is_memory(&error("CUDNN_STATUS_ALLOC_FAILED")));
        assert!(!is_memory(&error("CUDA_ERROR_ILLEGAL_ADDRESS")));
    }
}
