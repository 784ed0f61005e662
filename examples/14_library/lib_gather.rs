//! Awaiting in order sees an error late and cancels the rest; `gather` sees it at once.
//!
//! Ports: none of the programs. It shows why the library has the module `gather`.
//!
//! ```text
//! $ cargo run --example lib_gather
//! plain smol: child 2 fails
//! plain smol: child 1 ends
//! plain smol: error after 0.30 s: child 2 has failed
//! gather: child 2 fails
//! gather: error after 0.10 s: child 2 has failed
//! gather: child 1 ends
//! gather: child 3 ends
//! ```
//!
//! Three children take 0.3, 0.1 and 0.5 s, and the second one fails. With `task.await?` in order, the
//! error is seen when its turn comes, after the first child. The `?` then drops the third task, which
//! cancels it: "child 3 ends" is missing. (`try_zip`, and futures' `try_join_all`, see the error at
//! once, and drop the others, too.)
//!
//! asyncio's `gather` and Node's `Promise.all` raise the first error *in time*, and let the others run
//! on. [`gather`](../../src/gather.rs) does the same. To cancel the others, await it as `&mut gather`
//! and call `cancel`.
//!
//! Who owns what: `in_order` owns the tasks, and drops those it has not awaited. After an error the
//! children of `gather` belong to the loop, which drops them at the end of `run`.
//!
//! asyncio: `asyncio.gather`.
//! Node: `Promise.all`.
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::{Spawner, gather, run};
use smol::Timer;
use std::time::{Duration, Instant};

async fn child(way: &str, n: u64, tenths: u64) -> Result<u64, String> {
    Timer::after(Duration::from_millis(100 * tenths)).await;
    if n == 2 {
        println!("{way}: child {n} fails");
        return Err(format!("child {n} has failed"));
    }
    println!("{way}: child {n} ends");
    Ok(n)
}

async fn in_order(ex: &Spawner<'_>) -> Result<Vec<u64>, String> {
    let children = [(1, 3), (2, 1), (3, 5)].map(|(n, time)| child("plain smol", n, time));
    let tasks = children.map(|child| ex.spawn(child));
    let mut values = Vec::new();
    for task in tasks {
        values.push(task.await?);
    }
    Ok(values)
}

/// Prints what has come after how long, and waits until all children would have ended.
async fn report(way: &str, start: Instant, result: Result<Vec<u64>, String>) {
    let (error, took) = (result.unwrap_err(), start.elapsed().as_secs_f64());
    println!("{way}: error after {took:.2} s: {error}");
    Timer::at(start + Duration::from_millis(700)).await;
}

fn main() {
    run(async |ex| {
        let start = Instant::now();
        report("plain smol", start, in_order(&ex).await).await;

        let start = Instant::now();
        let children = [(1, 3), (2, 1), (3, 5)].map(|(n, time)| child("gather", n, time));
        report("gather", start, gather(&ex, children).await).await;
    });
}
