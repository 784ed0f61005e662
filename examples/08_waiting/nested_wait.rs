//! `wait` inside `main`: the done tasks and the pending ones.
//!
//! Ports: article B's `await asyncio.wait(tasks)` inside a coroutine (B7a).
//!
//! ```text
//! $ cargo run --example nested_wait
//! Waiting: 1
//! Waiting: 2
//! Waiting: 4
//! Task ret: Done after 1s
//! Task ret: Done after 2s
//! Task ret: Done after 4s
//! TIME: 4.001226
//! ```
//!
//! Every task holds a sender of `ended`. Nothing is sent: `recv` waits until the channel is closed,
//! which happens when the last task has ended. The results stay in their tasks, and `is_finished`
//! distinguishes done from pending. asyncio returns sets; here the order of the tasks is kept.
//!
//! `LIMIT` is asyncio's `timeout=`: when it has passed, some tasks may be pending. They are not
//! cancelled. Set it to 3 seconds, and the third task is `Still pending` after 3 seconds.
//!
//! To wait for the first result or the first error (`FIRST_COMPLETED`, `FIRST_EXCEPTION`), or for tasks
//! that come from elsewhere, use the library's [`wait`](../../src/wait.rs).
//!
//! Who owns what: `async_main` owns the tasks, in `pendings` at the end. Dropping that cancels
//! them; asyncio's go on until the loop ends.
//!
//! asyncio: `asyncio.wait` (`smol::Task::is_finished`), `asyncio.create_task`.
//! Node: `Promise.allSettled`.
//! Paste: `cargo add smol`.

use smol::channel::{self, Sender};
use smol::future::FutureExt;
use smol::{LocalExecutor, Task, Timer};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// asyncio's `timeout=`.
const LIMIT: Duration = Duration::from_secs(60);

/// `_running` is dropped when this ends, however it ends.
async fn do_some_work(x: u64, _running: Sender<()>) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

// ANCHOR: excerpt
async fn async_main(ex: Rc<LocalExecutor<'static>>) {
    let (running, ended) = channel::bounded(1);
    let tasks = [1, 2, 4].map(|x| ex.spawn(do_some_work(x, running.clone())));
    drop(running);
    let all_ended = async { _ = ended.recv().await };
    let time_is_up = async { _ = Timer::after(LIMIT).await };
    all_ended.or(time_is_up).await;
    let (dones, pendings): (Vec<_>, Vec<_>) = tasks.into_iter().partition(Task::is_finished);

    for task in dones {
        println!("Task ret: {}", task.await);
    }
    for _task in pendings {
        println!("Still pending");
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
