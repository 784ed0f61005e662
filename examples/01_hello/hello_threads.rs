//! Two threads and no loop: the greetings go on during fib.
//!
//! Ports: article A's `hello_threads.py` (A4).
//!
//! Run it, type `45` and Enter:
//!
//! ```text
//! $ cargo run --example hello_threads
//! 1795866485 - Hello world!
//! 1795866488 - Hello world!
//! 45
//! 1795866491 - Hello world!
//! 1795866494 - Hello world!
//! Executing fib took 6.90 seconds.
//! fib(45) = 1134903170
//! 1795866497 - Hello world!
//! ```
//!
//! This program uses only std: two threads, and the operating system switches between them. In
//! Python the interpreter's lock lets only one of them compute at a time; here both do.
//!
//! The greeting thread is never joined. Like a daemon thread in Python, it ends with the process,
//! between two greetings or in the middle of a sleep. The main thread waits for input and cannot
//! receive an error, so each of the two can end the process.
//!
//! asyncio: `threading.Thread` (`std::thread::spawn`), `time.sleep` (`std::thread::sleep`).
//! Paste: std is all it needs.

use std::io::{self, BufRead, Write};
use std::process::exit;
use std::time::{Duration, Instant, SystemTime};
use std::{env, thread};

fn main() {
    end(greet_and_answer(period()));
}

/// Returns at `exit` and at the end of input.
// ANCHOR: excerpt
fn greet_and_answer(period: Duration) -> io::Result<()> {
    greet()?;
    thread::spawn(move || end(greet_every(period)));
    let mut stdin = io::stdin().lock();
    loop {
        // Bytes, since `lines()` fails if they are not UTF-8.
        let mut line = Vec::new();
        let read = stdin.read_until(b'\n', &mut line);
        read.map_err(|error| io::Error::other(format!("standard input: {error}")))?;
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
        // A line without its newline is the last. On a terminal, reading again would need a second
        // ^D.
        if !line.ends_with(b"\n") {
            return Ok(());
        }
    }
}
// ANCHOR_END: excerpt

fn greet_every(period: Duration) -> io::Result<()> {
    loop {
        thread::sleep(period);
        greet()?;
    }
}

fn greet() -> io::Result<()> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    print(&format!("{} - Hello world!\n", now.as_secs()))
}

/// Ends the process, from any thread.
fn end(result: io::Result<()>) -> ! {
    match result {
        // Standard output may be closed, as in `hello_threads | head -3`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "hello_threads: {error}");
            exit(1)
        }
        _ => exit(0),
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
            let usage = "usage: hello_threads [SECONDS]: the time between greetings, above 0";
            let _ = writeln!(io::stderr(), "{usage} (default 3), not {arg:?}");
            exit(2)
        }
    }
}

/// Prints it in one piece, so that no greeting interrupts an answer.
fn print(text: &str) -> io::Result<()> {
    let result = io::stdout().write_all(text.as_bytes());
    result.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
}
