//! The stack machine: carries out the instructions that build data. What names mean when called is in `call`.

use std::collections::HashMap;

use super::global::Global;
use super::heap::{Heap, Object, Value};
use super::op::{Op, Reader, fault};
use crate::weights::ErrorKind;
use crate::weights::budget::Budget;

/// The most values and marks waiting on the stack. `pickle` writes out containers every thousand items.
const MAX_STACK: usize = 1 << 20;

/// The state while one pickle is read.
pub struct Machine<'a, 'h> {
    reader: Reader<'a>,
    /// Where the current instruction begins.
    at: usize,
    stack: Vec<Value>,
    /// For every open mark, how many values lie below it.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    pub(super) heap: &'h mut Heap<'a>,
    pub(super) budget: &'h mut Budget,
}

impl<'a, 'h> Machine<'a, 'h> {
    pub fn new(bytes: &'a [u8], at: usize, heap: &'h mut Heap<'a>, budget: &'h mut Budget) -> Self {
        let (stack, marks, memo) = Default::default();
        Machine { reader: Reader::new(bytes, at), at, stack, marks, memo, heap, budget }
    }

    /// Runs up to the stop instruction; gives the value left on the stack, and in `end` the position behind it.
    pub fn run(mut self, end: &mut usize) -> Result<Value, ErrorKind> {
        loop {
            self.at = self.reader.at;
            match self.reader.op()? {
                Op::Stop => break,
                op => self.step(op)?,
            }
        }
        *end = self.reader.at;
        self.pop()
    }

