//! `yolo_plugin.h` says what the Rust types say: every field and function with its types, every number; and C and C++
//! compilers lay the structs out as Rust does.

use std::collections::BTreeMap;
use std::process::Command;
use yolo_host::graph::Op;
use yolo_plugin::abi;
use yolo_tests::plugins::is_installed;
use yolo_tests::{report, root};

/// Rust's names of types, in C; a struct `SomeName` is `yolo_some_name`.
const TYPES: [(&str, &str); 9] = [
    ("u8", "char"),
    ("u32", "uint32_t"),
    ("i64", "int64_t"),
    ("usize", "size_t"),
    ("f32", "float"),
    ("f64", "double"),
    ("c_char", "char"),
    ("c_void", "void"),
    ("MAX_RANK", "YOLO_MAX_RANK"),
];

/// Names of fields that C keeps for itself.
const KEYWORDS: [(&str, &str); 3] = [("int", "integer"), ("float", "number"), ("default", "default_value")];

fn renamed(name: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find(|(rust, _)| *rust == name).map(|(_, c)| c.to_string())
}

/// `SomeName` or `some` as `SOME_NAME` or `SOME`.
fn upper(name: &str) -> String {
    let parts =
        name.char_indices().map(|(i, c)| if i > 0 && c.is_uppercase() { format!("_{c}") } else { c.into() });
    parts.collect::<String>().to_uppercase()
}

fn c_type(rust: &str) -> String {
    if let Some(inner) = rust.strip_prefix("*const ") {
        let inner = c_type(inner);
        return if inner.ends_with('*') { format!("{inner} const *") } else { format!("const {inner} *") };
    }
    if let Some(inner) = rust.strip_prefix("*mut ") {
        return format!("{} *", c_type(inner));
    }
    renamed(rust, &TYPES).unwrap_or_else(|| format!("yolo_{}", upper(rust).to_lowercase()))
}

/// A field or a named function type as C declares it.
fn c_declaration(name: &str, rust: &str) -> String {
    let name = renamed(name, &KEYWORDS).unwrap_or(name.to_string());
    let rust = rust.strip_prefix("Option<").and_then(|inner| inner.strip_suffix('>')).unwrap_or(rust);
    if let Some((element, length)) =
        rust.strip_prefix('[').and_then(|array| array.strip_suffix(']')?.split_once("; "))
    {
        let length = renamed(length, &TYPES).unwrap_or(length.to_string());
        return format!("{} {name} [ {length} ]", c_type(element));
    }
    let Some(function) = rust.strip_prefix("unsafe extern \"C\" fn(") else {
        return format!("{} {name}", c_type(rust));
    };
    let (args, result) = function.rsplit_once(')').expect("arguments end");
    let result = result.strip_prefix(" -> ").map_or("void".to_string(), c_type);
    let kinds =
        args.trim_end_matches(", ").split(", ").map(|arg| arg.split_once(": ").map_or(arg, |(_, kind)| kind));
    format!("{result} ( * {name} ) ( {} )", kinds.map(c_type).collect::<Vec<_>>().join(" , "))
}

/// What follows `start` up to `end`, for each `start` in the text.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).map(|part| part.split(end).next().unwrap_or(part)).collect()
}

