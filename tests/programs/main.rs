//! Programs as processes: those of chapters 5 to 10 and 13, and what is done with all of them.
//!
//! One test file, since most of it waits, and can do so at the same time.

#[path = "../common/mod.rs"]
mod common;
mod copies;
mod heads;
mod ipify;
mod scale;
mod tools;
