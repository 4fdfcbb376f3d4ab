//! `--precision`: numbers and arithmetic of the network on the CPU.

use crate::exec::engine::{Engine, Ranges};
use crate::exec::{self, Device, Images, Precision};
use crate::image::{Image, letterbox, sources};
use crate::model::{Model, State};
use anyhow::{Context, ensure};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use yolo_kernels::base::{Numbers, has_instructions};

/// Images that say enough about ranges.
const MOST: usize = 64;

impl ValueEnum for Precision {
    fn value_variants<'a>() -> &'a [Self] {
        &Engine::PRECISIONS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Precision::F64 | Precision::Tf32 => return None,
            Precision::F32 => "32-bit floating point",
            Precision::Bf16 => "Factors of 16 bits (bfloat16), sums of 32",
            Precision::Fp16 => "Factors and sums of 16 bits (IEEE), for ARM with fp16 arithmetic",
            Precision::Int8 => "Factors of 8 bits, with ranges from the images of --calibrate",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

/// Precision and arithmetic of the network.
#[derive(clap::Args)]
pub struct PrecisionArgs {
    /// Precision and arithmetic of convolutions, on the CPU
    #[arg(long, value_enum, default_value = "f32")]
    precision: Precision,
    /// The 16 bits that this processor multiplies fastest: as --precision bf16, or fp16 where it has instructions for that alone
    #[arg(long, conflicts_with = "precision")]
    half: bool,
    /// Images of the kind that will come, for int8: a file, a folder or a glob; of more than 64 some, evenly
    #[arg(long, value_name = "SOURCE", required_if_eq("precision", "int8"))]
    calibrate: Option<String>,
}

impl PrecisionArgs {
    /// What the network is computed in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Decides what --half means on a machine, and whether the arguments fit each other.
    pub fn settle(&mut self, device: Device) -> anyhow::Result<()> {
        if self.half {
            match device {
                Device::Cuda(_) => eprintln!("note: --half changes nothing on CUDA, which computes in TF32"),
                Device::Cpu | Device::CudaOnCpu => {
                    let fp16 = has_instructions(Numbers::Fp16) && !has_instructions(Numbers::Bf16);
                    self.precision = if fp16 { Precision::Fp16 } else { Precision::Bf16 };
                    match fp16 {
                        true => {
                            eprintln!("note: --half is fp16 on this processor: factors and sums of 16 bits")
                        }
                        false => eprintln!("note: --half is bf16 on the CPU: factors of 16 bits, sums of 32"),
                    }
                }
            }
        }
        if device == Device::Cpu && self.precision == Precision::Fp16 && !has_instructions(Numbers::Fp16) {
            eprintln!("note: this processor has no arithmetic in fp16, which will be slower than f32");
        }
        let fits = self.calibrate.is_none() || self.precision == Precision::Int8;
        ensure!(fits, "--calibrate is for --precision int8 only");
        Ok(())
    }

    /// The ranges that int8 needs, calibrated on images fitted into this height and width; for another precision none.
    pub fn ranges(&self, model: &Model, state: &State, size: [usize; 2]) -> anyhow::Result<Ranges> {
        match self.precision {
            Precision::Int8 => {
                let source = self.calibrate.as_deref().unwrap_or_default();
                calibrated(model, state, source, size).context("--calibrate")
            }
            Precision::F64 | Precision::F32 | Precision::Tf32 | Precision::Bf16 | Precision::Fp16 => {
                Ok(Ranges::default())
            }
        }
    }
}

fn calibrated(model: &Model, state: &State, source: &str, size: [usize; 2]) -> anyhow::Result<Ranges> {
    let mut engine = Engine::new(&model.graph, state.clone(), &model.detect.outputs);
    calibration_images(model, source, size, |images, shape| engine.calibrate(images, shape))?;
    Ok(engine.into_ranges())
}

/// The images of --calibrate, one by one, fitted into this height and width.
pub fn calibration_images(
    model: &Model,
    source: &str,
    [height, width]: [usize; 2],
    mut each: impl FnMut(Images, [usize; 4]) -> Result<(), exec::Error>,
) -> anyhow::Result<()> {
    ensure!(model.spec.channels == 3, "images have 3 channels, but the model takes {}", model.spec.channels);
    let files = sources(source)?;
    let stride = model.detect.max_stride();
    let size = (height.next_multiple_of(stride), width.next_multiple_of(stride));
    let step = files.len().div_ceil(MOST);
    for file in files.iter().step_by(step) {
        let fitted = letterbox(&Image::read(file)?, size, true, true, stride).image;
        each(Images::Bytes(&fitted.rgb), [1, 3, fitted.height, fitted.width])?;
    }
    Ok(())
}
