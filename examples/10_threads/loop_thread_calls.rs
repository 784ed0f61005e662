//! Calls into another thread's loop: one after the other, 9 s in all.
//!
//! Ports: article B's `call_soon_threadsafe(more_work, …)` (B9).
//!
//! ```text
//! $ cargo run --example loop_thread_calls
//! TIME: 0.000143
//! More work 6
//! Finished more work 6
//! More work 3
//! Finished more work 3
//! ```
//!
//! The loop's thread takes closures from a channel, in order. Sending a closure takes almost no
//! time. The calls block the loop, so the second begins when the first has ended: 9 seconds in all.
//! A call receives the loop's executor, on which it can spawn tasks, also of futures that are not
//! `Send`.
//!
//! The article's second thread runs forever, and the program with it. Here each call has a channel
//! for its result. `recv_blocking` returns the call's value, which may be a `Result`; or its panic,
//! after which the loop goes on; or an error if the loop ended first. In the article none of this
//! comes back. `cargo run --example loop_thread_calls | head -1` shows it: the pipe is closed,
//! `println!` panics in both calls, and `main` ends with the first panic.
//!
//! Who owns what: `main` owns `other`, the only sender. When that is dropped, also early by `?` or by a panic, the
//! loop runs the calls that were already sent, ends, and drops its tasks; `scope` joins the thread. Dropping a
//! receiver cancels nothing. Ctrl-C ends the program at once, without destructors.
//!
//! asyncio: `loop.call_soon_threadsafe` (a channel of closures), `asyncio.new_event_loop`
//! (`smol::LocalExecutor::new`), `asyncio.set_event_loop` (pass `&LocalExecutor` on), `loop.run_forever`
//! (`smol::LocalExecutor::run`), `loop.stop` (drop the last sender), `threading.Thread`
//! (`std::thread::scope`), `time.sleep` (`std::thread::sleep`).
//! Node: `new Worker` (`std::thread::scope`), `worker.postMessage` (a channel of closures),
//! `worker_threads` (`std::thread`).
//! Paste: `cargo add smol`.

use smol::channel::{self, Receiver, Sender};
use smol::{LocalExecutor, future};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::{self, Builder, sleep};
use std::time::{Duration, Instant};

type Call = Box<dyn FnOnce(&LocalExecutor<'static>) + Send>;

fn more_work(x: u64) {
    println!("More work {x}");
    sleep(Duration::from_secs(x));
    println!("Finished more work {x}");
}

/// Runs the calls, and between them the tasks they have spawned, until all senders are dropped.
fn run_loop(calls: Receiver<Call>) {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        while let Ok(call) = calls.recv().await {
            // A call catches its own panic. This catches a panic in a destructor, so that the loop
            // goes on.
            let _ = catch_unwind(AssertUnwindSafe(|| call(&executor)));
            future::yield_now().await;
        }
    }));
}

fn call_soon<T: Send + 'static>(
    other: &Sender<Call>,
    function: impl FnOnce(&LocalExecutor<'static>) -> T + Send + 'static,
) -> Receiver<thread::Result<T>> {
    let (sender, receiver) = channel::bounded(1);
    // If sending fails, the loop has ended, and `receiver` returns an error: its sender is dropped.
    let _ = other.try_send(Box::new(move |executor| {
        let result = catch_unwind(AssertUnwindSafe(|| function(executor)));
        let _ = sender.try_send(result); // fails if the receiver is dropped
    }));
    receiver
}

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    // ANCHOR: excerpt
    thread::scope(|scope| {
        let (other, calls) = channel::unbounded();
        Builder::new().spawn_scoped(scope, || run_loop(calls))?;
        println!("TIME: {:.6}", start.elapsed().as_secs_f64());

        for receiver in [6, 3].map(|x| call_soon(&other, move |_| more_work(x))) {
            let result = receiver.recv_blocking()?;
            result.unwrap_or_else(|panic| resume_unwind(panic));
        }
        Ok(())
    })
    // ANCHOR_END: excerpt
}
