//! What to do about an error, by the flags of this command. The library says what is wrong in its own terms: it has options, but no
//! command line.

use crate::model::{self, LayerError, LoadError};
use crate::train::{self, Remedy, folder_of};
use crate::weights::{self, ErrorKind, FileRole};
use crate::{detector, exec, validation};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The library's options that messages name, and their flags.
const FLAGS: [(&str, &str); 10] = [
    ("`imgsz`", "--imgsz"),
    ("`epochs`", "--epochs"),
    ("`label_smoothing`", "--label-smoothing"),
    ("`rect`", "--rect"),
    ("`image_weights`", "--image-weights"),
    ("`quad`", "--quad"),
    ("`batch`", "--batch-size"),
    ("`freeze`", "--freeze"),
    ("`noautoanchor`", "--noautoanchor"),
    ("`split`", "--split"),
];

/// A text of the library with its options as flags.
pub fn flags(text: &str) -> String {
    FLAGS.iter().fold(text.to_owned(), |text, (option, flag)| text.replace(option, flag))
}

/// An error as the command prints it: with everything that led to it, and what helps.
pub fn told(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let of_options =
        |error: &&(dyn Error + 'static)| matches!(error.downcast_ref(), Some(train::Error::Options(_)));
    let text = if error.chain().any(|error| of_options(&error)) { flags(&text) } else { text };
    match error.chain().find_map(hint) {
        Some(hint) => format!("{text}; {hint}"),
        None => text,
    }
}

/// What helps against one error of a chain. Errors that only pass another on are looked into: they hide it from the chain.
fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref() {
        return match error {
            train::Error::Load(error) => hint(&**error),
            train::Error::Model(error) => hint(&**error),
            train::Error::Network(error) => hint(&**error),
            train::Error::Validation(error) => hint(&**error),
            train::Error::Weights(error) => hint(error),
            train::Error::Resume { file, remedy, .. } => remedy.map(|remedy| resume(file, remedy)),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            detector::Error::Load(error) => hint(error),
            detector::Error::Model(error) => hint(error),
            detector::Error::Network(error) => hint(error),
            _ => None,
        };
    }
    if let Some(validation::Error::Network(error)) = error.downcast_ref() {
        return hint(error);
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            LoadError::NoFiles => Some("name one with --cfg, or --weights that carry one".into()),
            LoadError::NoModel { .. } => Some("name it with --cfg, for example --cfg yolov5s".into()),
            LoadError::Mismatch { carried: true, .. } => {
                Some("these weights carry their own model, so leave --cfg out".into())
            }
            LoadError::Unlike { .. } => Some("give --cfg the model file that it was trained with".into()),
            LoadError::Mismatch { .. } => None,
            LoadError::Weights(error) => hint(error),
            LoadError::Model(error) => hint(error),
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            model::Error::Misplaced { role, .. } => Some(place(*role).into()),
            model::Error::Layer { source, .. } => layer(source),
            _ => None,
        };
    }
    if let Some(weights::Error { kind, .. }) = error.downcast_ref() {
        return match kind {
            ErrorKind::Misplaced { role, .. } => Some(place(*role).into()),
            ErrorKind::Unknown { .. } => Some("--cfg names the model file".into()),
            _ => None,
        };
    }
    match error.downcast_ref()? {
        exec::Error::WithoutCuda => {
            Some("build it with --features cudnn, or compute with --device cpu".into())
        }
        exec::Error::Precision { .. } => Some("leave --precision out, or take --device cpu".into()),
        exec::Error::NoGpu { .. } => Some("--device cpu computes without it".into()),
        _ => None,
    }
}

/// What helps against an error of a row.
fn layer(error: &LayerError) -> Option<String> {
    match error {
        LayerError::UnknownBlock { asked, .. } => Some(libraries("--plugin PATH loads one", asked)),
        LayerError::MissingPlugin { asked, .. } => {
            Some(libraries("name its library with --plugin PATH", asked))
        }
        _ => None,
    }
}

/// Where a file belongs.
fn place(role: FileRole) -> &'static str {
    match role {
        FileRole::Image => "give it with --source, and weights with --weights",
        FileRole::Model => "give it with --cfg",
        FileRole::Data => "it is for --data",
        FileRole::Hyper => "it is for --hyp",
        FileRole::Library => "blocks of a library are added with --plugin",
    }
}

