//! Counts the lines of a file: the same stream of lines, and errors that do not name the file.
//!
//! Ports: none of the programs. async-std's example `line-count`.
//!
//! ```text
//! $ cargo run --example line_count
//! three.txt: 3 lines
//! empty.txt: 0 lines
//! latin1.txt: invalid data
//! missing.txt: entity not found
//! ```
//!
//! What async-std's example uses, and what takes its place:
//! - `async_std::fs::File` and `io::BufReader`: `smol::fs::File` and `smol::io::BufReader`.
//! - `async_std::prelude::*`: `AsyncBufReadExt` for `lines`, `StreamExt` for `next`. smol has a prelude, too.
//! - `task::block_on`: `smol::block_on`.
//!
//! The last line counts with or without a line feed. A line that is not UTF-8 is an error, as in async-std;
//! `split(b'\n')` in place of `lines()` gives bytes, and counts such a file as well.
//!
//! What differs: async-std puts the path into its errors ("could not open `missing.txt`"), and leaves the system's
//! message out of it. smol returns std's error, which has no path: add it where you print the error.
//!
//! Who owns what: the stream of lines owns the reader, which owns the file, which is closed when `count_lines`
//! returns. That drop loses nothing, since nothing was written. `fs::write` returns when all bytes are in the
//! file. The folder is removed when its owner is dropped, also after an error.
//!
//! Paste: `cargo add smol`.

use smol::fs::{self, File};
use smol::io::{self, AsyncBufReadExt, BufReader};
use smol::stream::StreamExt;
use std::path::{Path, PathBuf};

// ANCHOR: excerpt
async fn count_lines(path: &Path) -> io::Result<u64> {
    let file = File::open(path).await?;
    let mut lines = BufReader::new(file).lines();
    let mut count = 0;
    while let Some(line) = lines.next().await {
        line?;
        count += 1;
    }
    Ok(count)
}
// ANCHOR_END: excerpt

/// A temporary folder. Removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("line_count-{}", std::process::id()));
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
        fs::write(folder.0.join("three.txt"), "one\ntwo\nthree").await?;
        fs::write(folder.0.join("empty.txt"), "").await?;
        fs::write(folder.0.join("latin1.txt"), b"one\ncaf\xe9\n").await?;
        for name in ["three.txt", "empty.txt", "latin1.txt", "missing.txt"] {
            match count_lines(&folder.0.join(name)).await {
                Ok(count) => println!("{name}: {count} lines"),
                Err(error) => println!("{name}: {}", error.kind()),
            }
        }
        Ok(())
    })
}
