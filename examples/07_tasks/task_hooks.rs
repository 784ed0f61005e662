//! Hooks of asyncio's loop, written around a future: names, slow steps, failures, eager tasks.
//!
//! Ports: none of the programs. asyncio's debug mode, its exception handler and its `Runner` have no
//! counterpart in smol.
//!
//! ```text
//! $ cargo run --example task_hooks
//! fetch failed: no route to host
//! hook: a panic
//! sort panicked
//! Executing parse took 0.150 seconds
//! the loop was 0.140 seconds late
//! cached: 42, without a task
//! remote: begins at once
//! remote: goes on as a task
//! second run on the same loop
//! ```
//!
//! asyncio has one loop to query and to configure. An executor has no settings: wrap the future
//! before it is spawned. The function `spawn` here does that. It reports an `Err` or a panic when
//! it happens; asyncio's handler is called when a failed task is collected, and only if it was not
//! awaited. The panic hook of std sees every panic, also a detached task's, but cannot resume.
//!
//! `timed` measures each poll, as asyncio's debug mode does. A long poll blocks the loop. `lag`
//! measures the same from outside: the delay of a timer. Both are cheap enough for production: they
//! read the clock once per poll.
//!
//! `eager` polls once, and spawns the future only if it is pending. The first poll uses the
//! caller's waker; that is harmless, since the task is polled again. The eager work runs before its
//! caller goes on, as with asyncio's `eager_task_factory` (3.12).
//!
//! A `LocalExecutor` can be run again and again, which is asyncio's `Runner`. Tasks that are
//! unfinished after one run continue in the next, and are dropped with the executor. A task's stack
//! cannot be shown: only a panic has a backtrace.
//!
//! Who owns what: the executor owns the futures, `main` the handles. Each is awaited.
//!
//! asyncio: `asyncio.Runner` (a `smol::LocalExecutor`, run several times),
//! `asyncio.eager_task_factory` (`smol::future::poll_once`, then spawn if it is pending),
//! `asyncio.create_eager_task_factory` (your own spawn function),
//! `loop.set_task_factory` (your own spawn function),
//! `loop.set_debug` (a future that measures each poll),
//! `loop.slow_callback_duration` (a future that measures each poll),
//! `loop.set_exception_handler` (a future around the task's that reports an `Err`),
//! `loop.call_exception_handler` (call the function that reports),
//! `task.set_name` (an argument of your own spawn function), `task.get_name` (the same),
//! `task.get_stack` (none: a panic has a backtrace, a task that waits has none),
//! `asyncio.print_call_graph` (none: a task that waits has no stack), `loop.time` (`std::time::Instant::now`).
//! Node: `uncaughtException` (`std::panic::set_hook`), `unhandledRejection` (a future around the task's
//! that reports an `Err`), `rejectionHandled` (none: an `Err` is in one place),
//! `monitorEventLoopDelay` (`smol::Timer::at`, and how late it is).
//! Paste: `cargo add smol`.

use smol::future::{self, FutureExt};
use smol::{LocalExecutor, Task, Timer, block_on};
use std::future::poll_fn;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

/// A poll that takes longer is reported; asyncio's default is the same.
const SLOW: Duration = Duration::from_millis(100);

/// Reports every long poll of the future, which blocks the other tasks.
async fn timed<F: Future>(name: &str, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let start = Instant::now();
        let poll = future.as_mut().poll(context);
        let took = start.elapsed();
        if took > SLOW {
            println!("Executing {name} took {:.3} seconds", took.as_secs_f64());
        }
        poll
    })
    .await
}

// ANCHOR: excerpt
/// A task with a name, whose failure is reported.
fn spawn<'a>(
    executor: &LocalExecutor<'a>,
    name: &'a str,
    work: impl Future<Output = Result<(), String>> + 'a,
) -> Task<()> {
    let work = AssertUnwindSafe(timed(name, work)).catch_unwind();
    executor.spawn(async move {
        match work.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => println!("{name} failed: {error}"),
            Err(_panic) => println!("{name} panicked"),
        }
    })
}
// ANCHOR_END: excerpt

/// The value, if the future never waits; else a task that goes on from its first `.await`.
async fn eager<'a, T: 'a>(
    executor: &LocalExecutor<'a>,
    future: impl Future<Output = T> + 'a,
) -> Result<T, Task<T>> {
    let mut future = Box::pin(future);
    let first = future::poll_once(&mut future).await;
    first.ok_or_else(|| executor.spawn(future))
}

/// The delay of a timer.
async fn lag() {
    let due = Instant::now() + Duration::from_millis(10);
    Timer::at(due).await;
    let late = due.elapsed().as_secs_f64();
    println!("the loop was {late:.3} seconds late");
}

fn main() {
    panic::set_hook(Box::new(|_| drop(writeln!(io::stdout(), "hook: a panic")))); // must not panic
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        spawn(&executor, "fetch", async { Err("no route to host".into()) }).await;
        spawn(&executor, "sort", async { panic!("index out of bounds") }).await;
        let lag = executor.spawn(lag());
        spawn(&executor, "parse", async {
            thread::sleep(Duration::from_millis(150));
            Ok(())
        })
        .await;
        lag.await;
        if let Ok(value) = eager(&executor, async { 42 }).await {
            println!("cached: {value}, without a task");
        }
        let remote = eager(&executor, async {
            println!("remote: begins at once");
            future::yield_now().await;
            println!("remote: goes on as a task");
        });
        remote.await.expect_err("it waits").await;
    }));
    block_on(executor.run(async { println!("second run on the same loop") }));
}
