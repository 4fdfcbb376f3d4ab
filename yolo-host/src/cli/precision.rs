//! `--precision`: numbers and arithmetic of the network on the CPU.

use crate::exec::engine::{self, Engine};
use crate::exec::{Device, Images};
use crate::image::{Image, letterbox, sources};
use crate::model::{Model, State};
use anyhow::{Context, ensure};
use clap::ValueEnum;

/// Images that say enough about ranges.
const MOST: usize = 64;

/// Precision and arithmetic of convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Precision {
    /// 32-bit floating point
    F32,
    /// Factors of 16 bits (bfloat16), sums of 32
    Bf16,
    /// Factors of 8 bits, with ranges from the images of --calibrate
    Int8,
}

/// Precision and arithmetic of the network.
#[derive(clap::Args)]
pub struct PrecisionArgs {
    /// Precision and arithmetic of convolutions, on the CPU
    #[arg(long, value_enum, default_value = "f32")]
    precision: Precision,
    /// As --precision bf16
    #[arg(long, conflicts_with = "precision")]
    half: bool,
    /// Images of the kind that will come, for int8: a file, a folder or a glob; of more than 64 some, evenly
    #[arg(long, value_name = "SOURCE", required_if_eq("precision", "int8"))]
    calibrate: Option<String>,
}

impl PrecisionArgs {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self.precision {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
        }
    }

    /// Decides what --half means on a machine, and whether the arguments fit each other.
    pub fn settle(&mut self, device: Device) -> anyhow::Result<()> {
        if self.half {
            match device {
                Device::Cuda(_) => eprintln!("note: --half changes nothing on CUDA, which computes in TF32"),
                Device::Cpu | Device::CudaOnCpu => {
                    eprintln!("note: --half is bf16 on the CPU: factors of 16 bits, sums of 32");
                    self.precision = Precision::Bf16;
                }
            }
        }
        let fits = self.calibrate.is_none() || self.precision == Precision::Int8;
        ensure!(fits, "--calibrate is for --precision int8 only");
        Ok(())
    }

    /// What the engine takes; calibrated on images fitted into this height and width.
    pub fn precision(
        &self,
        model: &Model,
        state: &State,
        size: [usize; 2],
    ) -> anyhow::Result<engine::Precision> {
        match (self.precision, &self.calibrate) {
            (Precision::F32, _) => Ok(engine::Precision::F32),
            (Precision::Bf16, _) => Ok(engine::Precision::Bf16),
            (Precision::Int8, source) => {
                let source = source.as_deref().unwrap_or_default();
                calibrated(model, state, source, size).context("--calibrate")
            }
        }
    }
}

fn calibrated(
    model: &Model,
    state: &State,
    source: &str,
    [height, width]: [usize; 2],
) -> anyhow::Result<engine::Precision> {
    ensure!(model.spec.channels == 3, "images have 3 channels, but the model takes {}", model.spec.channels);
    let files = sources(source)?;
    let stride = model.detect.max_stride();
    let size = (height.next_multiple_of(stride), width.next_multiple_of(stride));
    let mut engine = Engine::new(&model.graph, state.clone(), &model.detect.outputs);
    let step = files.len().div_ceil(MOST);
    for file in files.iter().step_by(step) {
        let fitted = letterbox(&Image::read(file)?, size, true, true, stride).image;
        engine.calibrate(Images::Bytes(&fitted.rgb), [1, 3, fitted.height, fitted.width])?;
    }
    Ok(engine::Precision::Int8(engine.into_ranges()))
}
