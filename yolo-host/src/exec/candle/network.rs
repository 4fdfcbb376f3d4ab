//! A trainer as a network in evaluation mode.

use super::{Executor, transfer};
use crate::exec::{Error, Network, OutputMap};
use candle_core::{DType, Tensor};
use std::borrow::Cow;

impl Network for Executor {
    fn evaluate(&mut self, images: &[f32], shape: [usize; 4]) -> Result<(), Error> {
        let images = self.to_device(images, &shape)?;
        self.infer(&images)
    }

    fn outputs(&self) -> Result<Vec<OutputMap<'_>>, Error> {
        let map = |map: &Tensor| {
            let (batch, _, ny, nx) = map.dims4()?;
            let values = map.permute((0, 2, 3, 1))?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            Ok(OutputMap { values: Cow::Owned(values), batch, ny, nx })
        };
        let maps = self.wanted().iter().filter_map(|id| self.output(*id)).map(map);
        maps.collect::<candle_core::Result<_>>().map_err(|source| transfer(self.device(), source))
    }
}
