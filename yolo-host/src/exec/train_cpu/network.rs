//! A trainer as a network in evaluation mode.

use super::Executor;
use crate::exec::{Error, Network, OutputMap};
use crate::graph::ValueId;
use std::borrow::Cow;

impl Network for Executor<f32> {
    fn evaluate(&mut self, images: &[f32], shape: [usize; 4]) -> Result<(), Error> {
        self.infer(images, shape)
    }

    fn outputs(&self) -> Result<Vec<OutputMap<'_>>, Error> {
        let map = |id: &ValueId| {
            let map = self.output(*id)?;
            let [batch, _, ny, nx] = map.shape[..] else { return None };
            Some(OutputMap { values: Cow::Borrowed(&map.data), batch, ny, nx })
        };
        Ok(self.wanted().iter().filter_map(map).collect())
    }
}
