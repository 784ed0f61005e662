//! `future::or` gives one of two results and loses the other; `wait` gives both, and keeps the rest.
//!
//! Ports: none of the programs. It shows why the library has the module `wait`.
//!
//! ```text
//! $ cargo run --example lib_wait
//! plain smol: a has a value
//! plain smol: b has a value
//! plain smol: received ["a"], tasks left: 0
//! wait: a has a value
//! wait: b has a value
//! wait: received ["a", "b"], tasks left: 1
//! wait: c has a value
//! wait: received ["c"], tasks left: 0
//! ```
//!
//! Of three tasks two end in the same turn of the loop. `future::or` (and `race`, and every `select`)
//! gives the value of one. The other task has ended, too, but its value is dropped with its `Task`:
//! what it had taken from a channel or a socket is lost. The third one is cancelled: "c has a value" is
//! missing, and no task is left.
//!
//! asyncio's `wait` returns the tasks that are done and those that are pending.
//! [`wait::first_completed`](../../src/wait.rs) takes those that are done out of the `Vec` and returns
//! them; the pending ones stay in it, and run on. Its `timeout` gives both after a time limit.
//!
//! Who owns what: `or` owns its futures and drops them when it is ready. `wait` only borrows the `Vec`;
//! dropping that would cancel the tasks that are left in it.
//!
//! asyncio: `asyncio.wait`, `asyncio.FIRST_COMPLETED`.
//! Node: `Promise.race`.
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::{run, wait};
use smol::Timer;
use smol::future::FutureExt;
use std::time::Duration;

async fn work(way: &str, name: &'static str, tenths: u64) -> &'static str {
    if tenths > 0 {
        Timer::after(Duration::from_millis(100 * tenths)).await;
    }
    println!("{way}: {name} has a value");
    name
}

fn main() {
    run(async |ex| {
        let children = [("a", 0), ("b", 0), ("c", 2)];
        let [a, b, c] = children.map(|(name, time)| ex.spawn(work("plain smol", name, time)));
        let received = [a.or(b).or(c).await];
        Timer::after(Duration::from_millis(400)).await;
        let left = ex.tasks().len() - 1; // without `main`
        println!("plain smol: received {received:?}, tasks left: {left}");

        let tasks = children.map(|(name, time)| ex.spawn(work("wait", name, time)));
        let mut tasks = Vec::from(tasks);
        while !tasks.is_empty() {
            let done = wait::first_completed(&mut tasks).await;
            let received: Vec<_> = done
                .into_iter()
                .map(|(_, result)| result.unwrap())
                .collect();
            println!("wait: received {received:?}, tasks left: {}", tasks.len());
        }
    });
}
