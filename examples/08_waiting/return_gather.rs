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
//! `run` returns what `main` returns, of whatever type. By then the loop is gone, and all that was
//! left in it has been dropped; results are plain values and stay.
//!
//! asyncio: `asyncio.gather`, `asyncio.run`, `loop.run_until_complete`, `return_exceptions=True`.
//! Node: `Promise.allSettled`.
//! Paste: `cargo add smol`; the library's `calls.rs`, `children.rs`, `gather.rs`, `run.rs`, `spawn.rs`
//! and `task_list.rs` with `cargo add async-executor async-io futures-lite pin-project-lite slab`.
//! `just copy return_gather DIR` does it.

use asyncio_to_smol::gather::gather_all;
use asyncio_to_smol::run::{Spawner, run};
use smol::Timer;
use std::time::Duration;

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

async fn async_main(ex: Spawner<'static>) -> Vec<String> {
    gather_all(&ex, [1, 2, 2].map(do_some_work)).await
}

fn main() {
    for result in run(async_main) {
        println!("Task ret: {result}");
    }
}
