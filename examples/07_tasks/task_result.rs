//! The result of a task, without a callback.
//!
//! Ports: article B's program that reads a task's result (B4).
//!
//! ```text
//! $ cargo run --example task_result
//! Waiting: 2
//! Task ret: Done after 2s
//! TIME: 0.000032
//! ```
//!
//! In asyncio you run the loop until the task is done, and then call `task.result()`, which fails
//! if called too early. Here you await the `Task`, which returns the result once. An error of the
//! task is part of that result, as a `Result`.
//!
//! asyncio: `task.result` (`smol::Task`), `task.exception` (a `Result` as its value), `loop.run_until_complete`, `await`.
//! Node: `await`.
//! Paste: `cargo add smol`.

use smol::LocalExecutor;
use std::time::Instant;

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    format!("Done after {x}s")
}

fn main() {
    let start = Instant::now();

    // ANCHOR: excerpt
    let executor = LocalExecutor::new();
    let task = executor.spawn(do_some_work(2));
    let result = smol::block_on(executor.run(task));

    println!("Task ret: {result}");
    // ANCHOR_END: excerpt
    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
