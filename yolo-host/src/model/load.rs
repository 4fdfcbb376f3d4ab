//! From files to a model with its values: the only place that knows which of weights and model file says what.

use super::fused::unfuse;
use super::{Error, Mismatch, Model, Spec, State, Unlike, exported};
use crate::plugin::Registry;
use crate::text::counted;
use crate::weights::{self, Checkpoint, Meta};
use std::path::{Path, PathBuf};

/// The files of a model: weights, a model file, or both.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelFiles<'a> {
    /// Weights: safetensors, as PyTorch writes them, or a network that was exported to ONNX or ncnn.
    pub weights: Option<&'a Path>,
    /// A model file, or the name of one that is built in ([`Spec::find`]); it goes before the model that the weights carry.
    pub cfg: Option<&'a Path>,
}

impl<'a> ModelFiles<'a> {
    /// Weights that carry their model.
    pub fn weights(file: &'a Path) -> Self {
        ModelFiles { weights: Some(file), cfg: None }
    }
}

/// Files that do not become a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Neither weights nor a model file is named.
    #[error("no model is named, and no weights that carry one")]
    NoFiles,
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] weights::Error),
    /// The model cannot be built.
    #[error(transparent)]
    Model(#[from] Error),
    /// The weights do not say which model they belong to, and no model file does.
    #[error("{}: does not say which model it belongs to", file.display())]
    NoModel {
        /// The weights.
        file: PathBuf,
    },
    /// The network of an exported file is not the model's.
    #[error("{} with {model}", file.display())]
    Unlike {
        /// The weights.
        file: PathBuf,
        /// The model file.
        model: String,
        /// What differs.
        source: Box<Unlike>,
    },
    /// The tensors do not fit the model.
    #[error("{} with {model}", file.display())]
    Mismatch {
        /// The weights.
        file: PathBuf,
        /// The model file.
        model: String,
        /// Whether the weights carry a model of their own, in whose place another was asked for.
        carried: bool,
        /// What does not fit.
        source: Box<Mismatch>,
    },
}

/// A model with its values.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As built.
    pub model: Model,
    /// Of the weights; without weights new ones, which seed 0 gives.
    pub state: State,
    /// What the weights say of themselves; nothing without weights.
    pub meta: Meta,
}

/// Reads the files, and builds the model that they belong to with the values of the weights. Plugins that it asks for are
/// loaded if the registry trusts models; what a user should know is among the registry's notes.
///
/// # Errors
/// Every kind of [`LoadError`].
pub fn load(files: ModelFiles, registry: &mut Registry) -> Result<Loaded, LoadError> {
    build(open(files)?, registry)
}

/// The same for a weights file that is in memory, as in a browser; `file` names it in messages.
///
/// # Errors
/// Every kind of [`LoadError`] but [`LoadError::NoFiles`].
pub fn load_bytes(
    bytes: &[u8],
    file: &Path,
    cfg: Option<&Path>,
    registry: &mut Registry,
) -> Result<Loaded, LoadError> {
    let checkpoint = weights::read_bytes(bytes, file)?;
    build(of_weights(file, checkpoint, cfg)?, registry)
}

fn build(mut opened: Opened, registry: &mut Registry) -> Result<Loaded, LoadError> {
    registry.add_notes(opened.take_notes());
    let exported = opened.is_exported();
    let mut model = opened.build(registry)?;
    registry.add_notes(opened.restore(&model)?);
    if let Some(classes) =
        opened.head_classes(&model).filter(|classes| exported && *classes != model.detect.nc)
    {
        registry.add_notes(opened.other_classes(classes, &model));
        model = Model::build(model.spec.clone().with_classes(classes)?, registry)?;
    }
    registry.add_notes(opened.odd_names(&model));
    opened.with_values(model)
}

/// Reads the files, and builds nothing yet: for those who change the model first, as a training does.
///
/// # Errors
/// [`LoadError::NoFiles`], [`LoadError::NoModel`], and what is wrong with the files.
pub fn open(files: ModelFiles) -> Result<Opened, LoadError> {
    match (files.cfg, files.weights) {
        (None, None) => Err(LoadError::NoFiles),
        (Some(cfg), None) => Ok(Opened { spec: Spec::find(cfg)?, has_cfg: true, weights: None }),
        (cfg, Some(file)) => of_weights(file, weights::read(file)?, cfg),
    }
}

fn of_weights(file: &Path, checkpoint: Checkpoint, cfg: Option<&Path>) -> Result<Opened, LoadError> {
    let spec = Spec::of_weights(cfg, file, &checkpoint.meta)?
        .ok_or_else(|| LoadError::NoModel { file: file.into() })?;
    Ok(Opened { spec, has_cfg: cfg.is_some(), weights: Some((file.into(), checkpoint)) })
}

/// Files that are read: a model as written, and the tensors of the weights.
#[derive(Debug)]
pub struct Opened {
    /// The model as written; may be changed before it is built.
    pub spec: Spec,
    has_cfg: bool,
    weights: Option<(PathBuf, Checkpoint)>,
}

impl Opened {
    /// The weights: their file, and what is in it.
    pub fn into_weights(self) -> Option<(PathBuf, Checkpoint)> {
        self.weights
    }

    /// What was to be said about the weights' file as it was read.
    pub fn take_notes(&mut self) -> Vec<String> {
        let Some((file, checkpoint)) = &mut self.weights else { return vec![] };
        let notes = std::mem::take(&mut checkpoint.notes);
        notes.into_iter().map(|note| format!("{}: {note}", file.display())).collect()
    }

