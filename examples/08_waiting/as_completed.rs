//! Each result as soon as it is ready: tasks and a channel.
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
//! other end receives them in that order. When the last sender is dropped, `recv` fails and the
//! loop ends. Each result is printed when it arrives, not at the end as in `concurrent`.
//!
//! To know which task a result belongs to, send it with its input, `(x, result)`. From Python 3.13
//! on, `async for` over asyncio's `as_completed` gives the tasks themselves. Stopping early drops
//! the tasks here, and that cancels them; asyncio's run on. The library's
//! [`as_completed`](../../src/as_completed.rs) behaves like asyncio's.
//!
//! For a time limit on the whole, race each `recv` with a `Timer::at` of the same deadline.
//!
//! Who owns what: `main` owns `tasks`, and awaits each after the loop. All have ended by then, but
//! awaiting a task that has panicked panics; the loop alone does not notice it.
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
            // Fails if the receiver is dropped. Then the result is not needed.
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
