//! The safetensors format: eight bytes with the header's length, a JSON header, then the tensors without gaps.
//!
//! ```json
//! {"__metadata__": {"imgsz": "640"}, "model.0.conv.bias": {"dtype": "F32", "shape": [32], "data_offsets": [0, 128]}}
//! ```

mod read;
mod write;

pub use read::read;
pub use write::write;

/// The header's entry that is no tensor.
const METADATA: &str = "__metadata__";

/// One tensor in the header.
#[derive(serde::Deserialize, serde::Serialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    /// Where the values begin and end, in bytes from the header's end.
    data_offsets: (usize, usize),
}
