//! Files: replaced when complete, a folder walked by eight at once, and what is lost without a flush.
//!
//! Ports: none of the programs. It shows Node's `fs.promises` and Python's `aiofiles`.
//!
//! ```text
//! $ cargo run --example files
//! opened before: green, after: blue
//! dropped without a flush: ""
//! io::copy, which flushes: "a record"
//! walk: 408 bytes in 81 folders, 8 at once
//! ```
//!
//! `smol::fs` is std's `fs` on a pool of threads, like `fs.promises` in Node and `aiofiles` in Python: a file is
//! always ready, so an event loop cannot wait for it as for a socket.
//!
//! A file is replaced by a rename, which is atomic: readers that opened the file before see the old text, later
//! ones the new text. A crash at any point leaves one of the two, and perhaps the temporary file. The temporary
//! file must be in the same folder, and on the disk (`sync_all`) before the rename. Concurrent writers need
//! different temporary names. (To be sure of the new text after a power failure, `sync_all` the folder, too.)
//!
//! A `BufWriter` that is dropped without a flush loses its bytes without an error: `drop` cannot await. A `File`
//! hands its bytes to a thread. Of 100 dropped like this, some ten had their eight bytes; a megabyte was there
//! whole, in part, or not at all. Python flushes a file when it is closed or collected, and Node's calls write at
//! once. Errors come late, too: on a full disk `write_all` returns `Ok`, and the next `flush` or `close` the
//! error. So: `flush().await?`. `fs::write` and `io::copy` flush themselves.
//!
//! Each folder has a task, and a semaphore lets eight of them read at once. A task releases its permit before it
//! waits for its subfolders, which need permits. In asyncio it is a `TaskGroup` and a `Semaphore`.
//!
//! There is no `fs.watch`: the crate notify calls a closure on its own thread, and the closure can send to a
//! channel. There is no `sendfile` either: `smol::io::copy` reads and writes through a buffer. `smol::fs::copy`,
//! from file to file, lets the kernel copy.
//!
//! Who owns what: `main` owns the temporary folder, which its guard removes, also after an error. A task of the
//! walk owns those of its subfolders: an error in one of them drops the rest, which cancels them. They run on
//! `smol::spawn`, since a task on a `LocalExecutor` cannot own the executor to spawn more. After a call is
//! cancelled, the thread still completes it.
//!
//! asyncio: `aiofiles` (`smol::fs`), `loop.sendfile` (none: `smol::io::copy`), `asyncio.Semaphore`
//! (`smol::lock::Semaphore`).
//! Node: `fs.promises` (`smol::fs`), `fs.promises.readFile` (`smol::fs::read_to_string`),
//! `fs.promises.writeFile` (`smol::fs::write`), `fs.promises.rename` (`smol::fs::rename`),
//! `fs.promises.readdir` (`smol::fs::read_dir`), `fs.promises.opendir` (`smol::fs::read_dir`),
//! `filehandle.sync` (`smol::fs::File::sync_all`), `fs.watch` (none: the crate notify).
//! Paste: `cargo add smol`.

use smol::io::{self, AsyncReadExt, AsyncWriteExt, BufWriter};
use smol::stream::StreamExt;
use smol::{Task, block_on, fs, fs::File, lock::Semaphore};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::{env, process};

/// Removed when it is dropped. (`drop` cannot await: this is std's `fs`.)
struct TemporaryFolder(PathBuf);

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

// ANCHOR: excerpt
/// Writes a temporary file, and renames it when it is on the disk: readers see the old text or the new.
async fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned(); // in the same folder, and so on the same file system
    temporary.push(".tmp");
    let mut file = File::create(&temporary).await?;
    file.write_all(text.as_bytes()).await?;
    file.sync_all().await?; // which flushes first
    fs::rename(&temporary, path).await
}
// ANCHOR_END: excerpt

/// Limits how many folders are read at once. The other two count the current and the highest number.
static READERS: Semaphore = Semaphore::new(8);
static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// The bytes in all files below. Each folder has a task of `smol::spawn`.
fn walk(folder: PathBuf) -> Task<io::Result<u64>> {
    smol::spawn(async move {
        let permit = READERS.acquire().await;
        MOST.fetch_max(NOW.fetch_add(1, Relaxed) + 1, Relaxed);
        let (mut bytes, mut below) = (0, Vec::new());
        let mut entries = fs::read_dir(folder).await?;
        while let Some(entry) = entries.try_next().await? {
            if entry.file_type().await?.is_dir() {
                below.push(entry.path());
            } else {
                bytes += entry.metadata().await?.len();
            }
        }
        NOW.fetch_sub(1, Relaxed);
        drop(permit); // before the wait for the subfolders, which need one
        let tasks: Vec<_> = below.into_iter().map(walk).collect();
        for task in tasks {
            bytes += task.await?; // an error drops the other tasks, which cancels them
        }
        Ok(bytes)
    })
}

async fn async_main(folder: &Path) -> io::Result<()> {
    let path = folder.join("settings");
    let now = async || fs::read_to_string(&path).await;
    fs::write(&path, "green").await?;
    let (mut opened, mut old) = (File::open(&path).await?, String::new());
    replace(&path, "blue").await?;
    opened.read_to_string(&mut old).await?;
    println!("opened before: {old}, after: {}", now().await?);

    let mut file = BufWriter::new(File::create(&path).await?);
    file.write_all(b"a record").await?;
    drop(file);
    println!("dropped without a flush: {:?}", now().await?);
    io::copy(&b"a record"[..], File::create(&path).await?).await?;
    println!("io::copy, which flushes: {:?}", now().await?);

    for n in 0..40 {
        let below = folder.join(format!("{n}/below"));
        fs::create_dir_all(&below).await?;
        fs::write(below.join("file"), "0123456789").await?;
    }
    let bytes = walk(folder.to_path_buf()).await?;
    let most = MOST.load(Relaxed);
    println!("walk: {bytes} bytes in 81 folders, {most} at once");
    Ok(())
}

fn main() -> io::Result<()> {
    let folder = TemporaryFolder(env::temp_dir().join(format!("files-{}", process::id())));
    std::fs::create_dir(&folder.0)?;
    block_on(async_main(&folder.0))
}
