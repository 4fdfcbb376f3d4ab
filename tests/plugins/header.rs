//! `yolo_plugin.h` says what the Rust types say: every field and function with its types, every number; and C and C++
//! compilers lay the structs out as Rust does.

use std::collections::BTreeMap;
use std::process::Command;
use yolo_plugin::abi;
use yolo_tests::plugins::is_installed;
use yolo_tests::root;

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
    assert_eq!(rust.len(), 13, "{:?}", rust.keys());
    assert!(rust["yolo_host"].len() > 28);

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
    assert_eq!(rust, c);

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
        "yolo_host": Host { abi_version, struct_size, fail, push_scope, pop_scope, channels, parameter, conv2d,
                            batch_norm, linear, activation, pool2d, global_pool, pad, add, mul, affine, concat, slice,
                            channel_shuffle, upsample, space_to_depth, depth_to_space, matmul, softmax, reshape,
                            transpose, unflatten_like, status, message, custom }
        "yolo_call": Call { struct_size, host, graph, inputs, inputs_len, args, args_len, repeat }
        "yolo_block": Block { struct_size, name, help, params, params_len, repeat, min_inputs, max_inputs, build, user }
        "yolo_plugin": Plugin { abi_version, struct_size, name, version, blocks, blocks_len }
    };
    let mut program = String::from(
        "#include <stddef.h>\n#include <stdio.h>\n#include \"yolo_plugin.h\"\nint main(void)\n{\n",
    );
    program += "    printf(\"yolo_value %u\\n\", (unsigned)sizeof(yolo_value));\n";
    let mut expected = format!("yolo_value {}\n", size_of::<abi::Value>());
    for (name, size, fields) in layouts {
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
