//! The block contract of yolo-host.
//!
//! A block is described once, as a small graph of primitive operations. From that one description the host infers its
//! shapes, names and fills its parameters, counts its operations and runs it. A plugin never touches a tensor, a file or YAML.
//!
//! - [`Block`]: name in YAML, positional arguments, meaning of `number`, and a function that builds it.
//! - [`Param`] and [`Args`]: the arguments as declared, and as given in one layer.
//! - [`Builder`]: emits primitives. Names give the parameters, as in a PyTorch `state_dict`:
//!   `builder.conv2d("branch2.5", …)` in layer 2 makes `model.2.branch2.5.weight`.
//! - [`register!`]: makes the block known to every program that links the crate.
//! - [`export!`]: makes a dynamic library of them, which `yolo --plugin` loads.
//! - [`Operation`]: arithmetic that the builder's operations lack, on slices of f32.
//!
//! Nothing returns an error: the first failure sticks to the graph, every later call returns [`Value::NONE`], and the
//! host reports the failure with file, layer and block.
//!
//! ```
//! use yolo_plugin::{Args, Block, Builder, Conv2d, Param, Value, register};
//!
//! /// Depthwise 3×3, then pointwise.
//! static SEPARABLE: Block = Block::new("Separable", "depthwise 3×3 and pointwise convolution", build)
//!     .params(&[Param::width("c2").help("output channels"), Param::int("s").or_int(1).help("stride")]);
//!
//! fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
//!     let channels = b.channels(x[0]);
//!     let y = b.conv2d("dw", x[0], Conv2d::same(channels, 3).stride(args.int("s")).groups(channels));
//!     let y = b.batch_norm("bn1", y);
//!     let y = b.relu(y);
//!     let y = b.conv2d("pw", y, Conv2d::same(args.int("c2"), 1));
//!     b.batch_norm("bn2", y)
//! }
//!
//! register!(SEPARABLE);
//! # assert!(yolo_plugin::registered().any(|r| r.block.name == "Separable"));
//! ```

pub mod abi;
mod args;
mod block;
mod builder;
pub mod carried;
mod kinds;
mod layers;
mod library;
mod operation;
mod param;
mod table;

pub use abi::{Conv2d, Pool2d, Value};
pub use args::Args;
pub use block::{Block, Build, Registered, Repeat, registered};
pub use builder::Builder;
pub use kinds::{Act, Init, Order, Pool, Upsample};
pub use library::library;
pub use operation::{Backward, Forward, Gradient, Input, Operation, Shape};
pub use param::{Param, Word};

#[doc(hidden)]
pub use inventory;
