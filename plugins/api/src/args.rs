//! The arguments of one layer, by name.
#![allow(unsafe_code)] // reads texts and lists through pointers that the host keeps valid during `build`

use crate::abi::{Arg, kind};
use crate::{Act, Param};

/// The arguments of one layer: checked by the host against the block's parameters, defaults filled in.
///
/// A name that the block did not declare, or asking for another kind than declared, is a mistake in the block's own
/// source: it panics, and the host reports it as an error of that block.
pub struct Args<'a> {
    pub(crate) params: &'a [Param],
    pub(crate) args: &'a [Arg],
    pub(crate) repeat: usize,
}

impl<'a> Args<'a> {
    /// `number × depth_multiple`, for a block with [`Repeat::Argument`](crate::Repeat::Argument); else 1.
    pub fn repeat(&self) -> usize {
        self.repeat
    }

    /// A width or an integer.
    pub fn int(&self, name: &str) -> usize {
        self.optional_int(name).unwrap_or_else(|| panic!("argument `{name}` has no value"))
    }

    /// A width or an integer, or `None` where YAML says so.
    pub fn optional_int(&self, name: &str) -> Option<usize> {
        self.find(name, &[kind::WIDTH, kind::INT]).map(|arg| arg.int as usize)
    }

    /// A truth value.
    pub fn bool(&self, name: &str) -> bool {
        self.find(name, &[kind::BOOL]).is_some_and(|arg| arg.int != 0)
    }

    /// A number.
    pub fn float(&self, name: &str) -> f64 {
        self.find(name, &[kind::FLOAT])
            .map_or_else(|| panic!("argument `{name}` has no value"), |arg| arg.float)
    }

    /// An activation; `None` where there is none.
    pub fn activation(&self, name: &str) -> Option<Act> {
        let arg = self.find(name, &[kind::ACTIVATION])?;
        u32::try_from(arg.int).ok().and_then(|kind| Act::from_code(kind, arg.float))
    }

    /// One of the words declared.
    pub fn word(&self, name: &str) -> &'a str {
        // SAFETY: the host keeps the text alive while `build` runs.
        self.find(name, &[kind::CHOICE]).and_then(|arg| unsafe { arg.text.get() }).unwrap_or("")
    }

    /// A list of integers.
    pub fn ints(&self, name: &str) -> &'a [i64] {
        match self.find(name, &[kind::INTS]) {
            // SAFETY: the host keeps the list alive while `build` runs.
            Some(arg) if arg.ints_len > 0 => unsafe { std::slice::from_raw_parts(arg.ints, arg.ints_len) },
            _ => &[],
        }
    }

    fn find(&self, name: &str, kinds: &[u32]) -> Option<&'a Arg> {
        // SAFETY: only `Param::new` makes names, from static text.
        let index = self.params.iter().position(|param| unsafe { param.raw().name.get() } == Some(name));
        let index = index.unwrap_or_else(|| panic!("no parameter `{name}` is declared"));
        assert!(
            kinds.contains(&self.params[index].raw().kind),
            "parameter `{name}` is declared with another kind"
        );
        self.args.get(index).filter(|arg| arg.kind != kind::NONE)
    }
}
