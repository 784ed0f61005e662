//! `main` returns done and pending.
//!
//! Ports: article B's `main` that returns `await asyncio.wait(…)` (B7d).
//!
//! ```text
//! $ cargo run --example return_wait
//! Waiting: 1
//! Waiting: 2
//! Waiting: 4
//! Task ret: Done after 1s
//! Task ret: Done after 2s
//! Task ret: Done after 4s
//! ```
//!
//! `main` waits as in `nested_wait`, without a time limit, and returns the tasks themselves. A task
//! in `done` holds its result, which can be read after the loop has ended. A task in `pending` does
//! not continue, as its loop has stopped. Dropping it cancels it, and its destructors run when the
//! executor is dropped. (Awaiting it after that panics; `fallible().await` gives `None`.) In
//! asyncio such a task is cancelled when `asyncio.run` returns. Here all are done.
//!
//! Who owns what: the function `main` owns all tasks at the end.
//!
//! asyncio: `asyncio.wait` (`smol::Task::is_finished`), `asyncio.ALL_COMPLETED` (one `.await` after the
//! other), `asyncio.run`, `loop.run_until_complete`,
//! `asyncio.create_task`.
//! Node: `Promise.allSettled`.
//! Paste: `cargo add smol`.

use smol::channel::{self, Sender};
use smol::{LocalExecutor, Task, Timer};
use std::rc::Rc;
use std::time::Duration;

/// `_running` is dropped when this ends, however it ends.
async fn do_some_work(x: u64, _running: Sender<()>) -> String {
    println!("Waiting: {x}");
    Timer::after(Duration::from_secs(x)).await;
    format!("Done after {x}s")
}

// ANCHOR: excerpt
/// The tasks that are done, and the pending ones.
async fn async_main(ex: Rc<LocalExecutor<'static>>) -> (Vec<Task<String>>, Vec<Task<String>>) {
    let (running, ended) = channel::bounded(1);
    let tasks = [1, 2, 4].map(|x| ex.spawn(do_some_work(x, running.clone())));
    drop(running);
    let _ = ended.recv().await;
    tasks.into_iter().partition(Task::is_finished)
}

fn main() {
    let ex = Rc::new(LocalExecutor::new());
    let main = ex.spawn(async_main(Rc::clone(&ex)));
    let (done, _pending) = smol::block_on(ex.run(main));
    for task in done {
        println!("Task ret: {}", smol::block_on(task));
    }
}
// ANCHOR_END: excerpt
