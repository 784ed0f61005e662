//! Fib as a coroutine that yields at every call: the greetings go on, on one thread.
//!
//! Ports: article A's `fib_coroutine.py` (A9).
//!
//! Run it, type `34` and Enter:
//!
//! ```text
//! $ cargo run --example fib_coroutine
//! 1795866545 - Hello world!
//! 1795866548 - Hello world!
//! 34
//! 1795866551 - Hello world!
//! 1795866554 - Hello world!
//! 1795866557 - Hello world!
//! Executing fib took 9.06 seconds.
//! fib(34) = 5702887
//! 1795866560 - Hello world!
//! ```
//!
//! A greeting is late by at most one call of `fib`. The cost: it takes 200 times as long as the
//! plain function. Each of the 18 million calls allocates a future and yields to the loop, and to
//! resume it the loop polls through all the calls that await it. Do not compute like this in
//! practice; chapter 4 moves the work to another thread.
//!
//! `yield_now`, in `event_loop.rs`, wakes its own task and returns to the loop. An `async fn` that
//! calls itself must be boxed, since a future contains what it awaits.
//!
//! Numbers are computed one after another, in the order typed, as in the article. There
//! `read_input` awaits `fib`, so a typed `exit` waits, too. Here it puts the number into a queue,
//! and schedules a task that computes the numbers in the queue.
//!
//! The loop owns the tasks, and drops the remaining ones when `run_forever` returns.
//!
//! Unix only: Windows has no poll(2) for a console.
//!
//! asyncio: `yield from`, `asyncio.sleep(0)` (`smol::future::yield_now`).
//! Node: `setImmediate` (`smol::future::yield_now`).
//! Paste: `cargo add rustix --features event`, `event_loop.rs` beside it.

#[allow(dead_code, reason = "hello_coroutines uses the rest")]
mod event_loop;

use event_loop::{EventLoop, yield_now};
use std::io::{self, Write};
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant, SystemTime};
use std::{cell::RefCell, collections::VecDeque, env, rc::Rc};

/// Numbers to compute, with the one that is being computed in front. `None` is the end.
type Queue = Rc<RefCell<VecDeque<Option<u64>>>>;

fn main() -> ExitCode {
    match run(period()) {
        // Standard output may be closed, as in `fib_coroutine | head -3`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "fib_coroutine: {error}");
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
/// F(n); lets other tasks run at every call.
async fn fib(n: u64) -> u64 {
    yield_now().await;
    if n < 2 {
        return n;
    }
    Box::pin(fib(n - 1)).await + Box::pin(fib(n - 2)).await
}
// ANCHOR_END: excerpt

async fn print_every(event_loop: EventLoop, interval: Duration) -> io::Result<()> {
    loop {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        print(&format!("{} - Hello world!\n", now.as_secs()))?;
        event_loop.sleep(interval).await;
    }
}

async fn read_input(event_loop: EventLoop) -> io::Result<()> {
    let queue = Queue::default();
    while let Some(line) = event_loop.read_line().await {
        let text = String::from_utf8_lossy(&line);
        if text.trim() == "exit" {
            event_loop.stop();
            return Ok(());
        }
        if let Some(n) = number(text.trim()) {
            put(&event_loop, &queue, Some(n));
        }
    }
    put(&event_loop, &queue, None);
    Ok(())
}

/// Adds to the queue. If it was empty, no task is computing, so one is scheduled.
fn put(event_loop: &EventLoop, queue: &Queue, next: Option<u64>) {
    queue.borrow_mut().push_back(next);
    if queue.borrow().len() == 1 {
        event_loop.schedule(compute(event_loop.clone(), Rc::clone(queue)));
    }
}

/// Computes one number after the other, until the queue is empty.
async fn compute(event_loop: EventLoop, queue: Queue) -> io::Result<()> {
    loop {
        let next = queue.borrow().front().copied();
        let Some(next) = next else { return Ok(()) };
        let Some(n) = next else {
            event_loop.stop();
            return Ok(());
        };
        let start = Instant::now();
        let value = fib(n).await;
        let took = start.elapsed().as_secs_f64();
        let answer = format!("Executing fib took {took:.2} seconds.\nfib({n}) = {value}\n");
        print(&answer)?;
        queue.borrow_mut().pop_front();
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
            let usage = "usage: fib_coroutine [SECONDS]: the time between greetings, above 0";
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
