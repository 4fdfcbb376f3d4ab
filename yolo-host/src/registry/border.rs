//! Reads what a plugin passes by pointer, and calls its build function.
#![allow(unsafe_code)] // descriptors are C structs; build functions are C functions

use super::{Arg, Entry, Kind, Origin, ParamInfo, RegistryError};
use crate::graph::{BuildError, GraphBuilder, HOST, ValueId, open};
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
    if plugin.is_null() || !plugin.is_aligned() {
        return Err("its entry function returns nothing".into());
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
    if plugin.blocks_len > MAX_BLOCKS || (plugin.blocks_len > 0 && plugin.blocks.is_null()) {
        return Err(format!("it has no readable list of at most {MAX_BLOCKS} blocks"));
    }
    // SAFETY: not null, static data of the plugin.
    let pointers = unsafe { slice(plugin.blocks, plugin.blocks_len) };
    let block = |(i, block): (usize, &*const abi::Block)| {
        if block.is_null() || !block.is_aligned() {
            return Err(format!("block {i} is null"));
        }
        // SAFETY: not null; read whole only if it has all that we know.
        unsafe {
            let size = (&raw const (**block).struct_size).read();
            sized(size, size_of::<abi::Block>(), &format!("block {i}"))?;
            Ok(block.read())
        }
    };
    Ok(Library {
        name: text(plugin.name, "its name")?.to_string(),
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
        if raw.repeat > abi::REPEAT_ARGUMENT || raw.min_inputs > raw.max_inputs || raw.max_inputs == 0 {
            return Err(format!("`{name}` has an unknown `repeat`, or takes no number of inputs"));
        }
        if raw.build.is_none() {
            return Err(format!("`{name}` has no build function"));
        }
        if raw.params_len > MAX_PARAMS || (raw.params_len > 0 && raw.params.is_null()) {
            return Err(format!("`{name}` has no readable parameters"));
        }
        // SAFETY: not null, and a descriptor's parameters live as long as the plugin: for good.
        let params = unsafe { slice(raw.params, raw.params_len) };
        Ok(Entry {
            help: text(raw.help, "its help")?.to_string(),
            params: params
                .iter()
                .map(param)
                .collect::<Result<_, _>>()
                .map_err(|why| format!("`{name}`: {why}"))?,
            repeats_inside: raw.repeat == abi::REPEAT_ARGUMENT,
            inputs: (raw.min_inputs, raw.max_inputs),
            name: name.to_string(),
            origin: origin.clone(),
            raw,
        })
    };
    checked().map_err(|why| RegistryError::Invalid { origin: origin.clone(), why })
}

fn param(param: &abi::Param) -> Result<ParamInfo, String> {
    let kind = match param.kind {
        kind::WIDTH => Kind::Width,
        kind::INT => Kind::Int,
        kind::BOOL => Kind::Bool,
        kind::FLOAT => Kind::Float,
        kind::CHOICE => Kind::Choice,
        kind::INTS => Kind::Ints,
        other => return Err(format!("a parameter has the unknown kind {other}")),
    };
    if param.choices_len > MAX_PARAMS || (param.choices_len > 0 && param.choices.is_null()) {
        return Err("a parameter has no readable choices".into());
    }
    // SAFETY: not null, static data of the plugin.
    let choices = unsafe { slice(param.choices, param.choices_len) };
    Ok(ParamInfo {
        name: text(param.name, "a parameter's name")?.to_string(),
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
        kind::INTS if arg.ints_len <= MAX_PARAMS && (arg.ints_len == 0 || !arg.ints.is_null()) => {
            // SAFETY: not null, static data of the plugin.
            Arg::Ints(unsafe { slice(arg.ints, arg.ints_len) }.to_vec())
        }
        other => return Err(format!("a default has the unknown kind {other}")),
    })
}

fn text(text: Str, what: &str) -> Result<&'static str, String> {
    if text.len > MAX_TEXT {
        return Err(format!("{what} has {} bytes, where {MAX_TEXT} are the most", text.len));
    }
    // SAFETY: static data of the plugin.
    unsafe { text.get() }.ok_or_else(|| format!("{what} is null or not UTF-8"))
}

/// # Safety
/// `data` points to `len` elements that live for good, or `len` is 0.
unsafe fn slice<T>(data: *const T, len: usize) -> &'static [T] {
    // SAFETY: promised by the caller.
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, len) } }
}

impl Entry {
    /// Emits the block into a graph and returns its output.
    pub fn build(
        &self,
        builder: &mut GraphBuilder,
        inputs: &[ValueId],
        args: &[Arg],
        repeat: usize,
    ) -> Result<ValueId, BuildError> {
        let inputs: Vec<Value> = inputs.iter().map(|id| builder.handle(*id)).collect();
        let args: Vec<abi::Arg> =
            self.params.iter().zip(args).map(|(param, arg)| raw_arg(param.kind, arg)).collect();
        let depth = builder.depth();
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
        if builder.depth() != depth {
            builder.fail(BuildError::Misuse("a scope was opened and not closed".into()));
        }
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
        Arg::None => abi::Arg::NONE,
        Arg::Bool(value) => abi::Arg { kind: kind::BOOL, int: i64::from(*value), ..abi::Arg::NONE },
        Arg::Int(value) => abi::Arg { kind: number, int: *value, ..abi::Arg::NONE },
        Arg::Float(value) => abi::Arg { kind: kind::FLOAT, float: *value, ..abi::Arg::NONE },
        Arg::Word(word) => abi::Arg { kind: kind::CHOICE, text: Str::new(word), ..abi::Arg::NONE },
        Arg::Ints(list) => {
            abi::Arg { kind: kind::INTS, ints: list.as_ptr(), ints_len: list.len(), ..abi::Arg::NONE }
        }
    }
}
