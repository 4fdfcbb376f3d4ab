//! Foreign bytes: files that are damaged, hostile or simply wrong; and the habits of the source itself.

mod bad_input;
mod hostile_runs;
mod layers;
mod parser;
mod recorded;
mod tidy;
