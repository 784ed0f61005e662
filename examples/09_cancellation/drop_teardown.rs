//! A table: what drop, cancel, detach and the end of the executor do to a task.
//!
//! Ports: none of the programs. Article B's section on stopping coroutines needs it.
//!
//! ```text
//! $ cargo run --example drop_teardown
//! what is done              | what happens, in this order
//! drop(task)                | drop returned | guard dropped | next turn over
//! task.cancel().await       | guard dropped | cancel returned
//! task.detach()             | detach returned | work done | guard dropped
//! drop(executor)            | guard dropped | drop returned
//! smol::spawn, main returns | main returns
//! ```
//!
//! Every task holds a guard that prints when it is dropped, like a `finally` in Python. In the last
//! row it is never dropped. `smol::spawn` runs tasks on its own threads, which live until the
//! process ends, and unfinished tasks are not torn down: a file is not flushed, a lock file not
//! removed. asyncio's `run` cancels unfinished tasks. Here the end of the executor's scope does
//! that.
//!
//! - `drop(task)` only requests it. The future belongs to the executor and is dropped at its next
//!   turn. If the executor no longer runs, the future is dropped together with it.
//! - `cancel().await` requests and waits; after it the task has ended. The call alone cancels
//!   nothing: the future that it returns has to be polled, or dropped together with the task.
//! - `detach()` gives up the handle. The task ends by itself, or with its executor: if it is
//!   unfinished when the executor's `run` returns, it is frozen, and its guards are dropped with
//!   the executor.
//! - Awaiting a task whose executor was dropped panics; `task.fallible()` gives `None`.
//!
//! An executor has no state to query: it is running while its `run` is awaited, and closed when it
//! is dropped. The compiler rejects a later use, where asyncio raises `RuntimeError`.
//!
//! Who owns what: see the table.
//!
//! asyncio: `task.cancel`, `finally`, `asyncio.run`, `loop.close` (`std::mem::drop`),
//! `loop.is_closed` (none: a closed loop is a value that is gone),
//! `loop.is_running` (none: the call of `run` has not returned),
//! `loop.shutdown_asyncgens` (none: a stream is dropped with its owner).
//! Node: `finally`.
//! Paste: `cargo add smol`.

use smol::channel;
use smol::future::{self, block_on, yield_now};
use smol::{LocalExecutor, Task};
use std::io::{self, Write};

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        happens("guard dropped");
    }
}

fn happens(what: &str) {
    // Not `print!`: it panics when its output is closed, and a destructor must not.
    let _ = write!(io::stdout(), " | {what}");
}

/// A task that holds a guard and waits forever.
async fn hold_a_guard() {
    let _guard = Guard;
    future::pending().await
}

/// Spawns `work`, lets it begin, and shows what happens to it.
fn show(what: &str, work: impl Future<Output = ()>, then: impl AsyncFnOnce(Task<()>)) {
    print!("{what:25}");
    let ex = LocalExecutor::new();
    let task = ex.spawn(work);
    // A task, too, so that the two run in turn.
    block_on(ex.run(ex.spawn(async move { then(task).await })));
    println!();
}

fn main() {
    println!("{:25} | what happens, in this order", "what is done");

    show("drop(task)", hold_a_guard(), async |task| {
        drop(task);
        happens("drop returned");
        yield_now().await;
        happens("next turn over");
    });

    show("task.cancel().await", hold_a_guard(), async |task| {
        task.cancel().await;
        happens("cancel returned");
    });

    let one_more_turn = async {
        let _guard = Guard;
        yield_now().await;
        happens("work done");
    };
    show("task.detach()", one_more_turn, async |task| {
        task.detach();
        happens("detach returned");
        yield_now().await;
    });

    print!("{:25}", "drop(executor)");
    let executor = LocalExecutor::new();
    let task = executor.spawn(hold_a_guard());
    executor.try_tick();
    drop(executor);
    happens("drop returned");
    println!();
    drop(task); // a handle to nothing

    print!("{:25}", "smol::spawn, main returns");
    let (begun, has_begun) = channel::bounded(1);
    let task = smol::spawn(async move {
        let _guard = Guard;
        let _ = begun.send(()).await; // `main` waits for it
        future::pending::<()>().await
    });
    let _ = block_on(has_begun.recv()); // the task is sending
    happens("main returns");
    println!();
    task.detach(); // to be there at the end, to show that nothing ends it
}
