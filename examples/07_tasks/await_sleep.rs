//! A sleeping task hands control over.
//!
//! Ports: article B's program with `await asyncio.sleep(x)` (B5).
//!
//! ```text
//! $ cargo run --example await_sleep
//! Waiting: 2
//! Task ret: Done after 2s
//! TIME: 2.001126
//! ```
//!
//! `Timer::after(…).await` is `asyncio.sleep`. At that point the function returns to the loop, and
//! it resumes there when the time has come. `std::thread::sleep` would take as long, and block the
//! loop meanwhile.
//!
//! One difference: a `Timer` of zero does not let other tasks run, as `asyncio.sleep(0)` does. Use
//! `smol::future::yield_now().await` for that.
//!
//! asyncio: `asyncio.sleep`, `await`, `yield from`.
//! Node: `setTimeout`, `await`.
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, Timer};
use std::time::{Duration, Instant};

// ANCHOR: excerpt
async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

fn main() {
    let start = Instant::now();

    let executor = LocalExecutor::new();
    let task = executor.spawn(do_some_work(2));
    let result = smol::block_on(executor.run(task));

    println!("Task ret: {result}");
    // ANCHOR_END: excerpt
    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
