//! What a pickle describes: values, and the objects they refer to.
//!
//! Objects lie side by side on a [`Heap`] and refer to each other by [`Id`]. So one that is filled after others
//! already refer to it is the same for all of them, and a cycle is just two numbers.

use super::global::Global;
use crate::weights::ErrorKind;
use crate::weights::budget::Budget;
use crate::weights::element::Element;

/// A Python value: at hand when it is small, else on the heap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// One of the names we know.
    Global(Global),
    /// Something no model needs: bytes, large integers, dates, paths, numpy's arrays.
    Opaque,
    Object(Id),
}

/// The place of an object on the heap that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(u32);

/// An object on the heap; `'a` is the file's bytes.
#[derive(Debug)]
pub enum Object<'a> {
    Str(&'a str),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Set(Vec<Value>),
    /// Keys and values in the order they came.
    Dict(Vec<(Value, Value)>),
    /// The name of a class of modules, as `torch.nn.modules.activation.SiLU`'s last part.
    Class(&'a str),
    /// An `nn.Module`: the name of its class and its `__dict__`.
    Module {
        class: &'a str,
        state: Value,
    },
    Storage(Storage<'a>),
    Tensor(Tensor<'a>),
}

/// The memory that tensors look into; its bytes are elsewhere in the file, under `key`.
#[derive(Clone, Copy, Debug)]
pub struct Storage<'a> {
    pub key: &'a str,
    pub element: Element,
    /// Number of elements.
    pub len: usize,
}

/// A view of a storage. `offset` and `strides` count elements.
#[derive(Debug)]
pub struct Tensor<'a> {
    pub storage: Storage<'a>,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// All objects of one file.
#[derive(Debug, Default)]
pub struct Heap<'a> {
    objects: Vec<Object<'a>>,
}

impl<'a> Heap<'a> {
    /// Adds an object.
    pub fn add(&mut self, object: Object<'a>, budget: &mut Budget) -> Result<Value, ErrorKind> {
        let full = || ErrorKind::TooLarge("the number of objects in the pickle".to_owned());
        budget.take(size_of::<Object>(), "the number of objects in the pickle")?;
        let id = Id(u32::try_from(self.objects.len()).map_err(|_| full())?);
        self.objects.push(object);
        Ok(Value::Object(id))
    }

    /// The object that `value` refers to.
    pub fn object(&self, value: Value) -> Option<&Object<'a>> {
        match value {
            Value::Object(Id(id)) => self.objects.get(id as usize),
            _ => None,
        }
    }

    /// As [`Heap::object`], to be changed.
    pub fn object_mut(&mut self, value: Value) -> Option<&mut Object<'a>> {
        match value {
            Value::Object(Id(id)) => self.objects.get_mut(id as usize),
            _ => None,
        }
    }

    /// All objects, oldest first.
    pub fn objects(&self) -> impl Iterator<Item = &Object<'a>> {
        self.objects.iter()
    }

    /// The text of a `str`.
    pub fn str(&self, value: Value) -> Option<&'a str> {
        match self.object(value)? {
            Object::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list, tuple or set.
    pub fn items(&self, value: Value) -> Option<&[Value]> {
        match self.object(value)? {
            Object::Tuple(items) | Object::List(items) | Object::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The pairs of a dict.
    pub fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        match self.object(value)? {
            Object::Dict(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The attributes of a module.
    pub fn module(&self, value: Value) -> Option<&[(Value, Value)]> {
        match self.object(value)? {
            Object::Module { state, .. } => self.dict(*state),
            _ => None,
        }
    }

    /// The name of a module's class.
    pub fn class(&self, value: Value) -> Option<&'a str> {
        match self.object(value)? {
            Object::Module { class, .. } => Some(class),
            _ => None,
        }
    }

    /// What `pairs` hold under the text `key`; the last one counts, as in Python. `None` both where there is no such
    /// key and where it holds Python's `None`.
    pub fn get(&self, pairs: &[(Value, Value)], key: &str) -> Option<Value> {
        let found = pairs.iter().rev().find(|(k, _)| self.str(*k) == Some(key));
        found.map(|(_, value)| *value).filter(|value| *value != Value::None)
    }
}
