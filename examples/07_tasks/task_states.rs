//! A task before and after: pending, then finished with its result.
//!
//! Ports: article B's second program (B2).
//!
//! ```text
//! $ cargo run --example task_states
//! <Task pending coro=<do_some_work()>>
//! Waiting: 2
//! <Task finished coro=<do_some_work()> result=()>
//! TIME: 0.000034
//! ```
//!
//! A `Task` is a handle to a future that an executor owns. It tells whether the task has finished,
//! and returns the result once; asyncio's task keeps it. (`println!("{task:?}")` shows the state in
//! async-task: scheduled, running, completed, closed, but not the result.)
//!
//! Dropping a `Task` cancels it. asyncio's runs on, unless it is garbage-collected first.
//!
//! asyncio: `asyncio.create_task` (`smol::LocalExecutor::spawn`),
//! `asyncio.ensure_future` (`smol::LocalExecutor::spawn`),
//! `asyncio.async` (`smol::LocalExecutor::spawn`), `loop.create_task`,
//! `asyncio.Task` (`smol::Task`), `task.done` (`smol::Task::is_finished`).
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, Task};
use std::time::Instant;

async fn do_some_work(x: u64) {
    println!("Waiting: {x}");
}

fn main() {
    let start = Instant::now();

    // ANCHOR: excerpt
    let executor = LocalExecutor::new();
    let mut task = executor.spawn(do_some_work(2));
    println!("<Task {} coro=<do_some_work()>>", state(&task));
    let result: () = smol::block_on(executor.run(&mut task));
    println!(
        "<Task {} coro=<do_some_work()> result={result:?}>",
        state(&task)
    );
    // ANCHOR_END: excerpt

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}

fn state<T>(task: &Task<T>) -> &str {
    if task.is_finished() {
        "finished"
    } else {
        "pending"
    }
}
