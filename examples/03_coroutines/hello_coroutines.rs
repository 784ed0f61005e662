//! Coroutines on an event loop written by hand: fib stops the greetings.
//!
//! Ports: article A's `event_loop_coroutine.py`, its `read_input` and the hello program for it
//! (A7, A8).
//!
//! Run it, type `45` and Enter:
//!
//! ```text
//! $ cargo run --example hello_coroutines
//! 1795866529 - Hello world!
//! 1795866532 - Hello world!
//! 45
//! Executing fib took 10.02 seconds.
//! fib(45) = 1134903170
//! 1795866542 - Hello world!
//! 1795866545 - Hello world!
//! ```
//!
//! This program does not use smol: the loop is `event_loop.rs` beside it. The article's generators
//! become `async` functions, `yield sys.stdin` becomes `read_line().await`, and `yield
//! sleep_for_seconds(3)` becomes `sleep(…).await`. A generator yields to the loop that drives it; a
//! future must hold a handle to that loop.
//!
//! The advantage over callbacks: `read_input` is written as a loop that waits, without blocking
//! `print_every`. `fib` still blocks it. Coroutines do not change that: only an `await` lets other
//! tasks run, and `fib` has none.
//!
//! On smol `LocalExecutor::spawn` is both `create_task` and `call_soon`: spawned tasks are polled
//! in that order, and dropping the `Task` cancels it.
//!
//! The greeting task never ends. The loop owns it and drops it when `run_forever` returns.
//!
//! Unix only: Windows has no poll(2) for a console.
//!
//! asyncio: `yield from` (`.await`), `loop.create_task` (`smol::LocalExecutor::spawn`),
//! `loop.call_soon` (`smol::LocalExecutor::spawn`), `Handle.cancel` (`std::mem::drop`),
//! `loop.run_forever`, `loop.stop`.
//! Node: `async function` (`async fn`), `await` (`.await`),
//! `process.nextTick` (a call at the end of the step).
//! Paste: `cargo add rustix --features event`, `event_loop.rs` beside it.

mod event_loop;

use event_loop::EventLoop;
use std::env;
use std::io::{self, Write};
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant, SystemTime};

fn main() -> ExitCode {
    match run(period()) {
        // Standard output may be closed, as in `hello_coroutines | head -3`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "hello_coroutines: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn run(period: Duration) -> io::Result<()> {
    let event_loop = EventLoop::default();
    event_loop.schedule(print_every(event_loop.clone(), period));
    event_loop.schedule(read_input(event_loop.clone()));
    event_loop.run_forever()
}

// ANCHOR: excerpt
async fn print_every(event_loop: EventLoop, interval: Duration) -> io::Result<()> {
    loop {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        print(&format!("{} - Hello world!\n", now.as_secs()))?;
        event_loop.sleep(interval).await;
    }
}

async fn read_input(event_loop: EventLoop) -> io::Result<()> {
    while let Some(line) = event_loop.read_line().await {
        let text = String::from_utf8_lossy(&line);
        if text.trim() == "exit" {
            break;
        }
        if let Some(n) = number(text.trim()) {
            let start = Instant::now();
            let value = fib(n);
            let took = start.elapsed().as_secs_f64();
            let answer = format!("Executing fib took {took:.2} seconds.\nfib({n}) = {value}\n");
            print(&answer)?;
        }
    }
    // ANCHOR_END: excerpt
    // `stop()` would be enough. The article stops on the next tick to show how.
    let stopping = event_loop.clone();
    event_loop.do_on_next_tick(move || stopping.stop());
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
            let usage = "usage: hello_coroutines [SECONDS]: the time between greetings, above 0";
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
