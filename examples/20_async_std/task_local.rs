//! A value for each task: a thread-local that is put in place for each poll.
//!
//! Ports: none of the programs. async-std's example `task-local`.
//!
//! ```text
//! $ cargo run --example task_local
//! a thread-local alone:
//! request 7: begin
//! request 8: begin
//! request 8: end
//! request 8: end
//! put in place for each poll:
//! request 7: begin
//! request 8: begin
//! request 7: end
//! request 8: end
//! afterwards: request 0
//! ```
//!
//! async-std's example uses `task_local!`. smol has no counterpart: its executors keep nothing of a task but the
//! future. A `thread_local!` alone is shared by all tasks of its thread, and after an `await` it may have another
//! task's value. `with_request` swaps the task's value in before each poll of its future, and out afterwards. A
//! value that the future sets is kept.
//!
//! | | async-std's `task_local!` | here |
//! |---|---|---|
//! | the first value | made in each task at its first use | given to `with_request` |
//! | a task that is spawned inside | begins anew | begins anew: wrap its future, too |
//! | `task::block_on` inside | begins anew | the same value goes on |
//! | in `spawn_blocking` | none (`with` panics) | the thread-local of that thread |
//! | outside of a task | none (`with` panics) | the thread-local's initial value |
//! | in a destructor, when the future has ended | there | there |
//! | in a destructor, when the task is cancelled | none (`with` panics) | the thread's value at that moment |
//!
//! Pass a value that the code needs for its work as an argument. Use this for a value in every line of a log.
//! (`with_request` also works with a `smol::Executor` on several threads.)
//!
//! Who owns what: the future of `with_request` owns the value, and the task owns that future.
//!
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, future};
use std::cell::Cell;
use std::pin::pin;

thread_local! {
    static REQUEST: Cell<u32> = const { Cell::new(0) };
}

// ANCHOR: excerpt
/// While it lives, the task's value is in `REQUEST`, and the previous value is saved here.
struct Swapped<'a>(&'a Cell<u32>);

impl<'a> Swapped<'a> {
    fn with(own: &'a Cell<u32>) -> Self {
        REQUEST.with(|request| request.swap(own));
        Swapped(own)
    }
}

impl Drop for Swapped<'_> {
    fn drop(&mut self) {
        REQUEST.with(|request| request.swap(self.0)); // also when the future panics
    }
}

async fn with_request<T>(id: u32, future: impl Future<Output = T>) -> T {
    let own = Cell::new(id);
    let mut future = pin!(future);
    future::poll_fn(move |context| {
        let _swapped = Swapped::with(&own);
        future.as_mut().poll(context)
    })
    .await
}
// ANCHOR_END: excerpt

fn log(text: &str) {
    println!("request {}: {text}", REQUEST.get());
}

async fn handle() {
    log("begin");
    future::yield_now().await;
    log("end");
}

/// Wrong: the other task also sets it.
async fn set_once(id: u32) {
    REQUEST.set(id);
    handle().await;
}

fn main() {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        println!("a thread-local alone:");
        let tasks = [7, 8].map(|id| executor.spawn(set_once(id)));
        for task in tasks {
            task.await;
        }
        REQUEST.set(0);

        println!("put in place for each poll:");
        let tasks = [7, 8].map(|id| executor.spawn(with_request(id, handle())));
        for task in tasks {
            task.await;
        }
        println!("afterwards: request {}", REQUEST.get());
    }));
}
