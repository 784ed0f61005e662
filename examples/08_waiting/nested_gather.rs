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
//! `gather` takes futures, too, and is much cheaper then than with a task for each.
//! `gather_all` is asyncio's `gather(…, return_exceptions=True)`: it returns what each returned. The
//! one called `gather` is for futures that return a `Result`, and ends at the first error.
//!
//! Who owns what: `gather_all` owns the futures, and is a task itself. Dropping it cancels them.
//!
//! asyncio: `asyncio.gather`, `return_exceptions=True`.
//! Node: `Promise.allSettled`.
//! Paste: `cargo add smol`; the library's `calls.rs`, `children.rs`, `gather.rs`, `run.rs`, `spawn.rs`
//! and `task_list.rs` with `cargo add async-executor async-io futures-lite pin-project-lite slab`.
//! `just copy nested_gather DIR` does it.

use asyncio_to_smol::gather::gather_all;
use asyncio_to_smol::run::{Spawner, run};
use smol::Timer;
use std::time::{Duration, Instant};

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

async fn async_main(ex: Spawner<'static>) {
    let results = gather_all(&ex, [1, 2, 4].map(do_some_work)).await;

    for result in results {
        println!("Task ret: {result}");
    }
}

fn main() {
    let start = Instant::now();

    run(async_main);

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
