//! Wrong command lines, and what to write in their place: options that upstream has and this program has not, and values
//! that are no numbers.

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::num::{ParseFloatError, ParseIntError};
use std::process::ExitCode;

const WANDB: &str =
    "Weights & Biases is not connected: results are in results.csv, TensorBoard's events and report.html";
const ONE: &str = "one device trains: there is no distributed training";
const TENSORFLOW: &str = "nothing is written for TensorFlow: ONNX and ncnn are";
const VIDEO: &str = "it is for videos, which are not supported";

/// Options of YOLOv5, v6.1 and around, that are not here, and what is.
const UPSTREAM: &[(&str, &str)] = &[
    ("--adam", "the optimiser is chosen with --optimizer Adam"),
    ("--artifact-alias", WANDB),
    ("--bbox-interval", WANDB),
    ("--bucket", "nothing is copied to a bucket"),
    ("--data", "names of classes come from the weights; yolo convert --names adds them"),
    ("--dnn", "OpenCV's DNN is not used: weights are .safetensors, .pt, .onnx or ncnn's .param"),
    ("--entity", WANDB),
    ("--hub", "nothing is fetched from a hub: name a file with --weights"),
    ("--inplace", "there is nothing to choose: the file is the same"),
    ("--keras", TENSORFLOW),
    ("--linear-lr", "the learning rate falls as a line unless --cos-lr is given"),
    ("--local-rank", ONE),
    ("--noplots", "results without images: --nosave"),
    ("--optimize", "it is for TorchScript, which is not written"),
    ("--simplify", "files are written simplified: batch norm is folded, and no shapes are computed in them"),
    ("--stream-buffer", VIDEO),
    ("--sync-bn", ONE),
    ("--update", "it strips optimisers from checkpoints; weights of yolo train and yolo convert have none"),
    ("--upload-dataset", WANDB),
    ("--vid-stride", VIDEO),
    ("--visualize", "maps of features are not drawn"),
    ("--workspace", "engines are built by TensorRT's trtexec, of the ONNX file"),
];

/// Other programs' names of commands.
const COMMANDS: &[(&str, &str)] = &[
    ("predict", "it is called yolo detect"),
    ("test", "it is called yolo val"),
    ("validate", "it is called yolo val"),
];

/// Says what is wrong and what to do; the exit code is 2, or 0 where help was asked for.
pub fn refuse(mut error: clap::Error) -> ExitCode {
    if let Some(tip) = tip(&error) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    // There is nobody to tell that nobody reads.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Which options a beginning could stand for, or that there is no command to have any.
fn meant(given: &str) -> Option<String> {
    let commands = super::Cli::command();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(command) =
        commands.get_subcommands().find(|command| words.iter().any(|word| word == command.get_name()))
    else {
        return Some("a command goes first, as in yolo detect --source photo.jpg".into());
    };
    let options = command.get_arguments().filter(|option| !option.is_hide_set());
    let all = options.filter_map(|option| Some(format!("--{}", option.get_long()?)));
    let meant: Vec<String> = all.filter(|option| option.starts_with(given)).collect();
    (meant.len() > 1).then(|| format!("write out which is meant: {}", meant.join(", ")))
}

fn tip(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let given = text(ContextKind::InvalidArg)?;
            let name = given.split('=').next().unwrap_or_default().replace('_', "-");
            if let Some((_, instead)) = UPSTREAM.iter().find(|(known, _)| *known == name) {
                return Some(format!("upstream's {name} is not here: {instead}"));
            }
            if given.parse::<f64>().is_ok() {
                let wrong = if given.starts_with('-') {
                    "a negative number is not taken here"
                } else {
                    "a value too many"
                };
                return Some(wrong.into());
            }
            if !given.starts_with('-') {
                return Some(
                    "every value follows its option, as in --source photo.jpg or --weights FILE".into(),
                );
            }
            meant(&given)
        }
        ErrorKind::InvalidSubcommand => {
            let given = text(ContextKind::InvalidSubcommand)?;
            let known = COMMANDS.iter().find(|(known, _)| *known == given)?;
            Some(known.1.to_string())
        }
        ErrorKind::ValueValidation => {
            let source = error.source()?;
            let whole = source.is::<ParseIntError>().then(|| "a whole number is wanted".to_string());
            whole
                .or_else(|| source.is::<ParseFloatError>().then(|| "a number is wanted, such as 0.25".into()))
        }
        _ => None,
    }
}
