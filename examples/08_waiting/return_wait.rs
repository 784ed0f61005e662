//! `main` returns done and pending.
//!
//! Ports: article B's `main` that returns `await asyncio.wait(…)` (B7d).
//!
//! ```text
//! $ cargo run --example return_wait
//! Waiting: 1
//! Waiting: 2
//! Waiting: 4
//! Task ret: Done after 1s
//! Task ret: Done after 2s
//! Task ret: Done after 4s
//! ```
//!
//! A task in `done` holds its result, which can be read when the loop has ended. One in `pending`
//! belongs to that loop, and `run` has cancelled it: awaiting it panics, `fallible().await` gives
//! `None`. In asyncio, too, such a task is cancelled when `asyncio.run` returns. Here all are done.
//!
//! asyncio: `asyncio.wait`, `asyncio.run`, `loop.run_until_complete`, `asyncio.create_task`.
//! Node: `Promise.allSettled`.
//! Paste: `cargo add smol`; the library's `calls.rs`, `run.rs`, `spawn.rs`, `task_list.rs` and `wait.rs`
//! with `cargo add async-executor async-io futures-lite pin-project-lite slab`.
//! `just copy return_wait DIR` does it.

use asyncio_to_smol::run::{Spawner, run};
use asyncio_to_smol::wait::{self, Done};
use smol::{Task, Timer};
use std::time::Duration;

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

type DoneAndPending = (Vec<Done<String>>, Vec<Task<String>>);

async fn async_main(ex: Spawner<'static>) -> Result<DoneAndPending, wait::Empty> {
    let tasks = [1, 2, 4].map(|x| ex.spawn(do_some_work(x)));
    wait::all_completed(tasks).await
}

fn main() -> Result<(), wait::Empty> {
    let (done, _pending) = run(async_main)?;
    for task in done {
        println!("Task ret: {}", task.result());
    }
    Ok(())
}
