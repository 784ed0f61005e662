//! The same with smol, fib on a blocking thread: the greetings go on.
//!
//! Ports: article A's asyncio version (A10).
//!
//! Run it, type `45` and Enter, and at once `20` and Enter:
//!
//! ```text
//! $ cargo run --example hello_smol
//! 1795866560 - Hello world!
//! 1795866563 - Hello world!
//! 45
//! 20
//! Executing fib took 0.00 seconds.
//! fib(20) = 6765
//! 1795866566 - Hello world!
//! 1795866569 - Hello world!
//! Executing fib took 7.86 seconds.
//! fib(45) = 1134903170
//! 1795866572 - Hello world!
//! ```
//!
//! The article's version calls `fib` in the loop, and its greetings stop as in `hello_coroutines`.
//! Here `unblock` (asyncio's `to_thread`) moves it to another thread. Everything else stays on one
//! thread: `or` polls the greeting and the answering in turn.
//!
//! `unblock` has up to 500 threads, for file I/O that mostly waits. Here one worker per core takes
//! numbers from a bounded channel, so no more numbers are computed at once than there are cores.
//! When the channel is full, no more input is read.
//!
//! Who owns what: the workers belong to `answer`. At `exit` and on an error it returns, which drops
//! them. A `fib` that is running on another thread cannot be dropped, and ends with the process. At
//! the end of input the channel is closed, and the program ends when the last worker ends.
//!
//! asyncio's way to await the input is `connect_read_pipe`. Here any descriptor that poll(2)
//! accepts becomes an `Async<T>`.
//!
//! Readiness alone is not enough if another process reads the same pipe or terminal: it may be
//! faster, and then the read blocks the loop. This repository's `Stdin` handles that, too.
//!
//! `interval_at` does not drift; after a stop (`^Z` and `fg`) it prints the missed greetings in a
//! burst. `hello_node` skips them.
//!
//! asyncio: `asyncio.run` (`smol::block_on`), `asyncio.get_event_loop` (`smol::block_on`),
//! `loop.run_until_complete` (`smol::block_on`), `asyncio.sleep` (`smol::Timer::after`),
//! `loop.add_reader` (`smol::Async::readable`), `loop.connect_read_pipe` (`smol::Async`), `async for` (`smol::stream::StreamExt::next`),
//! `asyncio.to_thread` (`smol::unblock`), `loop.run_in_executor` (`smol::unblock`),
//! `asyncio.Queue` (`smol::channel::bounded`).
//! Node: `setInterval` (`smol::Timer::interval_at`), `process.stdin.on` (`smol::Async::readable`),
//! `for await...of` (`smol::stream::StreamExt::next`), `new Worker` (`smol::unblock`),
//! `readline.createInterface` (`smol::Async::readable`).
//! Paste: `cargo add smol`.

use smol::channel::{self, Receiver, Sender};
use smol::{Async, LocalExecutor, Timer, Unblock, future, io::AsyncReadExt, prelude::*, unblock};
use std::io::{self, Read, Write};
use std::pin::pin;
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant, SystemTime};
use std::{env, num::NonZero, thread};

