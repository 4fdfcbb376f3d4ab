//! A trainer as a network in evaluation mode.

use super::Executor;
use crate::exec::primitive::from_rows;
use crate::exec::{Error, Images, Network};
use crate::graph::ValueId;
use crate::raw_map::RawMap;
use yolo_kernels::infer::from_bytes;

impl Executor<f32> {
    /// As [`Self::forward`], on images of bytes or numbers.
    pub fn forward_images(&mut self, images: Images, shape: [usize; 4], training: bool) -> Result<(), Error> {
        images.check(shape)?;
        self.pass(shape, &|y| fill(images, shape, y), training, true)
    }

    /// As [`Self::infer`], on images of bytes or numbers.
    pub fn infer_images(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error> {
        images.check(shape)?;
        self.pass(shape, &|y| fill(images, shape, y), false, false)
    }
}

/// The input of the first layer, channels-last: bytes lie so already.
fn fill(images: Images, shape: [usize; 4], y: &mut [f32]) {
    match images {
        Images::Bytes(bytes) => from_bytes(bytes, y),
        Images::Planes(planes) => from_rows(planes, &shape, y),
    }
}

impl Network for Executor<f32> {
    fn evaluate(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error> {
        self.infer_images(images, shape)
    }

    fn outputs(&self) -> Result<Vec<RawMap<'_>>, Error> {
        let map = |id: &ValueId| {
            let map = self.output(*id)?;
            let [batch, _, ny, nx] = map.shape[..] else { return None };
            Some(RawMap::new(&map.data, [batch, ny, nx]))
        };
        Ok(self.wanted().iter().filter_map(map).collect())
    }
}
