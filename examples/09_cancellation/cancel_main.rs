//! Ctrl-C: only `main` is cancelled, and its tasks go with it.
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
//! ```
//!
//! The exit status is 130. Without Ctrl-C it prints the three results after 2 seconds, and it is 0.
//!
//! Nobody has to find all tasks. `run_until_interrupted` drops `main` at the first Ctrl-C or SIGTERM
//! (143), which drops the tasks it holds, and dropping a task cancels it. When it returns, all
//! destructors have run, those of detached tasks too. asyncio has to be told to gather and cancel
//! `all_tasks()`, and then to run the loop once more so that they can end.
//!
//! Who owns what: `main` owns the tasks, the loop owns `main`.
//!
//! asyncio: `KeyboardInterrupt`, `task.cancel`, `asyncio.CancelledError`, `finally`,
//! `asyncio.create_task`.
//! Node: `process.on('SIGINT')`, `finally`, `process.on('SIGTERM')`.
//! Paste: `cargo add smol`; the library's `interrupt.rs`, `run.rs`, `spawn.rs` and `task_list.rs` with
//! `cargo add async-executor async-io futures-lite pin-project-lite slab`,
//! `cargo add signal-hook --no-default-features`. `just copy cancel_main DIR` does it.

use asyncio_to_smol::interrupt::run_until_interrupted;
use asyncio_to_smol::run::Spawner;
use smol::Timer;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

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

async fn async_main(ex: Spawner<'static>) {
    let tasks = [1, 2, 2].map(|x| ex.spawn(do_some_work(x)));

    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await);
    }
    for result in results {
        println!("Task ret: {result}");
    }
}

fn main() -> ExitCode {
    match run_until_interrupted(async_main) {
        Ok(()) => ExitCode::SUCCESS,
        Err(interrupted) => {
            println!("{interrupted}");
            interrupted.into()
        }
    }
}