fn main() -> ExitCode {
    match smol::block_on(future::or(greet(period()), answer())) {
        // Standard output may be closed, as in `hello_smol | head -3`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "hello_smol: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

// ANCHOR: excerpt
async fn greet(period: Duration) -> io::Result<()> {
    let mut interval = Timer::interval_at(Instant::now(), period);
    loop {
        interval.next().await;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        print(&format!("{} - Hello world!\n", now.as_secs()))?;
        future::yield_now().await; // a tick that is already due would let nothing else run
    }
}

async fn answer() -> io::Result<()> {
    let (numbers, queue) = channel::bounded(1_000);
    let (answers, answered) = channel::bounded(1);
    let executor = LocalExecutor::new();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = (0..cores).map(|_| compute(queue.clone(), answers.clone()));
    let _workers: Vec<_> = workers.map(|worker| executor.spawn(worker)).collect();
    drop(answers); // so that `answered` ends with the last worker
    let mut answered = pin!(answered);
    let printing = answered.try_for_each(|answer| print(&answer));
    let reading = read_numbers(numbers);
    executor.run(future::or(reading, printing)).await
}

/// A worker. It ends when the queue is closed and empty.
async fn compute(queue: Receiver<u64>, answers: Sender<String>) {
    while let Ok(n) = queue.recv().await {
        let start = Instant::now();
        let value = unblock(move || fib(n)).await;
        let took = start.elapsed().as_secs_f64();
        let answer = format!("Executing fib took {took:.2} seconds.\nfib({n}) = {value}\n");
        let _ = answers.send(answer).await; // fails only when `answer` has ended
    }
}

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}
// ANCHOR_END: excerpt

/// Returns at `exit`. At the end of input it closes the queue, and leaves the rest to the workers.
async fn read_numbers(numbers: Sender<u64>) -> io::Result<()> {
    // Readiness of a file cannot be awaited, and kqueue reports no error. `Async::new` would set
    // `O_NONBLOCK` for every process that shares the terminal.
    #[cfg(unix)]
    let polled = match std::fs::metadata("/dev/stdin") {
        Ok(stdin) if stdin.is_file() => None,
        _ => Async::new_nonblocking(io::stdin()).ok(),
    };
    #[cfg(not(unix))]
    let polled = None::<Async<io::Stdin>>;
    let mut threaded = Unblock::new(io::stdin()); // starts no thread before it is read
    let mut chunk = [0; 8192]; // with less, std would read ahead into its own buffer
    let mut line = Vec::new();
    loop {
        let read = match &polled {
            // One read per readiness event: a second one could block.
            Some(stdin) if stdin.readable().await.is_ok() => io::stdin().lock().read(&mut chunk),
            _ => threaded.read(&mut chunk).await,
        };
        let len = read.map_err(|error| io::Error::other(format!("standard input: {error}")))?;
        // The end of input is also the end of a line.
        let bytes = if len == 0 { b"\n" } else { &chunk[..len] };
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&line);
                if text.trim() == "exit" {
                    return Ok(());
                }
                if let Some(n) = number(text.trim()) {
                    numbers.send(n).await.map_err(io::Error::other)?;
                }
                line.clear();
            }
        }
        if len == 0 {
            numbers.close();
            return future::pending().await;
        }
    }
}

/// A number whose `fib` fits in 64 bits. Otherwise prints a line on standard error, unless it is
/// blank.
fn number(text: &str) -> Option<u64> {
    let number = text.parse().ok();
    let number = number.filter(|n| *n <= 93 && !text.starts_with('+'));
    if number.is_none() && !text.is_empty() {
        let start: String = text.chars().take(40).collect();
        let rest = if start.len() < text.len() { "…" } else { "" };
        let expected = "expected a natural number up to 93 or `exit`";
        let _ = writeln!(io::stderr(), "{start:?}{rest}: {expected}");
    }
    number
}

/// The time between greetings: the only argument, or 3 seconds.
fn period() -> Duration {
    let mut args: Vec<_> = env::args_os().skip(1).collect();
    if args.is_empty() {
        args.push("3".into());
    }
    let arg = args.join(" ".as_ref());
    let seconds = arg.to_string_lossy().parse();
    match seconds.map(Duration::try_from_secs_f64) {
        Ok(Ok(period)) if !period.is_zero() => period,
        _ => {
            let usage = "usage: hello_smol [SECONDS]: the time between greetings, above 0";
            let _ = writeln!(io::stderr(), "{usage} (default 3), not {arg:?}");
            exit(2)
        }
    }
}

/// Prints it in one piece, so that no reader sees half of an answer.
fn print(text: &str) -> io::Result<()> {
    let result = io::stdout().write_all(text.as_bytes());
    result.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
}