/// How a block's library is loaded.
fn libraries(how: &str, asked: &[PathBuf]) -> String {
    match asked.is_empty() {
        true => how.to_owned(),
        false => format!("{how}; --allow-yaml-plugins loads what the model asks for"),
    }
}

/// How to go on with the training of a state file, or anew.
fn resume(state: &Path, remedy: Remedy) -> String {
    let folder = folder_of(state).display();
    let anew = format!("or --weights {}", state.with_file_name("last.safetensors").display());
    match remedy {
        Remedy::Patience(epochs) => format!("as in --resume {folder} --patience {epochs}, {anew}"),
        Remedy::Epochs(epochs) => format!("as in --resume {folder} --epochs {epochs}, {anew}"),
        Remedy::Data => "if the dataset has moved, say where it is now with --data".into(),
        Remedy::SameData => format!("name them with --data, {anew}"),
        Remedy::Weights => format!("as with {}", anew.trim_start_matches("or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Device;
    use crate::model::{Model, ModelFiles, Spec, load};
    use crate::plugin::Registry;
    use anyhow::Context;

    fn of(error: impl Error + Send + Sync + 'static) -> String {
        told(&anyhow::Error::new(error))
    }

    /// Deep in a chain, behind errors that pass others on, and beside a context.
    #[test]
    fn hints_are_found_wherever_the_error_is() {
        let nothing = || load(ModelFiles::default(), &mut Registry::default()).unwrap_err();
        let wanted = "no model is named, and no weights that carry one; name one with --cfg, or --weights that carry one";
        assert_eq!(of(nothing()), wanted);
        assert_eq!(of(detector::Error::from(nothing())), wanted);
        assert_eq!(of(train::Error::from(nothing())), wanted);
        let context = Err::<(), _>(train::Error::from(nothing())).context("here").unwrap_err();
        assert_eq!(told(&context), format!("here: {wanted}"));
    }

    #[test]
    fn devices_have_their_flags() {
        for name in ["999", "cuda:999"] {
            let told = of(Device::named(name).unwrap_err());
            let want = if cfg!(feature = "cudnn") { "nvidia-smi" } else { "--features cudnn" };
            assert!(told.contains(want) && told.contains("--device cpu"), "{told}");
        }
        let precision = exec::Error::Precision {
            precision: exec::Precision::Bf16,
            device: "CUDA device 0".into(),
            takes: &[exec::Precision::F32],
        };
        let told = of(precision);
        assert!(told.ends_with("only f32; leave --precision out, or take --device cpu"), "{told}");
    }

    #[test]
    fn files_of_another_job_have_their_place() {
        let told = |text: &str| of(Spec::parse(text, "x.yaml").unwrap_err());
        assert_eq!(told("names: [a]\ntrain: a\n"), "x.yaml: describes data, not a model; it is for --data");
        assert_eq!(told("lr0: 0.01\n"), "x.yaml: holds hyperparameters, not a model; it is for --hyp");
    }

    #[test]
    fn blocks_that_are_missing_have_their_libraries() {
        let text = "nc: 1\ndepth_multiple: 1\nwidth_multiple: 1\nanchors: 1\nplugins: [a.so]\n\
                    backbone:\n  - [-1, 1, Strange, []]\nhead: []\n";
        let error = Model::build(Spec::parse(text, "x").unwrap(), &Registry::default()).unwrap_err();
        let told = of(error);
        let wanted = "--plugin PATH loads one; --allow-yaml-plugins loads what the model asks for";
        assert!(told.contains("The model asks for a.so") && told.ends_with(wanted), "{told}");
    }

    #[test]
    fn options_are_flags() {
        let error = train::Error::Options("`rect` and `image_weights`".into());
        assert_eq!(of(error), "--rect and --image-weights");
        assert_eq!(flags("by a hash (`split` 0.9)"), "by a hash (--split 0.9)");
    }

    #[test]
    fn a_training_says_how_it_goes_on() {
        let file = PathBuf::from("runs/exp/weights/last.state.safetensors");
        let told = |remedy| of(train::Error::Resume { file: file.clone(), why: "x".into(), remedy });
        assert!(told(None).ends_with(": x"));
        let told = told(Some(Remedy::Epochs(6)));
        let wanted = "; as in --resume runs/exp --epochs 6, or --weights runs/exp/weights/last.safetensors";
        assert!(told.ends_with(wanted), "{told}");
    }
}
