//! A reader of Python pickles that runs nothing.
//!
//! A pickle is a program for a stack machine. Its data instructions are harmless; its power lies in naming any
//! function of Python (`global`) and calling it (`call`). Here the names that a checkpoint needs have a fixed meaning
//! of ours, and any other name ends the reading before a call could be reached.

mod call;
mod foreign;
mod global;
mod heap;
mod machine;
mod op;
mod survey;

#[cfg(test)]
mod tests;

pub use heap::{Heap, Object, Storage, Tensor, Value};

use super::ErrorKind;
use super::budget::Budget;

/// Reads the pickle that begins at `*at`, puts its objects on `heap`, and moves `*at` behind it.
pub fn load<'a>(
    bytes: &'a [u8],
    at: &mut usize,
    heap: &mut Heap<'a>,
    budget: &mut Budget,
) -> Result<Value, ErrorKind> {
    let start = *at;
    let read = machine::Machine::new(bytes, start, heap, budget).run(at);
    match read {
        Err(ErrorKind::Unknown { classes }) => Err(survey::survey(bytes, start, classes)),
        read => read,
    }
}
