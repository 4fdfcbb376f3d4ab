//! Other runtimes, for the suites and benchmarks of exported files: ONNX Runtime, OpenVINO and ncnn in a Python beside the suite
//! (`YOLO_PYTHON`, or the oracle's environment), and rten, which is built with it and runs everywhere.

use crate::{exact, root};
use rten::{ModelOptions, OpRegistry};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use serde_json::{Value, json};
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use yolo_host::exec::{Error, Images, Network};
use yolo_host::raw_map::RawMap;

/// Shape and values of a tensor, row-major.
pub type Output = (Vec<usize>, Vec<f32>);

/// A program that runs files of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Microsoft's, for ONNX.
    OnnxRuntime,
    /// Intel's, which reads ONNX.
    OpenVino,
    /// Tencent's, for .param and .bin.
    Ncnn,
}

impl Runtime {
    /// All of them.
    pub const ALL: [Runtime; 3] = [Runtime::OnnxRuntime, Runtime::OpenVino, Runtime::Ncnn];

    /// The Python package.
    pub fn name(self) -> &'static str {
        match self {
            Runtime::OnnxRuntime => "onnxruntime",
            Runtime::OpenVino => "openvino",
            Runtime::Ncnn => "ncnn",
        }
    }
}

/// The Python with other runtimes.
pub fn python() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let oracle = home.join(".cache/yolo-oracle/venv/bin/python");
    std::env::var_os("YOLO_PYTHON").map_or(oracle, PathBuf::from)
}

/// A running Python with one file loaded.
#[derive(Debug)]
pub struct Runner {
    runtime: Runtime,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    outputs: Vec<Output>,
}

impl Runner {
    /// Starts a runtime; without it says so. A test passes then.
    pub fn start(runtime: Runtime) -> Option<Self> {
        let script = root().join("tests/src/runtimes.py");
        let mut python = Command::new(python());
        let started = python.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let runner = started.ok().and_then(|mut process| {
            let (input, output) = (process.stdin.take()?, BufReader::new(process.stdout.take()?));
            Some(Runner { runtime, process, input, output, outputs: vec![] })
        });
        let installed = runner.and_then(|mut runner| {
            let installed = runner.answer().ok()?;
            installed.as_array()?.iter().any(|name| name == runtime.name()).then_some(runner)
        });
        if installed.is_none() {
            eprintln!("SKIPPED: no Python with {} (YOLO_PYTHON)", runtime.name());
        }
        installed
    }

    /// Its runtime's name.
    pub fn name(&self) -> &'static str {
        self.runtime.name()
    }

    /// Reads a file in the place of the one before.
    pub fn load(&mut self, file: &Path, threads: usize) -> Result<(), String> {
        self.ask(&json!({"load": file, "runtime": self.runtime.name(), "threads": threads}), &[]).map(drop)
    }

    /// The outputs for images `[batch, channels, height, width]`.
    pub fn run(&mut self, images: &[f32], shape: [usize; 4]) -> Result<&[Output], String> {
        let raw: Vec<u8> = images.iter().flat_map(|value| value.to_le_bytes()).collect();
        let shapes = self.ask(&json!({"run": shape}), &raw)?;
        let shapes: Vec<Vec<usize>> = serde_json::from_value(shapes).map_err(told)?;
        self.outputs.clear();
        for shape in shapes {
            let mut raw = vec![0; 4 * shape.iter().product::<usize>()];
            self.output.read_exact(&mut raw).map_err(told)?;
            let values = raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            self.outputs.push((shape, values.collect()));
        }
        Ok(&self.outputs)
    }

    fn ask(&mut self, command: &Value, raw: &[u8]) -> Result<Value, String> {
        let mut send = || {
            writeln!(self.input, "{command}")?;
            self.input.write_all(raw)?;
            self.input.flush()
        };
        send().map_err(told)?;
        let answer = self.answer()?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_string()),
            None => Ok(answer),
        }
    }

    fn answer(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(told)?;
        serde_json::from_str(&line).map_err(told)
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A file of raw maps as a network of ours: validation and detection then run through another runtime.
impl Network for Runner {
    fn evaluate(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error> {
        let [batch, channels, height, width] = shape;
        let planes = match images {
            Images::Planes(planes) => planes.to_vec(),
            Images::Bytes(bytes) => {
                let plane = |image: usize, channel: usize| {
                    let pixels = bytes[image * channels * height * width..].iter();
                    pixels.skip(channel).step_by(channels).take(height * width)
                };
                let all = (0..batch).flat_map(|image| (0..channels).map(move |channel| (image, channel)));
                all.flat_map(|(image, channel)| plane(image, channel))
                    .map(|byte| f32::from(*byte) / 255.0)
                    .collect()
            }
        };
        self.run(&planes, shape).map(drop).unwrap_or_else(|error| panic!("{}: {error}", self.runtime.name()));
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<RawMap<'_>>, Error> {
        let map = |(shape, values): &Output| {
            let [batch, _, ny, nx] = shape[..] else { panic!("{shape:?} is no map") };
            RawMap::new(channels_last(values, shape), [batch, ny, nx])
        };
        Ok(self.outputs.iter().map(map).collect())
    }
}

/// What rten makes of a file.
pub fn rten(file: Vec<u8>, images: &[f32], shape: [usize; 4]) -> Result<Vec<Output>, String> {
    let mut options = ModelOptions::with_ops(OpRegistry::with_all_ops());
    let model = options.enable_optimization(false).load(file).map_err(told)?;
    let input = *model.input_ids().first().ok_or("no input")?;
    let images: Tensor<f32> = NdTensor::from_data(shape, images.to_vec()).into_dyn();
    let outputs = model.run(vec![(input, images.into())], model.output_ids(), None).map_err(told)?;
    let tensor = |value: rten::Value| {
        let tensor: Tensor<f32> = value.try_into().map_err(|_| "an output is no floats")?;
        Ok((tensor.shape().to_vec(), tensor.to_vec()))
    };
    outputs.into_iter().map(tensor).collect()
}

/// What is wrong with another runtime's outputs, if something is; `most` is the largest difference as a share of the largest number.
pub fn difference(exact: &[exact::Output], theirs: &[Output], most: f64) -> Option<String> {
    for ((shape, exact), (theirs_shape, theirs)) in exact.iter().zip(theirs) {
        if shape != theirs_shape {
            return Some(format!("shape {theirs_shape:?}, not {shape:?}"));
        }
        let largest = exact.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        let off = exact.iter().zip(theirs).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
        if off.is_nan() || off > most * largest {
            return Some(format!("off by {:.1e}", off / largest));
        }
    }
    (exact.len() != theirs.len()).then(|| format!("{} outputs", theirs.len()))
}

/// A map as this program holds it: the channels of a pixel together.
fn channels_last(map: &[f32], shape: &[usize]) -> Vec<f32> {
    let [_, channels, height, width] = *shape else { panic!("{shape:?} is no map") };
    let cells = height * width;
    let pixel =
        |image: &[f32], cell: usize| (0..channels).map(|c| image[c * cells + cell]).collect::<Vec<_>>();
    map.chunks(channels * cells).flat_map(|image| (0..cells).flat_map(|cell| pixel(image, cell))).collect()
}

fn told(error: impl fmt::Display) -> String {
    error.to_string()
}
