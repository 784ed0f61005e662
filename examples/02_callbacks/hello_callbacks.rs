//! Timers and input as callbacks of an event loop: fib stops the greetings.
//!
//! Ports: article A's `event_loop_callback.py` and the hello program for it (A6).
//!
//! Run it, type `45` and Enter:
//!
//! ```text
//! $ cargo run --example hello_callbacks
//! 1795866514 - Hello world!
//! 1795866517 - Hello world!
//! 45
//! Executing fib took 8.52 seconds.
//! fib(45) = 1134903170
//! 1795866526 - Hello world!
//! 1795866529 - Hello world!
//! ```
//!
//! This program does not use smol. The loop is `event_loop.rs` beside it, about 120 lines around
//! one poll(2). Node.js without promises is programmed like this: nothing waits inside a callback.
//! Later work is another callback, and the greeting adds its own timer again.
//!
//! The loop owns the callbacks. When `run` returns, it is dropped with them.
//!
//! On smol a timer is a task that awaits a `Timer`, and dropping the task clears it. A callback for
//! a descriptor (a pipe, a terminal or a socket) is a task that loops over `Async::readable` or
//! `writable`.
//!
//! Unix only: Windows has no poll(2) for a console.
//!
//! asyncio: `loop.call_later` (a task that awaits `smol::Timer::after`),
//! `loop.call_at` (a task that awaits `smol::Timer::at`), `TimerHandle.cancel` (`std::mem::drop`),
//! `loop.add_reader`, `loop.remove_reader` (`std::mem::drop`), `loop.add_writer` (`smol::Async::writable`),
//! `loop.remove_writer` (`std::mem::drop`), `loop.run_forever`, `loop.stop`.
//! Node: `setTimeout` (`smol::Timer::after`), `clearTimeout` (`smol::Timer::clear`),
//! `process.stdin.on`.
//! Paste: `cargo add rustix --features event`, `event_loop.rs` beside it.

mod event_loop;

use event_loop::EventLoop;
use std::env;
use std::io::{self, Write};
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant, SystemTime};

fn main() -> ExitCode {
    match run(period()) {
        // Standard output may be closed, as in `hello_callbacks | head -3`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "hello_callbacks: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

// ANCHOR: excerpt
fn run(period: Duration) -> io::Result<()> {
    let mut event_loop = EventLoop::default();
    event_loop.add_timer(Duration::ZERO, move |event_loop| greet(event_loop, period));
    event_loop.add_stdin_handler(answer);
    event_loop.run_forever()
}

fn greet(event_loop: &mut EventLoop, period: Duration) -> io::Result<()> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    print(&format!("{} - Hello world!\n", now.as_secs()))?;
    event_loop.add_timer(period, move |event_loop| greet(event_loop, period));
    Ok(())
}
// ANCHOR_END: excerpt

/// `line` is `None` at the end of input.
fn answer(event_loop: &mut EventLoop, line: Option<&[u8]>) -> io::Result<()> {
    let text = String::from_utf8_lossy(line.unwrap_or(b"exit"));
    if text.trim() == "exit" {
        event_loop.stop();
    } else if let Some(n) = number(text.trim()) {
        let start = Instant::now();
        let value = fib(n);
        let took = start.elapsed().as_secs_f64();
        let answer = format!("Executing fib took {took:.2} seconds.\nfib({n}) = {value}\n");
        print(&answer)?;
    }
    Ok(())
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
            let usage = "usage: hello_callbacks [SECONDS]: the time between greetings, above 0";
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
