//! Ctrl-C: only `main` is cancelled, and its tasks with it.
//!
//! Ports: article B's program that stops its loop by cancelling the outermost task (B8b).
//!
//! Run it, and press Ctrl-C after a second and a half:
//!
//! ```text
//! $ cargo run --example cancel_main
//! Waiting: 1
//! Waiting: 2
//! Waiting: 2
//! Finally: 1
//! ^CFinally: 2
//! Finally: 2
//! interrupted by SIGINT
//! $ echo $?
//! 130
//! ```
//!
//! Without Ctrl-C it prints the three results after 2 seconds, and the exit status is 0.
//!
//! The program needs no list of all tasks. `future::or` drops `async_main` at the first Ctrl-C or
//! SIGTERM (143), which drops the tasks it holds, and dropping a task cancels it. The executor
//! would drop their futures at its next turn. There is none after `run` has returned, so `drop(ex)`
//! drops them, also those of detached tasks. In asyncio you gather and cancel `all_tasks()`, and
//! then run the loop once more so that they can end.
//!
//! A thread waits for the signals. It passes on the first, and ends the process at the second, also
//! during the teardown. A signal within half a second counts as the first: `timeout` and other
//! parents relay a signal that the terminal has sent to the program, too.
//!
//! Who owns what: `async_main` owns the tasks, `run` owns `async_main`. The thread owns the signals
//! until the process ends; it has nothing to tear down, and is not joined.
//!
//! asyncio: `KeyboardInterrupt`, `task.cancel`, `asyncio.CancelledError`, `finally`,
//! `asyncio.create_task`.
//! Node: `process.on('SIGINT')`, `finally`, `process.on('SIGTERM')`,
//! `process.exitCode` (`std::process::ExitCode`), `process.exit` (`std::process::exit`).
//! Paste: `cargo add smol async-signal`.

use async_signal::{Signal, Signals};
use smol::channel::{self, Receiver};
use smol::{LocalExecutor, Timer, block_on, future, stream};
use std::io::{self, Write};
use std::process::{self, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

/// Signals that come within this time after the first one are counted as the same.
const SAME: Duration = Duration::from_millis(500);

/// Receives the exit status that belongs to the first SIGINT or SIGTERM.
fn interrupts() -> io::Result<Receiver<u8>> {
    let signals = Signals::new([Signal::Int, Signal::Term]);
    let signals = signals.or_else(|_| Signals::new([Signal::Int]))?; // Windows has no SIGTERM
    let (sender, receiver) = channel::bounded(1);
    thread::spawn(move || {
        let mut statuses = stream::block_on(signals).map_while(|it| Some(128 + it.ok()? as u8));
        let _ = sender.try_send(statuses.next().unwrap_or(1));
        let first = Instant::now();
        let second = statuses.find(|_| first.elapsed() > SAME);
        process::exit(second.unwrap_or(1).into());
    });
    Ok(receiver)
}

/// Prints when it is dropped: at the end of the work, or when that is cancelled.
struct Finally(u64);

impl Drop for Finally {
    fn drop(&mut self) {
        // A destructor must not panic, as `println!` does when its output is closed.
        let _ = writeln!(io::stdout(), "Finally: {}", self.0);
    }
}

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    let _finally = Finally(x);
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

/// Returns the exit status.
async fn async_main(ex: &LocalExecutor<'_>) -> u8 {
    let tasks = [1, 2, 2].map(|x| ex.spawn(do_some_work(x)));
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await);
    }
    for result in results {
        println!("Task ret: {result}");
    }
    0
}

fn main() -> io::Result<ExitCode> {
    // ANCHOR: excerpt
    let interrupts = interrupts()?;
    let ex = LocalExecutor::new();
    let interrupted = async { interrupts.recv().await.unwrap_or(1) };
    let status = block_on(ex.run(future::or(async_main(&ex), interrupted)));
    drop(ex); // the tasks' destructors run here
    // ANCHOR_END: excerpt
    match status {
        130 => println!("interrupted by SIGINT"),
        143 => println!("interrupted by SIGTERM"),
        _ => (),
    }
    Ok(ExitCode::from(status))
}
