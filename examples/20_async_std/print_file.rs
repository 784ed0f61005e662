//! Prints a file to stdout: bytes that are not flushed when the program ends may be lost.
//!
//! Ports: none of the programs. async-std's example `print-file`.
//!
//! ```text
//! $ cargo run --example print_file
//! one
//! two
//! three
//! (14 bytes)
//! ```
//!
//! What async-std's example uses, and what takes its place:
//! - `async_std::io::stdout()`: `smol::Unblock::new(std::io::stdout())`. `Unblock` writes on a thread for
//!   blocking work, so that a slow reader of the output does not stop the other tasks.
//! - a loop of `read` and `write_all` with a buffer of 16 KiB: `smol::io::copy`, which exists in both.
//!   async-std takes `&mut` of both sides, or the sides themselves with its feature `unstable`; smol takes
//!   either.
//!
//! What differs: **without the `flush` the last line is missing in one run of five.** async-std's `write` returns
//! when std has the bytes, and std prints them at the end of the program. `Unblock`'s `write_all` returns when
//! they are in a pipe to its thread. The end of `main` also ends that thread, at any point. `copy` flushes at the
//! end, in both. A `smol::fs::File` also needs `flush().await` before it is dropped; async-std's flushes in its
//! destructor, by blocking.
//!
//! `println!` overtakes bytes that an `Unblock<Stdout>` has not flushed. A closed pipe is an error (`BrokenPipe`)
//! here, and a panic in `println!`.
//!
//! Who owns what: `copy` owns the file and closes it when it is done; it borrows stdout. The folder is
//! removed when its owner is dropped, also after an error.
//!
//! Paste: `cargo add smol`.

use smol::Unblock;
use smol::fs::{self, File};
use smol::io::{self, AsyncWriteExt};
use std::path::{Path, PathBuf};

// ANCHOR: excerpt
async fn print(path: &Path) -> io::Result<()> {
    let file = File::open(path).await?;
    let mut stdout = Unblock::new(std::io::stdout());
    let bytes = io::copy(file, &mut stdout).await?;
    let end = format!("({bytes} bytes)\n");
    stdout.write_all(end.as_bytes()).await?;
    stdout.flush().await // without it the last line may be lost
}
// ANCHOR_END: excerpt

/// A temporary folder. Removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("print_file-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn main() -> io::Result<()> {
    let folder = Folder::create()?;
    smol::block_on(async {
        let path = folder.0.join("three.txt");
        fs::write(&path, "one\ntwo\nthree\n").await?;
        print(&path).await
    })
}
