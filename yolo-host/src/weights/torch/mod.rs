//! PyTorch checkpoints: finds the tensors of a model in what `torch.save` wrote, and copies them out.

#[cfg(not(target_arch = "wasm32"))]
mod archive;
mod legacy;
mod module;
mod modules;
mod tensor;
mod yaml;

use std::collections::BTreeMap;

use super::budget::Budget;
use super::pickle::{Heap, Storage, Value};
use super::{Checkpoint, ErrorKind};

pub use legacy::is_legacy;
pub use modules::{Attribute, ModuleInfo};

/// Whether `bytes` begin like a zip archive.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// Reads the zip form, which `torch.save` writes since 1.6.
#[cfg(not(target_arch = "wasm32"))]
pub fn read_archive(bytes: &[u8]) -> Result<Checkpoint, ErrorKind> {
    let mut budget = Budget::for_file(bytes.len());
    let mut archive = archive::Archive::open(bytes)?;
    let pickle = archive.pickle(&mut budget)?;
    let mut heap = Heap::default();
    let root = super::pickle::load(pickle, &mut 0, &mut heap, &mut budget)?;
    checkpoint(&heap, root, &mut budget, |storage, budget| archive.storage(storage, budget))
}

/// Refuses the zip form.
#[cfg(target_arch = "wasm32")]
pub fn read_archive(_: &[u8]) -> Result<Checkpoint, ErrorKind> {
    Err(super::kind::unread_archive())
}

/// Reads the older form: pickles and storages one after the other.
pub fn read_legacy(bytes: &[u8]) -> Result<Checkpoint, ErrorKind> {
    let mut budget = Budget::for_file(bytes.len());
    let mut heap = Heap::default();
    let file = legacy::File::read(bytes, &mut heap, &mut budget)?;
    checkpoint(&heap, file.root, &mut budget, |storage, _| file.storage(storage))
}

/// Copies the tensors of the model under `root`; `storage` gives a storage's bytes.
fn checkpoint<'a>(
    heap: &Heap<'a>,
    root: Value,
    budget: &mut Budget,
    mut storage: impl FnMut(Storage<'a>, &mut Budget) -> Result<&'a [u8], ErrorKind>,
) -> Result<Checkpoint, ErrorKind> {
    let model = module::find(heap, root, budget)?;
    let mut arrays = BTreeMap::new();
    for (name, tensor) in model.tensors {
        let bytes = storage(tensor.storage, budget)?;
        let array = tensor::copy(&name, tensor, bytes, budget)?;
        arrays.insert(name, array);
    }
    Ok(Checkpoint { arrays, meta: model.meta, modules: model.modules, notes: model.notes, units: vec![] })
}
