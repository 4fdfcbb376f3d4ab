//! A trainer as a network in evaluation mode.

use super::{Executor, transfer};
use crate::exec::{Error, Images, Network};
use crate::raw_map::RawMap;
use candle_core::{DType, Tensor};

impl Executor {
    /// Images on the device, `[batch, channels, height, width]`. Bytes travel as they are, and are divided by 255 and turned
    /// there.
    ///
    /// Fails if they do not have this shape, or the device does not take them.
    pub fn images(&self, images: Images, shape: [usize; 4]) -> Result<Tensor, Error> {
        images.check(shape)?;
        let bytes = match images {
            Images::Planes(planes) => return self.to_device(planes, &shape),
            Images::Bytes(bytes) => bytes,
        };
        let [batch, channels, height, width] = shape;
        let turned = || {
            let bytes = Tensor::from_slice(bytes, (batch, height, width, channels), self.device())?;
            // A division: to multiply by 1/255 would round otherwise than the CPU's kernels and PyTorch do.
            let most = Tensor::new(255f32, self.device())?;
            bytes.to_dtype(DType::F32)?.broadcast_div(&most)?.permute((0, 3, 1, 2))
        };
        turned().map_err(|source| transfer(self.device(), source))
    }
}

impl Network for Executor {
    fn evaluate(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error> {
        let images = self.images(images, shape)?;
        self.infer(&images)
    }

    fn outputs(&self) -> Result<Vec<RawMap<'_>>, Error> {
        let map = |map: &Tensor| {
            let (batch, _, ny, nx) = map.dims4()?;
            let values: Vec<f32> =
                map.permute((0, 2, 3, 1))?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            Ok(RawMap::new(values, [batch, ny, nx]))
        };
        let maps = self.wanted().iter().filter_map(|id| self.output(*id)).map(map);
        maps.collect::<candle_core::Result<_>>().map_err(|source| transfer(self.device(), source))
    }
}
