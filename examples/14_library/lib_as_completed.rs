//! Awaiting in order sees a fast result late; `as_completed` gives each as soon as it is there.
//!
//! Ports: none of the programs. It shows why the library has the module `as_completed`.
//!
//! ```text
//! $ cargo run --example lib_as_completed
//! plain smol: child 0 ends after 0.60 s, seen after 0.60 s
//! plain smol: child 1 ends after 0.20 s, seen after 0.60 s
//! plain smol: child 2 ends after 0.40 s, seen after 0.60 s
//! as_completed: child 1 ends after 0.20 s, seen after 0.20 s
//! as_completed: child 2 ends after 0.40 s, seen after 0.40 s
//! as_completed: child 0 ends after 0.60 s, seen after 0.60 s
//! ```
//!
//! Three children take 0.6, 0.2 and 0.4 s. What has been spawned runs at the same time, however it is
//! awaited. But a loop over the tasks sees a result when its turn comes: the two that are there early
//! wait for the first one.
//!
//! [`as_completed`](../../src/as_completed.rs) is a stream of the results in the order of time, each
//! with the index of its child, as `async for task in asyncio.as_completed(…)` gives the tasks. Chapter
//! 8's `as_completed` does it with a channel; there one has to send the index along, and a child that
//! panics looks like one that has ended.
//!
//! Who owns what: the array owns the tasks, the stream its children. Dropping either cancels what has
//! not ended.
//!
//! asyncio: `asyncio.as_completed`.
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::{as_completed, run};
use smol::Timer;
use smol::stream::StreamExt;
use std::time::{Duration, Instant};

/// Returns when it has ended.
async fn child(tenths: u64) -> Instant {
    Timer::after(Duration::from_millis(100 * tenths)).await;
    Instant::now()
}

fn report(way: &str, index: usize, start: Instant, ended: Instant) {
    let ended = (ended - start).as_secs_f64();
    let seen = start.elapsed().as_secs_f64();
    println!("{way}: child {index} ends after {ended:.2} s, seen after {seen:.2} s");
}

fn main() {
    run(async |ex| {
        let start = Instant::now();
        let tasks = [6, 2, 4].map(|tenths| ex.spawn(child(tenths)));
        for (index, task) in tasks.into_iter().enumerate() {
            report("plain smol", index, start, task.await);
        }

        let start = Instant::now();
        let mut results = as_completed(&ex, [6, 2, 4].map(child));
        while let Some((index, ended)) = results.next().await {
            report("as_completed", index, start, ended);
        }
    });
}
