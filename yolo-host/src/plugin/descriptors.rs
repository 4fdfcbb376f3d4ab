//! Reads what a plugin passes by pointer, and calls its build function.
#![allow(unsafe_code)] // descriptors are C structs; build functions are C functions

use super::entry::DETECT;
use super::session::open;
use super::table::HOST;
use super::{Arg, Entry, Kind, Origin, ParamInfo, RegistryError};
use crate::graph::{Act, BuildError, GraphBuilder, ValueId};
use yolo_plugin::Value;
use yolo_plugin::abi::{self, Call, Str, kind};

/// No block declares more parameters, or choices for one of them, and no library more blocks.
const MAX_PARAMS: usize = 256;
const MAX_BLOCKS: usize = 4096;

/// No text of a descriptor is longer, in bytes.
const MAX_TEXT: usize = 4096;

/// What an entry function returned: name, version and blocks of a library.
pub struct Library {
    /// Name of the plugin.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its blocks' descriptors.
    pub blocks: Vec<abi::Block>,
}

/// The description that an entry function returned, or what is wrong with it.
///
/// # Safety
/// `plugin` is null or points to what begins as a [`abi::Plugin`] does and has the size that it says; all of it lives as
/// long as the process.
pub unsafe fn library(plugin: *const abi::Plugin) -> Result<Library, String> {
    if plugin.is_null() {
        return Err("its entry function returns nothing".into());
    }
    if !plugin.is_aligned() {
        return Err("its entry function returns a misaligned address".into());
    }
    // SAFETY: promised by the caller; the version comes first in every version of the contract.
    let version = unsafe { (&raw const (*plugin).abi_version).read() };
    if version != abi::ABI_VERSION {
        let ours = abi::ABI_VERSION;
        let why = format!("it has version {version} of the block contract, this program version {ours}");
        return Err(format!("{why}; build it again with this program's yolo_plugin.h or yolo-plugin"));
    }
    // SAFETY: promised by the caller; it is read whole only if it has all that we know.
    let plugin = unsafe {
        sized((&raw const (*plugin).struct_size).read(), size_of::<abi::Plugin>(), "its description")?;
        plugin.read()
    };
    let name = text(plugin.name, "its name")?;
    if name.is_empty() {
        return Err("its name is empty".into());
    }
    // SAFETY: static data of the plugin.
    let pointers = unsafe { list(plugin.blocks, plugin.blocks_len, MAX_BLOCKS, "blocks") };
    let pointers = pointers.map_err(|why| format!("it {why}"))?;
    let block = |(i, block): (usize, &*const abi::Block)| {
        if block.is_null() || !block.is_aligned() {
            return Err(format!("block {i} is null or misaligned"));
        }
        // SAFETY: not null; read whole only if it has all that we know.
        unsafe {
            let size = (&raw const (**block).struct_size).read();
            sized(size, size_of::<abi::Block>(), &format!("block {i}"))?;
            Ok(block.read())
        }
    };
    Ok(Library {
        name: name.to_string(),
        version: text(plugin.version, "its version")?.to_string(),
        blocks: pointers.iter().enumerate().map(block).collect::<Result<_, _>>()?,
    })
}

/// A larger struct is of a newer plugin: what it appends must not matter. A smaller one is of no version that there was.
fn sized(size: usize, ours: usize, what: &str) -> Result<(), String> {
    if size >= ours {
        return Ok(());
    }
    Err(format!("{what} has a struct_size of {size} bytes, where {ours} is the least"))
}

