//! One thread of smol, as in Node.js: a long fib stops the greetings, and missed ones are skipped.
//!
//! Ports: article A's `hello.js` (A1).
//!
//! Run it, type `45` and Enter, and wait:
//!
//! ```text
//! $ cargo run --example hello_node
//! 1795866469 - Hello world!
//! 45
//! Calculation took 10.303 seconds
//! fib(45) = 1134903170
//! 1795866479 - Hello world!
//! 1795866482 - Hello world!
//! 1795866485 - Hello world!
//! ```
//!
//! While `fib` runs, nothing else does. Of the greetings that fall due meanwhile, one comes late
//! and the others are skipped. After that they come every 3 seconds again.
//!
//! On smol, `setInterval` is a `Timer` that is set again at each greeting, and the `data` event is
//! one read of `Async<Stdin>` when it is readable. Node calls two callbacks; here two `async`
//! functions are polled in turn by one `block_on`. When the first of them ends, the program drops
//! the other with its timer, and ends. At the end of input, Node would continue to greet.
//!
//! Readiness alone is not enough if another process reads the same pipe or terminal: it may be
//! faster, and then the read blocks the loop. This repository's `Stdin` handles that, too.
//!
//! Node: `setInterval` (`smol::Timer::set_after`), `clearInterval` (`std::mem::drop`),
//! `timers/promises` (`smol::Timer`, a future and a stream), `process.stdin.on` (`smol::Async::readable`),
//! `for await...of` (`smol::stream::StreamExt::next`),
//! `readline.createInterface` (`smol::Async::readable`).
//! Paste: `cargo add smol`.

use smol::{Async, Timer, Unblock, future, io::AsyncReadExt};
use std::env;
use std::io::{self, Read, Write};
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant, SystemTime};

fn main() -> ExitCode {
    match smol::block_on(future::or(greet(period()), answer())) {
        // Standard output may be closed, as in `hello_node | head -3`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "hello_node: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

// ANCHOR: excerpt
async fn greet(period: Duration) -> io::Result<()> {
    let mut timer = Timer::after(period);
    loop {
        (&mut timer).await;
        timer.set_after(period); // from now, however late it is
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        print(&format!("{} - Hello world!\n", now.as_secs()))?;
        future::yield_now().await; // a timer that is already due would let nothing else run
    }
}
// ANCHOR_END: excerpt

/// Returns at `exit` and at the end of input.
async fn answer() -> io::Result<()> {
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
                    // No `await` here: this is what blocks the greetings.
                    let start = Instant::now();
                    let value = fib(n);
                    let took = start.elapsed().as_secs_f64();
                    print(&format!(
                        "Calculation took {took:.3} seconds\nfib({n}) = {value}\n"
                    ))?;
                }
                line.clear();
                future::yield_now().await; // a greeting may come between two pasted lines
            }
        }
        if len == 0 {
            return Ok(());
        }
    }
}

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
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
            let usage = "usage: hello_node [SECONDS]: the time between greetings, above 0";
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
