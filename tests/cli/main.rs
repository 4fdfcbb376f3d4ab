//! The command `yolo`, its files and images, and every command that a document shows.

mod detect;
mod documents;
mod options;
mod plots;
mod reports;
mod writing;
