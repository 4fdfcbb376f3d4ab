//! Blocks from crates and from dynamic libraries, sound and hostile.

mod custom_operations;
mod header;
mod hostile;
mod libraries;
mod new_block;
mod registry;
