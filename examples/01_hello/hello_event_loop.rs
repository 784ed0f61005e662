//! A loop by hand on poll(2), waking every 100 ms: fib stops the greetings.
//!
//! Ports: article A's `hello_eventloop.py` (A5).
//!
//! Run it, type `45` and Enter:
//!
//! ```text
//! $ cargo run --example hello_event_loop
//! 1795866497 - Hello world!
//! 1795866500 - Hello world!
//! 45
//! Executing fib took 10.90 seconds.
//! fib(45) = 1134903170
//! 1795866511 - Hello world!
//! 1795866514 - Hello world!
//! ```
//!
//! This program does not use smol: poll(2) waits for input for at most 100 ms, and then the loop
//! looks at the clock. An event loop is no more than that. This one wakes ten times a second for
//! nothing, greets up to 100 ms late, and its events are hard-coded: chapters 2 and 3 fix that.
//!
//! Python's `readline()` does not work here. It reads ahead into a buffer, and poll(2) does not see
//! that buffer: of two lines in one write, the second is answered only when a third comes. And
//! after half a line it waits for the rest. One read(2) per readiness event has neither fault.
//!
//! Unix only: Windows has no poll(2) for a console.
//!
//! asyncio: `selectors.DefaultSelector` (`rustix::event::poll`),
//! `selector.select` (`rustix::event::poll`).
//! Paste: `cargo add rustix --features event`.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant, SystemTime};
use std::{env, mem};

fn main() -> ExitCode {
    match event_loop(period()) {
        // Standard output may be closed, as in `hello_event_loop | head -3`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "hello_event_loop: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn event_loop(period: Duration) -> io::Result<()> {
    let mut last_hello: Option<Instant> = None; // None means that the timer starts right away
    let mut chunk = [0; 8192]; // with less, std would read ahead into its own buffer
    let mut lines: VecDeque<Vec<u8>> = VecDeque::new();
    let mut half_a_line = Vec::new();
    let mut is_at_end = false;
    loop {
        // ANCHOR: excerpt
        if last_hello.is_none_or(|last| last.elapsed() >= period) {
            last_hello = Some(Instant::now());
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            print(&format!("{} - Hello world!\n", now.as_secs()))?;
        }
        if let Some(line) = lines.pop_front() {
            let text = String::from_utf8_lossy(&line);
            if text.trim() == "exit" {
                return Ok(());
            }
            if let Some(n) = number(text.trim()) {
                let start = Instant::now();
                let value = fib(n);
                let took = start.elapsed().as_secs_f64();
                print(&format!(
                    "Executing fib took {took:.2} seconds.\nfib({n}) = {value}\n"
                ))?;
            }
        } else if is_at_end {
            return Ok(());
        } else if is_readable()? {
            // ANCHOR_END: excerpt
            // One read: another one could block.
            let read = io::stdin().lock().read(&mut chunk);
            let len = read.map_err(|error| io::Error::other(format!("standard input: {error}")))?;
            is_at_end = len == 0;
            // The end of input is also the end of a line.
            let bytes = if is_at_end { b"\n" } else { &chunk[..len] };
            for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
                half_a_line.extend_from_slice(piece);
                if piece.ends_with(b"\n") {
                    lines.push_back(mem::take(&mut half_a_line));
                }
            }
        }
    }
}

/// Waits at most 100 ms for standard input: Python's `selector.select(0.1)`.
#[cfg(unix)]
fn is_readable() -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let tenth_of_a_second = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    // `^Z` and `fg` interrupt poll(2).
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&tenth_of_a_second)))?;
    Ok(ready > 0)
}

#[cfg(not(unix))]
fn is_readable() -> io::Result<bool> {
    Err(io::Error::other("this system has no poll(2)"))
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
            let usage = "usage: hello_event_loop [SECONDS]: the time between greetings, above 0";
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
