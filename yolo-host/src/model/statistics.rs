//! What `yolo info` tells of a model.

use super::{Error, Model};
use crate::graph::macs;
use serde::Serialize;

/// One row of the model, as the reference prints it.
#[derive(Clone, Debug, Serialize)]
pub struct LayerRow {
    /// Index of the row.
    pub index: usize,
    /// Layers that it reads.
    pub from: Vec<i64>,
    /// Repeats.
    pub number: usize,
    /// Trainable elements.
    pub parameters: usize,
    /// Name of the block.
    pub module: String,
    /// Arguments.
    pub arguments: String,
    /// Output `[batch, channels, height, width]` for the image size asked for; for Detect, of the last map.
    pub shape: Vec<usize>,
    /// Billions of floating-point operations.
    pub gflops: f64,
}

/// A model in figures.
#[derive(Clone, Debug, Serialize)]
pub struct Statistics {
    /// Number of YAML rows.
    pub layers: usize,
    /// Trainable elements.
    pub parameters: usize,
    /// Those that training changes.
    pub gradients: usize,
    /// Billions of floating-point operations of convolutions and linear maps for one image: exact, two for each
    /// multiply-accumulate.
    pub gflops: f64,
    /// Height and width of that image in pixels.
    pub imgsz: usize,
    /// Number of classes.
    pub classes: usize,
    /// Pixels of one cell of each output.
    pub strides: Vec<f32>,
    /// One for each YAML row.
    pub rows: Vec<LayerRow>,
}

impl Model {
    /// Figures for a square image of `imgsz` pixels.
    pub fn statistics(&self, imgsz: usize) -> Result<Statistics, Error> {
        self.check_size(imgsz, imgsz)?;
        let input = [1, self.spec.channels, imgsz, imgsz];
        let fits = |source| Error::Size { file: self.spec.file.clone(), height: imgsz, width: imgsz, source };
        let shapes = self.graph.shapes(&input).map_err(fits)?;
        let macs = macs(&self.graph, &input).map_err(fits)?;
        let gflops = |macs: u64| 2e-9 * macs as f64;
        let rows = self.layers.iter().enumerate().map(|(index, layer)| LayerRow {
            index,
            from: layer.from.clone(),
            number: layer.number,
            parameters: self.graph.parameters(Some(index)),
            module: layer.block.clone(),
            arguments: layer.args.clone(),
            shape: shapes[layer.output.0].clone(),
            gflops: gflops(macs.get(index).copied().unwrap_or(0)),
        });
        let parameters = self.graph.parameters(None);
        Ok(Statistics {
            layers: self.layers.len(),
            parameters,
            gradients: parameters,
            gflops: gflops(macs.iter().sum()),
            imgsz,
            classes: self.spec.nc,
            strides: self.detect.strides.clone(),
            rows: rows.collect(),
        })
    }
}