/// A descriptor as owned data, checked.
pub fn read(raw: abi::Block, origin: Origin) -> Result<Entry, RegistryError> {
    let checked = || -> Result<Entry, String> {
        let name = text(raw.name, "its name")?;
        if name.is_empty() {
            return Err("its name is empty".into());
        }
        if name == DETECT {
            return Err(format!("`{name}` is a name of the program's own; choose another"));
        }
        if raw.repeat > abi::REPEAT_ARGUMENT {
            return Err(format!("`{name}` has an unknown `repeat`, {}", raw.repeat));
        }
        if raw.min_inputs > raw.max_inputs || raw.max_inputs == 0 {
            let (min, max) = (raw.min_inputs, raw.max_inputs);
            return Err(format!("`{name}` takes at least {min} inputs and at most {max}"));
        }
        if raw.build.is_none() {
            return Err(format!("`{name}` has no build function"));
        }
        // SAFETY: a descriptor's parameters live as long as the plugin: for good.
        let params = unsafe { list(raw.params, raw.params_len, MAX_PARAMS, "parameters") };
        let params = params.map_err(|why| format!("`{name}` {why}"))?;
        let inside = |why| format!("`{name}`: {why}");
        let mut entry = Entry {
            help: text(raw.help, "its help").map_err(inside)?.to_string(),
            params: params.iter().enumerate().map(param).collect::<Result<_, _>>().map_err(inside)?,
            repeats_inside: raw.repeat == abi::REPEAT_ARGUMENT,
            inputs: (raw.min_inputs, raw.max_inputs),
            name: name.to_string(),
            origin: origin.clone(),
            raw,
        };
        fit_defaults(&mut entry).map_err(inside)?;
        Ok(entry)
    };
    checked().map_err(|why| RegistryError::Invalid { origin: origin.clone(), why })
}

/// Defaults are arguments like any other: of the declared kind, and in range. Only they may be an empty list.
fn fit_defaults(entry: &mut Entry) -> Result<(), String> {
    for param in &mut entry.params {
        let empty = param.kind == Kind::Ints && param.default == Arg::Ints(vec![]);
        if param.optional && param.default != Arg::None && !empty {
            param.default = param.accept(&param.default).map_err(|why| format!("by default {why}"))?;
        }
    }
    Ok(())
}

fn param((i, param): (usize, &abi::Param)) -> Result<ParamInfo, String> {
    let kind = match param.kind {
        kind::WIDTH => Kind::Width,
        kind::INT => Kind::Int,
        kind::BOOL => Kind::Bool,
        kind::FLOAT => Kind::Float,
        kind::CHOICE => Kind::Choice,
        kind::INTS => Kind::Ints,
        kind::ACTIVATION => Kind::Activation,
        other => return Err(format!("parameter {i} has the unknown kind {other}")),
    };
    let name = text(param.name, "a parameter's name")?;
    if name.is_empty() {
        return Err(format!("parameter {i} has no name"));
    }
    // SAFETY: static data of the plugin.
    let choices = unsafe { list(param.choices, param.choices_len, MAX_PARAMS, "choices") };
    let choices = choices.map_err(|why| format!("a parameter {why}"))?;
    Ok(ParamInfo {
        name: name.to_string(),
        help: text(param.help, "a parameter's help")?.to_string(),
        kind,
        optional: param.optional != 0,
        default: arg(&param.default)?,
        range: (param.min, param.max),
        choices: choices
            .iter()
            .map(|c| text(*c, "a choice").map(str::to_string))
            .collect::<Result<_, _>>()?,
    })
}

fn arg(arg: &abi::Arg) -> Result<Arg, String> {
    Ok(match arg.kind {
        kind::NONE => Arg::None,
        kind::WIDTH | kind::INT => Arg::Int(arg.int),
        kind::BOOL => Arg::Bool(arg.int != 0),
        kind::FLOAT => Arg::Float(arg.float),
        kind::CHOICE => Arg::Word(text(arg.text, "a default")?.to_string()),
        kind::INTS => {
            // SAFETY: static data of the plugin.
            let ints = unsafe { list(arg.ints, arg.ints_len, MAX_PARAMS, "integers") };
            Arg::Ints(ints.map_err(|why| format!("a default {why}"))?.to_vec())
        }
        kind::ACTIVATION => {
            let act = u32::try_from(arg.int).ok().and_then(|kind| Act::from_code(kind, arg.float));
            Arg::Activation(Some(
                act.ok_or_else(|| format!("a default has the unknown activation {}", arg.int))?,
            ))
        }
        other => return Err(format!("a default has the unknown kind {other}")),
    })
}

