//! Each result as soon as it is there: tasks and a channel.
//!
//! Ports: article B's loop over `asyncio.as_completed` (B7e).
//!
//! ```text
//! $ cargo run --example as_completed
//! Waiting: 1
//! Waiting: 2
//! Waiting: 4
//! Task ret: Done after 1s
//! Task ret: Done after 2s
//! Task ret: Done after 4s
//! TIME: 4.001291
//! ```
//!
//! The plain smol way is tasks and a channel: each task sends its result when it has one, and the
//! other end receives them in that order. When the last sender has gone, `recv` says so and the loop
//! ends. Each result is printed when it comes, and not at the end as in `concurrent`.
//!
//! The results come alone. To know which task one is of, send it with its input, `(x, result)`; from
//! Python 3.13 on, `async for` over asyncio's `as_completed` gives the tasks themselves. Stopping early
//! drops the tasks here, and that cancels them; asyncio's run on. The library's
//! [`as_completed`](../../src/as_completed.rs) does as asyncio does.
//!
//! For a time limit on the whole, race each `recv` with a `Timer::at` of the same deadline.
//!
//! Who owns what: `tasks` does, and each is awaited after the loop. There is nothing to wait for then,
//! but a task that has panicked panics there; to the loop it looks like one that has ended.
//!
//! asyncio: `asyncio.as_completed`, `asyncio.as_completed(timeout=...)` (one `smol::Timer::at` for all),
//! `asyncio.Queue`.
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, Task, Timer, channel};
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
    let (sender, results) = channel::unbounded();
    let tasks: [Task<_>; 3] = [1, 2, 4].map(|x| {
        let sender = sender.clone();
        executor.spawn(async move {
            let result = do_some_work(x).await;
            // Fails if the receiver is gone. Then the result is not wanted.
            let _ = sender.send(result).await;
        })
    });
    drop(sender); // else `recv` would wait for it, too

    let main = executor.spawn(async move {
        while let Ok(result) = results.recv().await {
            println!("Task ret: {result}");
        }
        for task in tasks {
            task.await;
        }
    });
    smol::block_on(executor.run(main));
    // ANCHOR_END: excerpt

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
