//! `gather` inside `main`: results in the order of the input.
//!
//! Ports: article B's `await asyncio.gather(*tasks)` inside a coroutine (B7b).
//!
//! ```text
//! $ cargo run --example nested_gather
//! Waiting: 1
//! Waiting: 2
//! Waiting: 4
//! Task ret: Done after 1s
//! Task ret: Done after 2s
//! Task ret: Done after 4s
//! TIME: 4.001308
//! ```
//!
//! Spawn, then await in order: the tasks run at the same time, and the results are in the order of the input. A
//! task that returns a `Result` has its `Err` among the results, as with `gather(…, return_exceptions=True)`. With
//! `task.await?` the first error *in that order* ends the waiting, and drops the rest of the tasks, which cancels
//! them. asyncio's `gather` and the library's [`gather`](../../src/gather.rs) end at the earliest error and let
//! the others go on.
//!
//! Who owns what: `async_main` owns its tasks. It is a task itself, and holds the executor so that it can spawn; a
//! task that never ends would keep the executor alive.
//!
//! asyncio: `asyncio.gather` (`smol::LocalExecutor::spawn`, then `.await` in order),
//! `return_exceptions=True` (a `Result` among the results).
//! Node: `Promise.allSettled` (a `Result` among the results).
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, Timer};
use std::rc::Rc;
use std::time::{Duration, Instant};

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

// ANCHOR: excerpt
async fn async_main(ex: Rc<LocalExecutor<'static>>) {
    let tasks = [1, 2, 4].map(|x| ex.spawn(do_some_work(x)));
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await);
    }

    for result in results {
        println!("Task ret: {result}");
    }
}
// ANCHOR_END: excerpt

fn main() {
    let start = Instant::now();

    let ex = Rc::new(LocalExecutor::new());
    let main = ex.spawn(async_main(Rc::clone(&ex)));
    smol::block_on(ex.run(main));

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