    fn step(&mut self, op: Op<'a>) -> Result<(), ErrorKind> {
        let pushed = match op {
            Op::Push(value) => value,
            Op::Str(text) => self.add(Object::Str(text))?,
            Op::EmptyTuple => self.add(Object::Tuple(vec![]))?,
            Op::EmptyList => self.add(Object::List(vec![]))?,
            Op::EmptyDict => self.add(Object::Dict(vec![]))?,
            Op::EmptySet => self.add(Object::Set(vec![]))?,
            Op::Tuple(count) => {
                let items = match count {
                    Some(count) => self.pop_many(count)?,
                    None => self.pop_mark()?,
                };
                self.add(Object::Tuple(items))?
            }
            Op::List => {
                let items = self.pop_mark()?;
                self.add(Object::List(items))?
            }
            Op::Dict => {
                let pairs = self.pop_mark_pairs()?;
                self.add(Object::Dict(pairs))?
            }
            Op::FrozenSet => {
                let items = self.pop_mark()?;
                self.add(Object::Set(items))?
            }
            Op::Dup => self.top()?,
            Op::Get(index) => self
                .memo
                .get(&index)
                .copied()
                .ok_or_else(|| self.fault(format!("nothing is kept as {index}")))?,
            Op::Global(module, name) => self.global(module, name)?,
            Op::StackGlobal => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.heap.str(module), self.heap.str(name)) else {
                    return Err(self.fault("a name that is no text"));
                };
                self.global(module, name)?
            }
            Op::Call => {
                let (args, callee) = (self.pop()?, self.pop()?);
                self.call_value(callee, args)?
            }
            Op::CallKeywords => {
                // Only inert classes take keywords, and those ignore what they are given.
                let (_keywords, args, callee) = (self.pop()?, self.pop()?, self.pop()?);
                self.call_value(callee, args)?
            }
            Op::CallMark(module, name) => {
                let callee = self.global(module, name)?;
                let args = self.pop_mark()?;
                self.call(callee, &args)?
            }
            Op::CallMarkStack => {
                let args = self.pop_mark()?;
                let Some((callee, args)) = args.split_first() else {
                    return Err(self.fault("a call of what is no class"));
                };
                self.call(*callee, args)?
            }
            Op::Persistent => {
                let id = self.pop()?;
                self.persistent(id)?
            }
            op => return self.change(op),
        };
        self.check_depth()?;
        self.stack.push(pushed);
        Ok(())
    }

    /// What a name stands for; of a class of modules, the name is kept.
    fn global(&mut self, module: &'a str, name: &'a str) -> Result<Value, ErrorKind> {
        match Global::find(module, name)? {
            Global::Module => self.add(Object::Class(name)),
            global => Ok(Value::Global(global)),
        }
    }

    /// The instructions that push nothing.
    fn change(&mut self, op: Op<'a>) -> Result<(), ErrorKind> {
        match op {
            Op::Mark => {
                self.check_depth()?;
                self.marks.push(self.stack.len());
            }
            Op::Pop => drop(self.pop()?),
            Op::PopMark => drop(self.pop_mark()?),
            Op::Put(index) => self.keep(index)?,
            Op::Memoize => {
                let index = u32::try_from(self.memo.len()).map_err(|_| self.fault("the memo is full"))?;
                self.keep(index)?;
            }
            Op::Append => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            Op::Appends | Op::AddItems => {
                let items = self.pop_mark()?;
                self.extend(items)?;
            }
            Op::SetItem => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend_dict(vec![(key, value)])?;
            }
            Op::SetItems => {
                let pairs = self.pop_mark_pairs()?;
                self.extend_dict(pairs)?;
            }
            Op::Build => {
                let state = self.pop()?;
                let object = self.top()?;
                self.build(object, state)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps the top of the stack in the memo.
    fn keep(&mut self, index: u32) -> Result<(), ErrorKind> {
        let top = self.top()?;
        self.budget.take(size_of_val(&top) * 2, "the memo of the pickle")?;
        self.memo.insert(index, top);
        Ok(())
    }

    /// Fails unless there is room on the stack.
    fn check_depth(&self) -> Result<(), ErrorKind> {
        match self.stack.len().max(self.marks.len()) {
            ..MAX_STACK => Ok(()),
            _ => Err(ErrorKind::TooLarge("the stack of the pickle".to_owned())),
        }
    }

    /// Puts `new` at the end of the list, or into the set, on top of the stack.
    fn extend(&mut self, new: Vec<Value>) -> Result<(), ErrorKind> {
        let top = self.top()?;
        match self.heap.object_mut(top) {
            Some(Object::List(items) | Object::Set(items)) => items.extend(new),
            _ if top == Value::Opaque => {}
            _ => return Err(self.fault("items for what is no list")),
        }
        Ok(())
    }

    /// Puts `new` into the dict on top of the stack.
    fn extend_dict(&mut self, new: Vec<(Value, Value)>) -> Result<(), ErrorKind> {
        let top = self.top()?;
        match self.heap.object_mut(top) {
            Some(Object::Dict(pairs)) => pairs.extend(new),
            _ if top == Value::Opaque => {}
            _ => return Err(self.fault("keys for what is no dict")),
        }
        Ok(())
    }

    pub(super) fn add(&mut self, object: Object<'a>) -> Result<Value, ErrorKind> {
        self.heap.add(object, self.budget)
    }

    /// The error for the current instruction.
    pub(super) fn fault(&self, what: impl Into<String>) -> ErrorKind {
        fault(self.at, what)
    }

    /// Fails unless `count` values lie above the last mark; gives the place of the first of them.
    fn above_mark(&self, count: usize) -> Result<usize, ErrorKind> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let start = self.stack.len().checked_sub(count).filter(|start| *start >= floor);
        start.ok_or_else(|| self.fault("the stack is empty"))
    }

    fn top(&self) -> Result<Value, ErrorKind> {
        Ok(self.stack[self.above_mark(1)?])
    }

    fn pop(&mut self) -> Result<Value, ErrorKind> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Value>, ErrorKind> {
        let start = self.above_mark(count)?;
        Ok(self.stack.split_off(start))
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>, ErrorKind> {
        let start = self.marks.pop().ok_or_else(|| self.fault("no mark is set"))?;
        Ok(self.stack.split_off(start))
    }

    fn pop_mark_pairs(&mut self) -> Result<Vec<(Value, Value)>, ErrorKind> {
        let flat = self.pop_mark()?;
        match flat.as_chunks() {
            (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
            _ => Err(self.fault("a key without a value")),
        }
    }
}