    /// The model, which computes what the modules in the weights compute.
    ///
    /// # Errors
    /// As [`Model::build`]'s, and where the modules are others than the model's.
    pub fn build(&mut self, registry: &mut Registry) -> Result<Model, Error> {
        match &mut self.weights {
            Some((_, checkpoint)) => Model::of_checkpoint(self.spec.clone(), checkpoint, registry),
            None => Model::prepare(self.spec.clone(), registry),
        }
    }

    /// The model for a training that begins with the weights: a model file counts as it stands, whatever the modules in the
    /// weights compute.
    ///
    /// # Errors
    /// As [`Opened::build`]'s.
    pub fn build_to_train(&mut self, registry: &mut Registry) -> Result<Model, Error> {
        if self.has_cfg { Model::prepare(self.spec.clone(), registry) } else { self.build(registry) }
    }

    /// Gives the weights of an exported network their names in the model, and a checkpoint that was saved after `fuse()` its
    /// batch norms back; what is to be said about that.
    ///
    /// # Errors
    /// [`LoadError::Unlike`]
    pub fn restore(&mut self, model: &Model) -> Result<Vec<String>, LoadError> {
        let Some((file, checkpoint)) = self.weights.as_mut() else { return Ok(vec![]) };
        let exported = !checkpoint.units.is_empty();
        let other = if exported { model.other_activations(checkpoint) } else { None };
        let restored = exported::restore(checkpoint, model).map_err(|source| LoadError::Unlike {
            file: file.clone(),
            model: model.spec.file.clone(),
            source: Box::new(source),
        })?;
        let note = restored.or_else(|| unfuse(&model.graph, &mut checkpoint.arrays));
        Ok(note.into_iter().chain(other).map(|note| format!("{}: {note}", file.display())).collect())
    }

    /// Whether the weights are those of a network that was exported for another runtime.
    fn is_exported(&self) -> bool {
        self.weights.as_ref().is_some_and(|(_, checkpoint)| !checkpoint.units.is_empty())
    }

    /// How many classes the weights' outputs are of, if all are of as many.
    fn head_classes(&self, model: &Model) -> Option<usize> {
        let (_, checkpoint) = self.weights.as_ref()?;
        let detect = &model.detect;
        let classes = detect.outputs.iter().map(|output| {
            let weight = *model.graph.nodes[output.0].op.parameters().first()?;
            let channels = *checkpoint.arrays.get(&model.graph.params[weight.0].name)?.shape.first()?;
            let classes = (channels / detect.na).checked_sub(5).filter(|classes| *classes > 0)?;
            (channels == detect.na * (5 + classes)).then_some(classes)
        });
        let classes: Vec<usize> = classes.collect::<Option<_>>()?;
        classes.first().copied().filter(|first| classes.iter().all(|classes| classes == first))
    }

    /// What is to be said of a network that finds other classes than its model file.
    fn other_classes(&self, classes: usize, model: &Model) -> Option<String> {
        let (file, _) = self.weights.as_ref()?;
        let plural = if classes == 1 { "" } else { "es" };
        Some(format!(
            "{}: finds {classes} class{plural}, where {} has {}: those of the weights are taken",
            file.display(),
            model.spec.file,
            model.detect.nc
        ))
    }

    /// What is to be said of class names that are not one for each class.
    fn odd_names(&self, model: &Model) -> Option<String> {
        let (file, checkpoint) = self.weights.as_ref()?;
        let (names, classes) = (checkpoint.meta.names.as_ref()?.len(), model.detect.nc);
        let have = counted(names, "class name");
        let note = format!(
            "{}: has {have}, but the model finds {classes} classes: they are not used",
            file.display()
        );
        (names != classes).then_some(note)
    }

    /// The model with all values of the weights.
    fn with_values(self, model: Model) -> Result<Loaded, LoadError> {
        let Some((file, checkpoint)) = self.weights else {
            let state = State::new(&model.graph, 0);
            return Ok(Loaded { model, state, meta: Meta::default() });
        };
        let carried = self.has_cfg && checkpoint.meta.model.is_some();
        let state = State::from_arrays(&model.graph, checkpoint.arrays).map_err(|source| {
            let (model, source) = (model.spec.file.clone(), Box::new(source));
            LoadError::Mismatch { file, model, carried, source }
        })?;
        Ok(Loaded { model, state, meta: checkpoint.meta })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Array, Data, Dtype};

    #[test]
    fn bytes_load_as_their_file_does() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weights/bccd-yolov5n.safetensors");
        let bytes = std::fs::read(&file).unwrap();
        let registry = || Registry::linked().unwrap();
        let read = load(ModelFiles::weights(&file), &mut registry()).unwrap();
        let given = load_bytes(&bytes, &file, None, &mut registry()).unwrap();
        assert_eq!((given.meta, given.model.spec), (read.meta, read.model.spec));
        let name = Path::new("a.safetensors");
        let error = load_bytes(&bytes[..1000], name, None, &mut registry()).unwrap_err().to_string();
        assert!(error.contains("a.safetensors"), "{error}");
    }

    #[test]
    fn opened_files_give_their_tensors_away() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.safetensors");
        let array = Array { shape: vec![2], data: Data::F32(vec![1.0, -2.0]) };
        let checkpoint = Checkpoint { arrays: [("a".to_string(), array)].into(), ..Checkpoint::default() };
        weights::write(&file, &checkpoint, Dtype::F32).unwrap();
        let cfg = Path::new("yolov5n");
        let (from, read) =
            open(ModelFiles { weights: Some(&file), cfg: Some(cfg) }).unwrap().into_weights().unwrap();
        assert_eq!(from, file);
        assert_eq!(read.arrays, checkpoint.arrays);
        assert!(open(ModelFiles { weights: None, cfg: Some(cfg) }).unwrap().into_weights().is_none());
    }
}
