//! The way of a crate's blocks into a dynamic library.

use crate::{abi, registered};
use std::sync::OnceLock;

/// What the library's entry hands to the host: every block linked into it, by name.
pub fn library(name: &'static str, version: &'static str) -> *const abi::Plugin {
    static PLUGIN: OnceLock<abi::Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        let mut blocks: Vec<_> = registered().map(|registered| registered.block).collect();
        blocks.sort_by_key(|block| block.name);
        // The library is never unloaded, and neither is its description.
        let blocks = blocks.into_iter().map(|block| &*Box::leak(Box::new(block.descriptor())));
        let blocks = Vec::leak(blocks.map(std::ptr::from_ref).collect());
        abi::Plugin {
            abi_version: abi::ABI_VERSION,
            struct_size: size_of::<abi::Plugin>(),
            name: abi::Str::new(name),
            version: abi::Str::new(version),
            blocks: blocks.as_ptr(),
            blocks_len: blocks.len(),
        }
    })
}

/// Makes a `cdylib` a plugin that `yolo --plugin` loads, with every block that is linked into it. Once in a library, and only
/// in a target that nothing links.
#[macro_export]
macro_rules! export {
    () => {
        /// The blocks of this library.
        #[unsafe(no_mangle)]
        pub extern "C" fn yolo_plugin_entry() -> *const $crate::abi::Plugin {
            $crate::library(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        }
    };
}
