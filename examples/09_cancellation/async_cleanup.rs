//! Work that must be awaited at the end: told to stop instead of cancelled.
//!
//! Ports: none of the programs. Article B's section on stopping coroutines needs it.
//!
//! ```text
//! $ cargo run --example async_cleanup
//! cancelled: 0 of 3 records are in the file
//! told to stop: 3 of 3 records are in the file
//! ```
//!
//! A cancelled future is dropped where it stands. Its destructors run, and they cannot await: what the
//! buffer held is lost, without an error. In asyncio, `finally:` and `async with` can await after a
//! cancellation; here nothing can.
//!
//! So what has an end to attend to is not cancelled but told to stop, and awaited. Closing its channel
//! is the plainest way to tell: the task takes what was accepted before, leaves its loop and flushes.
//! Whoever awaits it sets a time limit, or an end that hangs hangs the program.
//!
//! Ctrl-C takes the same way out, with exit status 130 (in the first half it is noticed when the second
//! begins). A second Ctrl-C ends the process at once, and leaves the file.
//!
//! (`block_on` inside `drop` is no way out: it stops the loop meanwhile, and hangs if what it waits
//! for needs that loop.)
//!
//! Who owns what: `main` owns the file's name, `async_main` owns the journal's task and its channel, and
//! the task owns the open file.
//!
//! asyncio: `async with` (telling the task to stop, then awaiting it), `finally`, `task.cancel`,
//! `asyncio.wait_for`, `KeyboardInterrupt`.
//! Node: `process.on('SIGINT')`, `finally`.
//! Paste: `cargo add smol`; the library's `interrupt.rs`, `run.rs`, `spawn.rs`, `task_list.rs` and
//! `timeout.rs` with `cargo add async-executor async-io futures-lite pin-project-lite slab`,
//! `cargo add signal-hook --no-default-features`. `just copy async_cleanup DIR` does it.

use asyncio_to_smol::interrupt::Interrupts;
use asyncio_to_smol::run::{Spawner, run};
use asyncio_to_smol::timeout::timeout_task;
use smol::channel::{self, Receiver, Sender};
use smol::fs::{self, File};
use smol::io::{AsyncWriteExt, BufWriter};
use smol::{Timer, future};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, io, process};

/// Writes records to the file until their channel is closed.
async fn journal(path: PathBuf, records: Receiver<String>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path).await?);
    while let Ok(record) = records.recv().await {
        file.write_all(record.as_bytes()).await?;
    }
    file.flush().await // only here: on the way out, and awaited
}

/// Makes three records. Counts those that the journal has accepted, until it is dropped.
async fn make_records(journal: &Sender<String>, accepted: &mut usize) {
    for n in 1..=3 {
        Timer::after(Duration::from_millis(100)).await;
        if journal.send(format!("record {n}\n")).await.is_err() {
            return; // the journal has failed, and says why
        }
        *accepted += 1;
    }
}

async fn report(how: &str, accepted: usize, path: &Path) -> io::Result<()> {
    let written = fs::read_to_string(path).await?.lines().count();
    println!("{how}: {written} of {accepted} records are in the file");
    Ok(())
}

async fn async_main(ex: Spawner<'_>, interrupts: &Interrupts, path: &Path) -> io::Result<ExitCode> {
    // The wrong way.
    let (sender, records) = channel::unbounded();
    let task = ex.spawn(journal(path.to_path_buf(), records));
    let mut accepted = 0;
    make_records(&sender, &mut accepted).await;
    task.cancel().await;
    report("cancelled", accepted, path).await?;

    // The right way.
    let (sender, records) = channel::unbounded();
    let task = ex.spawn(journal(path.to_path_buf(), records));
    let mut accepted = 0;
    let all_made = async {
        make_records(&sender, &mut accepted).await;
        ExitCode::SUCCESS
    };
    let interrupted = async { interrupts.received().await.into() };
    let exit_code = future::or(all_made, interrupted).await;

    sender.close();
    timeout_task(Duration::from_secs(5), task).await??;
    report("told to stop", accepted, path).await?;
    Ok(exit_code)
}

/// A file that is removed when this is dropped.
struct TemporaryFile(PathBuf);

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // it may not exist yet
    }
}

fn main() -> ExitCode {
    // The file goes before the listening ends: no Ctrl-C comes in between.
    let interrupts = Interrupts::listen();
    let file = TemporaryFile(env::temp_dir().join(format!("async_cleanup-{}", process::id())));
    let result = run(|ex| async_main(ex, &interrupts, &file.0));
    result.unwrap_or_else(|error| {
        eprintln!("async_cleanup: {}: {error}", file.0.display());
        ExitCode::FAILURE
    })
}
