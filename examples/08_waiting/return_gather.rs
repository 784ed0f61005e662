//! `main` returns what it gathered.
//!
//! Ports: article B's `main` that returns `await asyncio.gather(…)` (B7c).
//!
//! ```text
//! $ cargo run --example return_gather
//! Waiting: 1
//! Waiting: 2
//! Waiting: 2
//! Task ret: Done after 1s
//! Task ret: Done after 2s
//! Task ret: Done after 2s
//! ```
//!
//! `block_on` returns the value of `run`, which is the value of the task `main`, of any type. The
//! results are plain values and outlive the loop.
//!
//! Who owns what: `async_main` owns its tasks, and has awaited all of them when it returns.
//!
//! asyncio: `asyncio.gather` (`smol::LocalExecutor::spawn`, then `.await` in order), `asyncio.run`,
//! `loop.run_until_complete`, `return_exceptions=True` (a `Result` among the results).
//! Node: `Promise.allSettled` (a `Result` among the results).
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, Timer};
use std::rc::Rc;
use std::time::Duration;

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

// ANCHOR: excerpt
async fn async_main(ex: Rc<LocalExecutor<'static>>) -> Vec<String> {
    let tasks = [1, 2, 2].map(|x| ex.spawn(do_some_work(x)));
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await);
    }
    results
}

fn main() {
    let ex = Rc::new(LocalExecutor::new());
    let main = ex.spawn(async_main(Rc::clone(&ex)));
    for result in smol::block_on(ex.run(main)) {
        println!("Task ret: {result}");
    }
}
// ANCHOR_END: excerpt
