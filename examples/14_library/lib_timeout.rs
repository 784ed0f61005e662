//! A timer that is made in `or` starts after the first poll; `timeout` counts from the call.
//!
//! Ports: none of the programs. It shows why the library has the module `timeout`.
//!
//! ```text
//! $ cargo run --example lib_timeout
//! plain smol: Some("value") after 0.30 s, limit 0.20 s
//! timeout: Err(TimedOut) after 0.30 s, limit 0.20 s
//! ```
//!
//! The work blocks the loop for 0.3 s in its first step, and gives its value in the second. `or` polls
//! it first. Only then is the `async` block with the timer polled, which makes the timer: the limit
//! starts when it should be over. (A timer that was made before is in time here. When both are ready, the
//! order of the two decides, and the value can be lost.)
//!
//! [`timeout`](../../src/timeout.rs) takes the deadline when it is called. Nothing can interrupt a step
//! that blocks; but at its first `await` the work is late and is dropped, as with asyncio's `wait_for`.
//!
//! Who owns what: both own the work, and drop it when time is up. Spawn what is to go on, and wait for
//! `&mut task`.
//!
//! asyncio: `asyncio.wait_for`, `asyncio.timeout`, `asyncio.TimeoutError`.
//! Node: `AbortSignal.timeout`, `Promise.race`.
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::timeout;
use smol::Timer;
use smol::future::{self, block_on, yield_now};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(200);

async fn work() -> &'static str {
    thread::sleep(LIMIT * 3 / 2); // a long computation, or a call that blocks
    yield_now().await;
    "value"
}

fn main() {
    let limit = LIMIT.as_secs_f64();

    let start = Instant::now();
    let result = block_on(future::or(async { Some(work().await) }, async {
        Timer::after(LIMIT).await;
        None
    }));
    let took = start.elapsed().as_secs_f64();
    println!("plain smol: {result:?} after {took:.2} s, limit {limit:.2} s");

    let start = Instant::now();
    let result = block_on(timeout(LIMIT, work()));
    let took = start.elapsed().as_secs_f64();
    println!("timeout: {result:?} after {took:.2} s, limit {limit:.2} s");
}
