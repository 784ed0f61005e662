//! A cancelled read on another thread loses the next line; `Stdin` loses none.
//!
//! Ports: none of the programs. It shows why the library has the module `stdin`.
//!
//! Type a number and Enter when it says so; the second one within 1.5 s:
//!
//! ```text
//! $ cargo run --example lib_stdin
//! stdin: a read is given up after 0.10 s; type a number
//! 7
//! stdin: the next read has Some("7")
//! plain smol: a read is given up after 0.10 s; type a number
//! 8
//! plain smol: the next read has None
//! ```
//!
//! `Unblock` reads on another thread, which cannot be interrupted: when the task that reads is cancelled, or its
//! time is up, the thread goes on waiting inside read(2). It takes the next typed line, finds its reader dropped,
//! and drops the line.
//!
//! [`Stdin`](../../src/stdin.rs) reads on the loop's own thread, and only when there is something. Bytes not yet
//! returned are kept for the next `Stdin`. It also works where another process reads the same pipe or terminal,
//! with a file and `/dev/null`, which epoll refuses, and with bytes that are not UTF-8, which `lines()` refuses.
//!
//! Who owns what: each read owns its reader, and drops it when it is cancelled. The threads of `Unblock` belong to
//! smol's pool; they are still blocked at the end, which is why this part comes last.
//!
//! asyncio: `loop.add_reader`.
//! Node: `process.stdin.on`.
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::{Stdin, timeout};
use smol::Unblock;
use smol::io::{AsyncBufReadExt, BufReader};
use smol::stream::StreamExt;
use std::io;
use std::time::{Duration, Instant};

async fn with_the_module() -> Option<String> {
    let line = Stdin::open().ok()?.next().await?;
    Some(String::from_utf8_lossy(&line.ok()?).into_owned())
}

async fn plain() -> Option<String> {
    let mut lines = BufReader::new(Unblock::new(io::stdin())).lines();
    lines.next().await?.ok()
}

/// Gives up a read, and reads once more for at most 1.5 s.
async fn twice(way: &str, read: impl AsyncFn() -> Option<String>) {
    let start = Instant::now();
    let _ = timeout(Duration::from_millis(100), read()).await;
    let took = start.elapsed().as_secs_f64();
    println!("{way}: a read is given up after {took:.2} s; type a number");
    let line = timeout(Duration::from_millis(1500), read()).await;
    println!("{way}: the next read has {:?}", line.ok().flatten());
}

fn main() {
    smol::block_on(async {
        twice("stdin", with_the_module).await;
        twice("plain smol", plain).await;
    });
}
