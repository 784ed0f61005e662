//! Functions that are called when a task has ended, one with a bound argument.
//!
//! Ports: article B's callback, and the one with `functools.partial` (B3).
//!
//! ```text
//! $ cargo run --example done_callback
//! Waiting: 2
//! Callback: Done after 2s
//! Callback: 2 Done after 2s
//! TIME: 0.000058
//! ```
//!
//! smol's `Task` has no callbacks. A second task awaits the first, and calls the functions in the
//! order in which they are written, at a later turn of the loop. A closure replaces Python's
//! `partial`.
//!
//! asyncio calls a callback when the task was cancelled, too, and `task.cancelled()` tells. Here the callbacks are
//! not called then; put code that must always run into a destructor (chapter 9). A panic of the task resumes at
//! its `.await`; `catch_unwind` of `smol::future::FutureExt` turns it into a value.
//!
//! If the task returns a `Result`, a `match` in the second task replaces `then` and `catch`, and
//! the code after it replaces `finally`, unless the task is cancelled.
//!
//! Who owns what: `callbacks` owns `task`. Dropping it cancels both; `.detach()` lets both go on. (In
//! asyncio a callback owns nothing.)
//!
//! asyncio: `task.add_done_callback` (what follows `task.await` in another task),
//! `task.remove_done_callback` (dropping that task, which cancels the first, too),
//! `functools.partial` (a closure), `task.cancelled` (`smol::Task::fallible`).
//! Node: `promise.then` (what follows `task.await` in another task), `promise.catch` (`match`),
//! `promise.finally` (what follows the `match`, or `std::ops::Drop`),
//! `Function.prototype.bind` (a closure), `unhandledRejection` (`std::panic::set_hook`).
//! Paste: `cargo add smol`.

use smol::LocalExecutor;
use std::time::Instant;

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    format!("Done after {x}s")
}

fn callback(result: &str) {
    println!("Callback: {result}");
}

fn callback_with(t: u64, result: &str) {
    println!("Callback: {t} {result}");
}

fn main() {
    let start = Instant::now();

    // ANCHOR: excerpt
    let executor = LocalExecutor::new();
    let task = executor.spawn(do_some_work(2));
    let partial = |result: &str| callback_with(2, result);
    let callbacks = executor.spawn(async move {
        let result = task.await;
        callback(&result);
        partial(&result);
    });
    smol::block_on(executor.run(callbacks));
    // ANCHOR_END: excerpt

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
