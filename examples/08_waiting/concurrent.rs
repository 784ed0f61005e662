//! Sleeps of 1, 2 and 4 s together take 4 s: spawn, then await one after the other.
//!
//! Ports: article B's concurrent coroutines (B6).
//!
//! ```text
//! $ cargo run --example concurrent
//! Waiting: 1
//! Waiting: 2
//! Waiting: 4
//! Task ret: Done after 1s
//! Task ret: Done after 2s
//! Task ret: Done after 4s
//! TIME: 4.001254
//! ```
//!
//! A spawned task runs whether it is awaited or not. So the simple way to wait for all of them is
//! to await one after the other: the second runs while the first is awaited. The article uses
//! `asyncio.wait` here; no counterpart is needed.
//!
//! `main` is spawned as well, so that the executor polls it like the others. A future passed to
//! `run` directly is polled once in up to 200 turns of the others.
//!
//! Who owns what: `main` owns `tasks`. If awaiting the first one panicked, the others would be
//! dropped, which cancels them.
//!
//! asyncio: `asyncio.wait` (one `.await` after the other), `asyncio.create_task`,
//! `asyncio.ensure_future`, `task.result`.
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, Timer};
use std::time::{Duration, Instant};

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

fn main() {
    let start = Instant::now();

    // ANCHOR: excerpt
    let executor = LocalExecutor::new();
    let tasks = [1, 2, 4].map(|x| executor.spawn(do_some_work(x)));
    let main = executor.spawn(async {
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await);
        }
        results
    });
    for result in smol::block_on(executor.run(main)) {
        println!("Task ret: {result}");
    }
    // ANCHOR_END: excerpt

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