fn text(text: Str, what: &str) -> Result<&'static str, String> {
    match text.len {
        // A text that C leaves out.
        0 => Ok(""),
        len if len > MAX_TEXT => Err(format!("{what} has {len} bytes, where {MAX_TEXT} are the most")),
        _ if text.data.is_null() => Err(format!("{what} is null")),
        // SAFETY: static data of the plugin.
        _ => unsafe { text.get() }.ok_or_else(|| format!("{what} is not UTF-8")),
    }
}

/// # Safety
/// `data` is null, misaligned, or points to `len` elements that live for good.
unsafe fn list<T>(data: *const T, len: usize, most: usize, of: &str) -> Result<&'static [T], String> {
    match len {
        0 => Ok(&[]),
        _ if data.is_null() || !data.is_aligned() || len > most => {
            Err(format!("has no readable list of at most {most} {of}"))
        }
        // SAFETY: promised by the caller.
        _ => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

impl Entry {
    /// Emits the block into a graph and returns its output.
    pub(crate) fn build(
        &self,
        builder: &mut GraphBuilder,
        inputs: &[ValueId],
        args: &[Arg],
        repeat: usize,
    ) -> Result<ValueId, BuildError> {
        // What the contract promises to the block.
        let (min, max) = (self.raw.min_inputs, self.raw.max_inputs);
        if !(min..=max).contains(&inputs.len()) || args.len() != self.raw.params_len {
            let given = inputs.len();
            return Err(BuildError::Block(format!(
                "a copy of it gets {given} inputs, and needs {min} to {max}"
            )));
        }
        let inputs: Vec<Value> = inputs.iter().map(|id| builder.handle(*id)).collect();
        let args: Vec<abi::Arg> =
            self.params.iter().zip(args).map(|(param, arg)| raw_arg(param.kind, arg)).collect();
        let owner = match &self.origin {
            origin @ Origin::Library { .. } => format!("{} of {origin}", self.name),
            _ => String::new(),
        };
        let outside = builder.enter(&owner);
        let output = open(builder, |graph| {
            let call = Call {
                struct_size: size_of::<Call>(),
                host: &HOST,
                graph,
                inputs: inputs.as_ptr(),
                inputs_len: inputs.len(),
                args: args.as_ptr(),
                args_len: args.len(),
                repeat,
            };
            match self.raw.build {
                // SAFETY: the descriptor is one that `read` accepted; everything in `call` outlives the call.
                Some(build) => unsafe { build(self.raw.user, &call) },
                None => Value::NONE,
            }
        });
        builder.leave(outside);
        match builder.take_error() {
            Some(error) => Err(error),
            None if output == Value::NONE => {
                Err(BuildError::Misuse("build returned no tensor, and no error either".into()))
            }
            None => builder.resolve(output),
        }
    }
}

fn raw_arg(kind: Kind, arg: &Arg) -> abi::Arg {
    let number = match kind {
        Kind::Width => kind::WIDTH,
        _ => kind::INT,
    };
    match arg {
        Arg::None | Arg::Activation(None) => abi::Arg::NONE,
        Arg::Bool(value) => abi::Arg { kind: kind::BOOL, int: i64::from(*value), ..abi::Arg::NONE },
        Arg::Int(value) => abi::Arg { kind: number, int: *value, ..abi::Arg::NONE },
        Arg::Float(value) => abi::Arg { kind: kind::FLOAT, float: *value, ..abi::Arg::NONE },
        Arg::Activation(Some(act)) => {
            let (code, float) = act.code();
            abi::Arg { kind: kind::ACTIVATION, int: i64::from(code), float, ..abi::Arg::NONE }
        }
        Arg::Word(word) => abi::Arg { kind: kind::CHOICE, text: Str::new(word), ..abi::Arg::NONE },
        Arg::Ints(list) => {
            abi::Arg { kind: kind::INTS, ints: list.as_ptr(), ints_len: list.len(), ..abi::Arg::NONE }
        }
    }
}
