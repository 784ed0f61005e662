//! Reads the heads of the programs, and runs a program as its head shows. The commands of this package use it;
//! `tests/programs` and `tests/catalogue.rs` include it by its path.

pub mod head;
pub mod play;
#[allow(clippy::duplicate_mod, reason = "tests/common includes it, too")]
#[path = "../../../common/process.rs"]
pub mod process;

/// An error is one line, which names the file or the program.
pub type Result<T> = std::result::Result<T, String>;
