//! Ctrl-C: lists the pending tasks and cancels them one by one.
//!
//! Ports: article B's program that stops its loop by cancelling every task (B8a).
//!
//! Run it, and press Ctrl-C at once:
//!
//! ```text
//! $ cargo run --example cancel_all
//! Waiting: 1
//! Waiting: 2
//! Waiting: 2
//! ^Cdo_some_work(1): pending
//! do_some_work(2): pending
//! do_some_work(2): pending
//! Finally: 1
//! True
//! Finally: 2
//! True
//! Finally: 2
//! True
//! TIME: 0.885837
//! $ echo $?
//! 130
//! ```
//!
//! Without Ctrl-C the tasks are done after 2 seconds, and the exit status is 0.
//!
//! There is no `CancelledError`: a cancelled future is dropped, and `Drop` is the `finally`. A task
//! cannot refuse, so asyncio's `uncancel` and `cancelling` have no counterpart. `cancel().await`
//! does in one step what takes the article two turns of the loop: it requests the cancellation, and
//! waits until the destructors have run. It returns `None` if the task was cancelled, and the
//! task's value if it was done before. The call alone cancels nothing yet: `cancel` is an `async
//! fn`, whose future does nothing until it is polled, or dropped together with the task.
//!
//! smol has no `all_tasks()`: the program keeps its own list of handles. `main` is not in it: it is
//! not a task, but the future that `run` polls.
//!
//! A thread waits for the signals. It passes on the first, and ends the process at the second (130,
//! or 143 for SIGTERM), even if the loop is blocked. A signal within half a second counts as the
//! first: `timeout` and other parents relay a signal that the terminal has sent to the program,
//! too.
//!
//! Who owns what: `async_main` owns the tasks, and the line with `cancel` drops them. The thread owns
//! the signals until the process ends; it has nothing to tear down, and is not joined.
//!
//! asyncio: `KeyboardInterrupt`, `loop.add_signal_handler`, `asyncio.all_tasks`,
//! `asyncio.Task.all_tasks`, `task.cancel` (`smol::Task::cancel`),
//! `asyncio.CancelledError` (`std::ops::Drop`), `finally` (`std::ops::Drop`).
//! Node: `process.on('SIGINT')`, `finally`, `process.on('SIGTERM')`.
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

async fn do_some_work(x: u64) {
    println!("Waiting: {x}");
    let _finally = Finally(x);
    Timer::after(Duration::from_secs(x)).await;
}

// ANCHOR: excerpt
/// Returns the exit status.
async fn async_main(ex: &LocalExecutor<'_>, interrupts: Receiver<u8>) -> u8 {
    let mut tasks = Vec::from([1, 2, 2].map(|x| (x, ex.spawn(do_some_work(x)))));
    let all_done = async {
        for (_, task) in &mut tasks {
            task.await;
        }
        0
    };
    let status = future::or(all_done, async { interrupts.recv().await.unwrap_or(1) }).await;

    tasks.retain(|(_, task)| !task.is_finished());
    for (x, _) in &tasks {
        println!("do_some_work({x}): pending");
    }
    for (_, task) in tasks {
        let cancelled = task.cancel().await.is_none();
        println!("{}", if cancelled { "True" } else { "False" });
    }
    status
}
// ANCHOR_END: excerpt

fn main() -> io::Result<ExitCode> {
    let start = Instant::now();
    let ex = LocalExecutor::new();
    let status = block_on(ex.run(async_main(&ex, interrupts()?)));
    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
    Ok(ExitCode::from(status))
}
