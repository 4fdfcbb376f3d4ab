//! This crate's own files, for a program that writes new plugins.

/// `yolo_plugin.h`
pub const HEADER: &str = include_str!("../include/yolo_plugin.h");

/// A manifest for a copy of this crate that belongs to no workspace.
pub const MANIFEST: &str = concat!(
    "[package]\nname = \"yolo-plugin\"\nversion = \"",
    env!("CARGO_PKG_VERSION"),
    "\"\nedition = \"2024\"\nlicense = \"",
    env!("CARGO_PKG_LICENSE"),
    "\"\n\n[dependencies]\ninventory = \"0.3.25\"\n",
);

/// Every other file: its path in the crate, and its text.
pub const SOURCES: [(&str, &str); 16] = [
    ("include/yolo_plugin.h", HEADER),
    ("src/abi/block.rs", include_str!("abi/block.rs")),
    ("src/abi/host.rs", include_str!("abi/host.rs")),
    ("src/abi/mod.rs", include_str!("abi/mod.rs")),
    ("src/abi/op.rs", include_str!("abi/op.rs")),
    ("src/args.rs", include_str!("args.rs")),
    ("src/block.rs", include_str!("block.rs")),
    ("src/builder.rs", include_str!("builder.rs")),
    ("src/carried.rs", include_str!("carried.rs")),
    ("src/kinds.rs", include_str!("kinds.rs")),
    ("src/layers.rs", include_str!("layers.rs")),
    ("src/lib.rs", include_str!("lib.rs")),
    ("src/library.rs", include_str!("library.rs")),
    ("src/operation.rs", include_str!("operation.rs")),
    ("src/param.rs", include_str!("param.rs")),
    ("src/table.rs", include_str!("table.rs")),
];
