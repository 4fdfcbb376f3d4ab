//! The host's side of the border to block plugins: from a block's name in YAML to the block, linked in or from a dynamic
//! library, and the table of C functions through which a block grows the graph.

pub mod activation;
mod arg;
mod custom;
// It also reads what libraries say of themselves.
#[cfg_attr(not(any(unix, windows)), allow(dead_code))]
mod descriptors;
mod entry;
mod error;
mod families;
mod inspect;
mod library;
mod origin;
mod registry;
mod search;
pub(crate) mod session;
pub(crate) mod table;

pub use arg::{Arg, ArgError};
pub use entry::{DETECT, Entry, Kind, ParamInfo};
pub use error::{LibraryError, RegistryError};
pub use families::{families, family_of};
pub use inspect::check as check_library;
pub use origin::Origin;
pub use registry::Registry;
pub use search::PLUGIN_PATH;
