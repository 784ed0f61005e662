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
//! smol's `Task` has no callbacks: a line after `.await` does the same, and is easier to read.
//! `CallbackTask` is this repository's, and does it as asyncio does: callbacks run in the order in
//! which they were added, at a later turn of the loop and never inside `add_done_callback`.
//!
//! A closure is Python's `partial`: it brings its own arguments.
//!
//! Who owns what: `main` owns the task, and dropping it would cancel it. `join` gives the result when
//! the callbacks have run.
//!
//! asyncio: `task.add_done_callback`, `functools.partial` (a closure).
//! Node: `promise.then`, `Function.prototype.bind` (a closure).
//! Paste: the library's `done_callback.rs`, `run.rs`, `spawn.rs` and `task_list.rs` with
//! `cargo add async-executor async-io futures-lite pin-project-lite slab`. `just copy done_callback DIR`
//! does it.

use asyncio_to_smol::done_callback::{CallbackTask, Outcome};
use asyncio_to_smol::run::run;
use std::time::Instant;

async fn do_some_work(x: u64) -> String {
    println!("Waiting: {x}");
    format!("Done after {x}s")
}

fn callback(outcome: &Outcome<String>) {
    println!("Callback: {}", outcome.result());
}

fn callback_with(t: u64, outcome: &Outcome<String>) {
    println!("Callback: {t} {}", outcome.result());
}

fn main() {
    let start = Instant::now();

    run(async |ex| {
        let task = CallbackTask::spawn(&ex, do_some_work(2));
        task.add_done_callback(callback);
        task.add_done_callback(|outcome| callback_with(2, outcome));
        task.join().await
    });

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