fn rust_source() -> String {
    let files =
        ["mod", "block", "host", "op"].map(|file| root().join(format!("plugins/api/src/abi/{file}.rs")));
    let lines = files.map(|file| std::fs::read_to_string(file).unwrap()).concat();
    let code = lines.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// The header without comments.
fn header() -> String {
    let text = std::fs::read_to_string(root().join("plugins/api/include/yolo_plugin.h")).unwrap();
    let after_comments = text.split("*/").map(|part| part.split("/*").next().unwrap_or(part));
    after_comments.collect::<Vec<_>>().join(" ")
}

/// The tokens of a C declaration with single spaces, names of arguments left out.
fn tokens(declaration: &str) -> String {
    let mut spaced = declaration.to_string();
    for mark in ["*", "(", ")", "[", "]", ","] {
        spaced = spaced.replace(mark, &format!(" {mark} "));
    }
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let args = words.windows(2).position(|pair| pair == [")", "("]).unwrap_or(words.len());
    let is_name = |i: usize| i > args + 1 && matches!(words.get(i + 1), Some(&"," | &")"));
    let kept = words.iter().enumerate().filter(|(i, word)| !is_name(*i) || matches!(**word, "*"));
    kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

/// A function of the host's table, as `table.rs` declares it.
struct Row {
    doc: String,
    name: String,
    /// Names and types.
    args: Vec<(String, String)>,
    result: Option<String>,
}

impl Row {
    /// The type of a pointer to it, in Rust.
    fn pointer(&self) -> String {
        let args: String = self.args.iter().map(|(name, kind)| format!(", {name}: {kind}")).collect();
        let result = self.result.as_ref().map_or(String::new(), |result| format!(" -> {result}"));
        format!("unsafe extern \"C\" fn(graph: *mut Graph{args}){result}")
    }
}

fn table() -> Vec<Row> {
    let source = std::fs::read_to_string(root().join("plugins/api/src/table.rs")).unwrap();
    let rows = source.split("\ntable! {\n").nth(1).unwrap().split("\n}").next().unwrap();
    let row = |row: &str| {
        let (doc, code): (Vec<&str>, Vec<&str>) =
            row.lines().map(str::trim).filter(|line| !line.is_empty()).partition(|l| l.starts_with("///"));
        let doc = doc.iter().map(|line| line.trim_start_matches("///").trim()).collect::<Vec<_>>().join(" ");
        let code = code.join(" ").replace("abi::", "");
        let in_c = code.strip_prefix("fn ").unwrap().split(" as (").next().unwrap();
        let (name, rest) = in_c.split_once('(').unwrap();
        let (args, result) = rest.rsplit_once(')').unwrap();
        let args = args.split(", ").filter_map(|arg| arg.split_once(": "));
        Row {
            doc,
            name: name.to_string(),
            args: args.map(|(name, kind)| (name.to_string(), kind.to_string())).collect(),
            result: result.trim().strip_prefix("-> ").map(str::to_string),
        }
    };
    let rows: Vec<Row> = rows.trim_end_matches(';').split(";\n").map(row).collect();
    assert!(rows.iter().map(|row| row.name.as_str()).eq(abi::Host::FUNCTIONS.iter().map(|(name, _)| *name)));
    rows
}

/// Words in lines of at most 120 columns, the first and the others each with a prefix.
fn wrapped(words: &str, separator: &str, first: &str, others: &str) -> String {
    let mut text = first.to_string();
    let mut column = first.len();
    for (i, word) in words.split_inclusive(separator).enumerate() {
        if i > 0 && column + word.trim_end().len() > 118 {
            text.truncate(text.trim_end().len());
            text += &format!("\n{others}");
            column = others.len();
        }
        text += word;
        column += word.len();
    }
    text
}

/// The table in C: each function with its comment.
fn table_in_c() -> String {
    let mut text = String::from("    uint32_t abi_version;\n    size_t struct_size;\n");
    for row in table() {
        text += &wrapped(&row.doc.replace('`', ""), " ", "    /* ", "     * ");
        text += " */\n";
        let declared = |(name, kind): &(String, String)| {
            let kind = c_type(kind);
            let space = if kind.ends_with('*') { "" } else { " " };
            format!(", {kind}{space}{name}")
        };
        let args: String = row.args.iter().map(declared).collect();
        let result = row.result.map_or("void".to_string(), |result| c_type(&result));
        let first = format!("    {result} (*{}(", row.name + ")");
        let others = " ".repeat(first.len());
        text += &wrapped(&format!("yolo_graph *graph{args});\n"), ", ", &first, &others);
    }
    text
}

/// The header's table is written by this suite, with `YOLO_WRITE_HEADER=1` in its environment.
#[test]
fn the_table_in_c_is_written_from_the_one_in_rust() {
    let path = root().join("plugins/api/include/yolo_plugin.h");
    let header = std::fs::read_to_string(&path).unwrap();
    let (start, end) = ("typedef struct yolo_host {\n", "} yolo_host;\n");
    let (before, rest) = header.split_once(start).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{start}{}{end}{after}", table_in_c());
    if std::env::var_os("YOLO_WRITE_HEADER").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    let lines = header.lines().zip(expected.lines()).find(|(is, should)| is != should);
    assert!(
        header == expected,
        "yolo_plugin.h lacks what table.rs says, first at {lines:?}; this suite writes it with YOLO_WRITE_HEADER=1"
    );
}

#[test]
fn every_operation_has_a_function() {
    let functions: Vec<&str> = abi::Host::FUNCTIONS.iter().map(|(name, _)| *name).collect();
    let missing = Op::NAMES.iter().filter(|name| **name != "input" && !functions.contains(name));
    report(missing.map(|name| format!("{name}: no row of plugins/api/src/table.rs has it")).collect());
}

#[test]
fn every_field_and_function_is_the_same() {
    let rust_source = rust_source();
    let mut rust = BTreeMap::new();
    for body in between(&rust_source, "#[repr(C)]", "}") {
        let (name, fields) = body.split_once("pub struct ").unwrap().1.split_once(" {").unwrap();
        let fields = fields.split("pub ").skip(1).map(|field| {
            let (name, kind) = field.trim().trim_end_matches(',').split_once(": ").unwrap();
            c_declaration(name, kind)
        });
        rust.insert(c_type(name), fields.collect::<Vec<_>>());
    }
    assert_eq!(rust.remove("yolo_graph").map(|fields| fields.len()), Some(0), "the graph is opaque");
    assert_eq!(rust.len(), 12, "{:?}", rust.keys());
    let functions = table().into_iter().map(|row| c_declaration(&row.name, &row.pointer()));
    let sizes = ["uint32_t abi_version", "size_t struct_size"].map(String::from);
    rust.insert("yolo_host".into(), sizes.into_iter().chain(functions).collect());
    let header = header();
    let mut c = BTreeMap::new();
    for body in between(&header, "typedef struct ", "}").into_iter().filter(|body| body.contains('{')) {
        // An opaque struct stands before one with a body.
        let (name, fields) = body.split_once('{').unwrap();
        c.insert(name.trim().to_string(), fields.split_terminator(';').map(tokens).collect::<Vec<_>>());
    }
    for fields in c.values_mut() {
        fields.retain(|field| !field.is_empty());
    }
    assert!(rust.keys().eq(c.keys()), "in Rust {:?}, in C {:?}", rust.keys(), c.keys());
    let mut failures = Vec::new();
    for (name, rust) in &rust {
        let c = &c[name];
        let at = (0..rust.len().max(c.len())).find(|&at| rust.get(at) != c.get(at));
        failures
            .extend(at.map(|at| format!("{name}, {at}: in Rust {:?}, in C {:?}", rust.get(at), c.get(at))));
    }
    report(failures);

    let function = between(&rust_source, "pub type OpFunction = ", ";")[0];
    let typedef = between(&header, "typedef uint32_t (", ";")[0];
    assert_eq!(c_declaration("yolo_op_function", function), tokens(&format!("uint32_t ({typedef}")));
}

/// Every constant: `pub mod act { pub const RELU: u32 = 0;` is `#define YOLO_ACT_RELU 0u`.
#[test]
fn every_number_is_the_same() {
    let source = rust_source();
    let mut rust = BTreeMap::from([("YOLO_NONE".to_string(), "((yolo_value)0)".to_string())]);
    let mut module = String::new();
    for item in source.split("pub ").skip(1) {
        if let Some(name) = item.strip_prefix("mod ") {
            module = format!("{}_", upper(name.split(' ').next().unwrap()));
        } else if let Some(constant) = item.strip_prefix("const ") {
            let Some((name, value)) =
                constant.split_once(": u32 = ").or_else(|| constant.split_once(": usize = "))
            else {
                continue;
            };
            let unsigned = if constant.contains(": u32") { "u" } else { "" };
            let value = value.split(';').next().unwrap();
            rust.insert(format!("YOLO_{module}{name}"), format!("{value}{unsigned}"));
        }
        if item.contains('}') {
            module.clear();
        }
    }
    assert!(rust.len() > 30, "{rust:?}");
    let header = header();
    let defines =
        header.lines().filter_map(|line| line.trim().strip_prefix("#define YOLO_")?.split_once(' '));
    let c: BTreeMap<String, String> = defines
        .filter(|(name, _)| !name.contains('(') && !["EXPORT", "PLUGIN_H"].contains(name))
        .map(|(name, value)| (format!("YOLO_{name}"), value.trim().to_string()))
        .collect();
    assert_eq!(rust, c);
}

/// `sizeof` and every `offsetof`, in the order in which the fields are listed.
macro_rules! layout {
    ($($c:literal: $rust:ident { $($field:ident $(= $name:literal)?),* })*) => {
        [$(
            // Fails to compile when a field is not listed.
            {
                let _ = |whole: abi::$rust| { let abi::$rust { $($field: _),* } = whole; };
                (
                    $c,
                    size_of::<abi::$rust>(),
                    vec![$((
                        [stringify!($field), $($name)?].last().unwrap().to_string(),
                        std::mem::offset_of!(abi::$rust, $field),
                    )),*],
                )
            }
        ),*]
    };
}

#[test]
fn compilers_lay_the_structs_out_as_rust_does() {
    let layouts = layout! {
        "yolo_str": Str { data, len }
        "yolo_arg": Arg { kind, int = "integer", float = "number", text, ints, ints_len }
        "yolo_param": Param { name, help, kind, optional, default = "default_value", min, max, choices, choices_len }
        "yolo_conv2d": Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias }
        "yolo_pool2d": Pool2d { kernel, stride, padding, dilation, ceil_mode }
        "yolo_init": Init { kind, a, b }
        "yolo_tensor": Tensor { rank, shape, data, len }
        "yolo_op_call": OpCall { struct_size, attributes, attributes_len, inputs, inputs_len, output, grad_output,
                                 grad_inputs, message, message_len }
        "yolo_op": Op { struct_size, name, onnx, shape, forward, backward, user }
        "yolo_call": Call { struct_size, host, graph, inputs, inputs_len, args, args_len, repeat }
        "yolo_block": Block { struct_size, name, help, params, params_len, repeat, min_inputs, max_inputs, build, user }
        "yolo_plugin": Plugin { abi_version, struct_size, name, version, blocks, blocks_len }
    };
    let head = [
        ("abi_version".to_string(), std::mem::offset_of!(abi::Host, abi_version)),
        ("struct_size".to_string(), std::mem::offset_of!(abi::Host, struct_size)),
    ];
    let functions = abi::Host::FUNCTIONS.iter().map(|(name, offset)| (name.to_string(), *offset));
    let host = ("yolo_host", size_of::<abi::Host>(), head.into_iter().chain(functions).collect());
    let mut program = String::from(
        "#include <stddef.h>\n#include <stdio.h>\n#include \"yolo_plugin.h\"\nint main(void)\n{\n",
    );
    program += "    printf(\"yolo_value %u\\n\", (unsigned)sizeof(yolo_value));\n";
    let mut expected = format!("yolo_value {}\n", size_of::<abi::Value>());
    for (name, size, fields) in layouts.into_iter().chain([host]) {
        program += &format!("    printf(\"{name} %u\\n\", (unsigned)sizeof({name}));\n");
        expected += &format!("{name} {size}\n");
        for (field, offset) in fields {
            program +=
                &format!("    printf(\"{name}.{field} %u\\n\", (unsigned)offsetof({name}, {field}));\n");
            expected += &format!("{name}.{field} {offset}\n");
        }
    }
    program += "    return 0;\n}\n";
    let folder = tempfile::tempdir().unwrap();
    let compilers = [("cc", "c", "-std=c99"), ("clang", "c", "-std=c11"), ("c++", "cpp", "-std=c++11")];
    for (compiler, extension, standard) in compilers {
        if compiler != "cc" && !is_installed(compiler) {
            eprintln!("SKIPPED: {compiler} is not here");
            continue;
        }
        let (source, binary) =
            (folder.path().join("layout").with_extension(extension), folder.path().join("layout"));
        std::fs::write(&source, &program).unwrap();
        let mut compile = Command::new(compiler);
        compile.args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"]);
        compile.arg(root().join("plugins/api/include")).arg("-o").arg(&binary).arg(&source);
        assert!(compile.status().unwrap().success(), "{compiler} {standard}");
        let printed = Command::new(&binary).output().unwrap().stdout;
        assert_eq!(String::from_utf8(printed).unwrap(), expected, "{compiler} {standard}");
    }
}
