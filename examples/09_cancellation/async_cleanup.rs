//! Final work that must be awaited: signal the task to stop instead of cancelling it.
//!
//! Ports: none of the programs. Article B's section on stopping coroutines needs it.
//!
//! ```text
//! $ cargo run --example async_cleanup
//! cancelled: 0 of 3 records are in the file
//! told to stop: 3 of 3 records are in the file
//! ```
//!
//! A cancelled future is dropped where it awaits. Its destructors run, but they cannot await: the
//! contents of the buffer are lost, without an error. In asyncio, `finally:` and `async with` can
//! await after a cancellation, and a task can refuse it (`uncancel`). Here neither is possible.
//!
//! So a task with final work is not cancelled: signal it to stop, and await it. The simplest signal
//! is to close its channel: the task takes the remaining messages, leaves its loop and flushes.
//! Await it with a time limit, or a hanging task hangs the program.
//!
//! Ctrl-C signals the task to stop, too, and the exit status is 130. A thread waits for the
//! signals: it passes on the first, and ends the process at the second, which leaves the file
//! behind. A signal within half a second counts as the first, since `timeout` and other parents
//! relay a signal that the terminal has sent to the program, too.
//!
//! (`block_on` inside `drop` does not help: it stops the loop meanwhile, and hangs if what it waits
//! for needs that loop.)
//!
//! Who owns what: `main` owns the file's name, `async_main` owns the journal's task and its channel, and
//! the task owns the open file. The thread owns the signals until the process ends; it has nothing to
//! tear down, and is not joined.
//!
//! asyncio: `async with resource` (telling the task to stop, then awaiting it), `finally`,
//! `task.cancel`, `task.uncancel` (none: signal the task to stop instead), `task.cancelling` (none: the same),
//! `asyncio.wait_for`, `KeyboardInterrupt`.
//! Node: `process.on('SIGINT')`, `finally`.
//! Paste: `cargo add smol async-signal`.

use async_signal::{Signal, Signals};
use smol::channel::{self, Receiver};
use smol::io::{AsyncWriteExt, BufWriter};
use smol::{LocalExecutor, Timer, block_on, fs, future, stream};
use std::path::Path;
use std::process::{ExitCode, exit, id};
use std::time::{Duration, Instant};
use std::{env, io, io::Write, thread};

/// Receives the exit status that belongs to the first SIGINT or SIGTERM.
fn interrupts() -> io::Result<Receiver<u8>> {
    let signals = Signals::new([Signal::Int, Signal::Term]);
    let signals = signals.or_else(|_| Signals::new([Signal::Int]))?; // Windows has no SIGTERM
    let (sender, receiver) = channel::bounded(1);
    thread::spawn(move || {
        let mut statuses = stream::block_on(signals).map_while(|it| Some(128 + it.ok()? as u8));
        let _ = sender.try_send(statuses.next().unwrap_or(1));
        let first = Instant::now();
        let second = statuses.find(|_| first.elapsed() > Duration::from_millis(500));
        exit(second.unwrap_or(1).into());
    });
    Ok(receiver)
}

/// Writes records to the file until their channel is closed.
async fn journal(file: fs::File, records: Receiver<&'static str>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    while let Ok(record) = records.recv().await {
        file.write_all(record.as_bytes()).await?;
    }
    file.flush().await // only here: on the way out, and awaited
}

/// Returns the exit status.
async fn async_main(ex: &LocalExecutor<'_>, path: &Path) -> io::Result<u8> {
    let interrupts = interrupts()?;
    let mut status = 0;
    for how in ["cancelled", "told to stop"] {
        let file = fs::File::create(path).await?; // not in the task: a signal can cancel it at once
        let (sender, records) = channel::unbounded();
        let task = ex.spawn(journal(file, records));
        for record in ["one\n", "two\n", "three\n"] {
            let _ = sender.send(record).await; // a journal that has failed says why
        }
        let timer = Timer::after(Duration::from_millis(300));
        let interrupted = async { status = interrupts.recv().await.unwrap_or(1) };
        future::or(async { _ = timer.await }, interrupted).await;

        if how == "cancelled" {
            task.cancel().await; // the wrong way
        } else {
            sender.close(); // the right way
            let late = async {
                Timer::after(Duration::from_secs(5)).await;
                Err(io::ErrorKind::TimedOut.into())
            };
            future::or(task, late).await?;
        }
        let written = fs::read_to_string(path).await?.lines().count();
        let line = format!("{how}: {written} of 3 records are in the file\n");
        io::stdout().write_all(line.as_bytes())?;
    }
    Ok(status)
}

fn main() -> ExitCode {
    let path = env::temp_dir().join(format!("async_cleanup-{}", id()));
    let ex = LocalExecutor::new();
    let result = block_on(ex.run(async_main(&ex, &path)));
    let _ = std::fs::remove_file(&path);
    let status = result.map_err(|error| eprintln!("async_cleanup: {}: {error}", path.display()));
    ExitCode::from(status.unwrap_or(1))
}
