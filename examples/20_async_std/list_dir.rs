//! Lists a folder: `read_dir` is a stream in both, and `Path` has no async methods here.
//!
//! Ports: none of the programs. async-std's example `list-dir`.
//!
//! ```text
//! $ cargo run --example list_dir
//! README.md
//! notes.txt
//! src/
//! ```
//!
//! What async-std's example uses, and what takes its place:
//! - `async_std::fs::read_dir`: `smol::fs::read_dir`, also a stream of `io::Result<DirEntry>`.
//! - `dir.next()` and `res?`: the same, or `try_next().await?`, which async-std does not have.
//! - `dir.collect::<io::Result<Vec<_>>>()` of `FromStream`: `try_collect()`.
//! - `async_std::path::Path` with `read_dir`, `exists`, `is_dir`, … as async methods: std's `Path`, whose
//!   methods of these names block. The functions in `smol::fs` take it instead; for `path.exists().await`
//!   write `smol::fs::metadata(path).await.is_ok()`.
//!
//! In both, the order is that of the file system; here the names are sorted. In both, each entry and each
//! `file_type` is a hop to a thread for blocking work: for a folder with many files use std's `read_dir` in a
//! single `smol::unblock`.
//!
//! Who owns what: the stream owns the open folder, and closes it when it is dropped. The folder of this program is
//! removed when its owner is dropped, also after an error.
//!
//! Paste: `cargo add smol`.

use smol::fs;
use smol::io;
use smol::stream::StreamExt;
use std::path::{Path, PathBuf};

// ANCHOR: excerpt
async fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut entries = fs::read_dir(path).await?;
    while let Some(entry) = entries.try_next().await? {
        let mut name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().await?.is_dir() {
            name.push('/');
        }
        names.push(name);
    }
    Ok(names)
}
// ANCHOR_END: excerpt

/// A temporary folder. Removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("list_dir-{}", std::process::id()));
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
        fs::create_dir(folder.0.join("src")).await?;
        fs::write(folder.0.join("notes.txt"), "").await?;
        fs::write(folder.0.join("README.md"), "").await?;
        let mut names = names(&folder.0).await?;
        names.sort();
        for name in names {
            println!("{name}");
        }
        Ok(())
    })
}
