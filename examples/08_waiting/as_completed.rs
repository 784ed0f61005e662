//! Deals with each result as soon as it is there.
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
//! Stopping early drops the tasks here, and that cancels them; asyncio's run on. The example `gather`
//! in chapter 6 uses this repository's `as_completed`, which does as asyncio does.
//!
//! Who owns what: `tasks` does, to the end of `main`. A task that panicked would be silent: it drops
//! its sender like one that has ended. Awaiting the tasks after the loop would show it.
//!
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

    let executor = LocalExecutor::new();
    let (sender, results) = channel::unbounded();
    let tasks: [Task<_>; 3] = [1, 2, 4].map(|x| {
        let sender = sender.clone();
        executor.spawn(async move { sender.send(do_some_work(x).await).await })
    });
    drop(sender); // else `recv` would wait for it, too

    smol::block_on(executor.run(async {
        while let Ok(result) = results.recv().await {
            println!("Task ret: {result}");
        }
    }));
    drop(tasks);

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
