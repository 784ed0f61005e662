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
//! Awaiting it needs a time limit, or an end that hangs hangs the program.
//!
//! Ctrl-C takes the same way out, with exit status 130 (in the first half it is noticed when the second
//! begins). A thread waits for the signals: it hands on the first, and ends the process at the second,
//! which leaves the file behind. What comes within half a second belongs to the first, since `timeout`
//! and other parents relay a signal that the terminal has sent to the program, too.
//!
//! (`block_on` inside `drop` is no way out: it stops the loop meanwhile, and hangs if what it waits
//! for needs that loop.)
//!
//! Who owns what: `main` owns the file's name, `async_main` owns the journal's task and its channel, and
//! the task owns the open file. The thread owns the signals until the process ends; it has nothing to
//! tear down, and is not joined.
//!
//! asyncio: `async with` (telling the task to stop, then awaiting it), `finally`, `task.cancel`,
//! `asyncio.wait_for`, `KeyboardInterrupt`.
//! Node: `process.on('SIGINT')`, `finally`.
//! Paste: `cargo add smol async-signal`.

use async_signal::{Signal, Signals};
use smol::channel::{self, Receiver, Sender};
use smol::fs::{self, File};
use smol::io::{AsyncWriteExt, BufWriter};
use smol::{LocalExecutor, Timer, block_on, future, stream};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::time::{Duration, Instant};
use std::{env, thread};

/// Signals that come within this time after the first one are taken for the same.
const SAME: Duration = Duration::from_millis(500);

/// Receives the exit status that belongs to the first SIGINT or SIGTERM.
fn interrupts() -> io::Result<Receiver<u8>> {
    let signals = Signals::new([Signal::Int, Signal::Term]);
    let signals = signals.or_else(|_| Signals::new([Signal::Int]))?; // Windows has no SIGTERM
    let (sender, receiver) = channel::bounded(1);
    thread::spawn(move || {
        let signals = stream::block_on(signals).map_while(Result::ok);
        let mut statuses = signals.map(|signal| 128 + signal as u8);
        let _ = sender.try_send(statuses.next().unwrap_or(1));
        let first = Instant::now();
        let second = statuses.find(|_| first.elapsed() > SAME);
        process::exit(second.unwrap_or(1).into());
    });
    Ok(receiver)
}

/// Writes records to the file until their channel is closed.
async fn journal(path: PathBuf, records: Receiver<String>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path).await?);
    while let Ok(record) = records.recv().await {
        file.write_all(record.as_bytes()).await?;
    }
    file.flush().await // only here: on the way out, and awaited
}

/// Makes three records. Counts them until it is dropped.
async fn make_records(journal: &Sender<String>, made: &mut u32) -> u8 {
    for n in 1..=3 {
        Timer::after(Duration::from_millis(100)).await;
        let _ = journal.send(format!("record {n}\n")).await; // a journal that has failed says why
        *made = n;
    }
    0
}

async fn report(how: &str, made: u32, path: &Path) -> io::Result<()> {
    let written = fs::read_to_string(path).await?.lines().count();
    let line = format!("{how}: {written} of {made} records are in the file\n");
    io::stdout().write_all(line.as_bytes()) // an error if it is closed: no panic, for the file is to go
}

/// Returns the exit status.
async fn async_main(ex: &LocalExecutor<'_>, path: &Path) -> io::Result<u8> {
    let interrupts = interrupts()?;

    // The wrong way.
    let (sender, records) = channel::unbounded();
    let task = ex.spawn(journal(path.to_path_buf(), records));
    let mut made = 0;
    make_records(&sender, &mut made).await;
    task.cancel().await;
    report("cancelled", made, path).await?;

    // The right way.
    let (sender, records) = channel::unbounded();
    let task = ex.spawn(journal(path.to_path_buf(), records));
    let mut made = 0;
    let interrupted = async { interrupts.recv().await.unwrap_or(1) };
    let status = future::or(make_records(&sender, &mut made), interrupted).await;
    sender.close();
    let hangs = async {
        Timer::after(Duration::from_secs(5)).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    future::or(task, hangs).await?;
    report("told to stop", made, path).await?;
    Ok(status)
}

fn main() -> ExitCode {
    let path = env::temp_dir().join(format!("async_cleanup-{}", process::id()));
    let ex = LocalExecutor::new();
    let result = block_on(ex.run(async_main(&ex, &path)));
    let _ = std::fs::remove_file(&path);
    ExitCode::from(result.unwrap_or_else(|error| {
        eprintln!("async_cleanup: {}: {error}", path.display());
        1
    }))
}
