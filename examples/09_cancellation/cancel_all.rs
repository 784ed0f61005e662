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
//! ^Cmain: running
//! do_some_work(1): waiting
//! do_some_work(2): waiting
//! do_some_work(2): waiting
//! Finally: 1
//! True
//! Finally: 2
//! True
//! Finally: 2
//! True
//! TIME: 0.885837
//! ```
//!
//! The exit status is 130. Without Ctrl-C the tasks are done after 2 seconds, and it is 0.
//!
//! There is no `CancelledError`: a cancelled future is dropped, and `Drop` is the `finally`.
//! `cancel().await` is both halves of what the article needs two turns of the loop for: it asks, and
//! it waits until the destructors have run. It gives `None` if the task was cancelled, and what the
//! task returned if it was done before. If it is forgotten, `run` cancels what is left.
//!
//! `main` is in the list, as in asyncio, but nobody cancels the one that is doing the cancelling.
//!
//! Who owns what: `main` owns the tasks. `interrupts` lives until they have ended: a second Ctrl-C
//! before that ends the process at once. Afterwards Ctrl-C does what it does by default.
//!
//! asyncio: `KeyboardInterrupt`, `loop.add_signal_handler`, `asyncio.all_tasks`,
//! `asyncio.Task.all_tasks`, `task.cancel` (`smol::Task::cancel`),
//! `asyncio.CancelledError` (`std::ops::Drop`), `finally` (`std::ops::Drop`).
//! Node: `process.on('SIGINT')`, `finally`, `process.on('SIGTERM')`.
//! Paste: `cargo add smol`; the library's `interrupt.rs`, `run.rs`, `spawn.rs` and `task_list.rs` with
//! `cargo add async-executor async-io futures-lite pin-project-lite slab`,
//! `cargo add signal-hook --no-default-features`. `just copy cancel_all DIR` does it.

use asyncio_to_smol::interrupt::{Interrupted, Interrupts};
use asyncio_to_smol::run::{Spawner, run};
use smol::{Timer, future};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Prints when it is dropped: at the end of the work, or when that is cancelled.
struct Finally(u64);

impl Drop for Finally {
    fn drop(&mut self) {
        // A destructor must not panic, as `println!` does when nobody reads its output any more.
        let _ = writeln!(io::stdout(), "Finally: {}", self.0);
    }
}

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    let _finally = Finally(x);
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

async fn async_main(ex: Spawner<'static>) -> Result<(), Interrupted> {
    let interrupts = Interrupts::listen();
    let mut tasks =
        [1, 2, 2].map(|x| ex.spawn_named(format!("do_some_work({x})"), do_some_work(x)));

    let all_done = async {
        for task in &mut tasks {
            task.await;
        }
        Ok(())
    };
    let interrupted = async { Err(interrupts.received().await) };
    let result = future::or(all_done, interrupted).await;

    if result.is_err() {
        for task in ex.tasks() {
            println!("{task}");
        }
        for task in tasks.into_iter().filter(|task| !task.is_finished()) {
            let returned = task.cancel().await;
            println!("{}", if returned.is_none() { "True" } else { "False" });
        }
    }
    result
}

fn main() -> ExitCode {
    let start = Instant::now();

    let result = run(async_main);

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(interrupted) => interrupted.into(),
    }
}
