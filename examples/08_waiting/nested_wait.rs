//! `wait` inside `main`: those that are done and those that are pending.
//!
//! Ports: article B's `await asyncio.wait(tasks)` inside a coroutine (B7a).
//!
//! ```text
//! $ cargo run --example nested_wait
//! Waiting: 1
//! Waiting: 2
//! Waiting: 4
//! Task ret: Done after 1s
//! Task ret: Done after 2s
//! Task ret: Done after 4s
//! TIME: 4.001226
//! ```
//!
//! `run` and `wait` are this repository's: asyncio's functions of the same names. `wait` cancels
//! nothing, not even when its own time is up (`.timeout(…)`), and loses nothing: what is pending can
//! be awaited, or waited for again. Where asyncio returns sets, these are lists in the order of the
//! tasks. Waiting for no tasks is an error, here as there.
//!
//! Who owns what: `wait` takes the tasks, and gives them back in `pending`. What is still pending
//! when `main` ends is cancelled by `run`.
//!
//! asyncio: `asyncio.wait`, `asyncio.create_task`.
//! Node: `Promise.allSettled`.
//! Paste: `cargo add smol`; the library's `calls.rs`, `run.rs`, `spawn.rs`, `task_list.rs` and `wait.rs`
//! with `cargo add async-executor async-io futures-lite pin-project-lite slab`.
//! `just copy nested_wait DIR` does it.

use asyncio_to_smol::run::{Spawner, run};
use asyncio_to_smol::wait;
use smol::Timer;
use std::time::{Duration, Instant};

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

async fn async_main(ex: Spawner<'static>) -> Result<(), wait::Empty> {
    let tasks = [1, 2, 4].map(|x| ex.spawn(do_some_work(x)));

    let (dones, _pendings) = wait::all_completed(tasks).await?;

    for task in dones {
        println!("Task ret: {}", task.result());
    }
    Ok(())
}

fn main() -> Result<(), wait::Empty> {
    let start = Instant::now();

    run(async_main)?;

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
    Ok(())
}
