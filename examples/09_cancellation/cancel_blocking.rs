//! `fib` on a blocking thread: a token stops it, nothing else can.
//!
//! Ports: none of the programs. Article B's section on stopping coroutines needs it.
//!
//! ```text
//! $ cargo run --example cancel_blocking
//! fib(43), its task cancelled: back after 0.00 s, the thread worked on for 3.41 s
//! fib(43), unblock itself cancelled: back after 3.36 s, the result is thrown away
//! fib(50) with a token, its task cancelled: back after 0.00 s, the thread stopped after 0.00 s
//! ```
//!
//! A future is dropped where it awaits. A closure inside `unblock` never awaits. When the task that
//! awaits it is cancelled, the closure goes on, and its result is discarded. The same happens when
//! the `Task` that `unblock` returns is dropped. Awaiting its `cancel()` waits for the closure.
//! asyncio's `to_thread` cannot be stopped either. (fib(50) would take more than a minute.)
//!
//! asyncio's `run` waits before it returns for threads that `to_thread` has started. Here the end
//! of `main` stops them, unless the task that `unblock` returned is awaited. The pool itself is
//! never shut down; the environment variable `BLOCKING_MAX_THREADS` limits its threads (500).
//!
//! So the closure has to check a token, which is a flag. The task holds its guard. When the task is
//! cancelled, the guard is dropped and sets the flag, and the next check ends the work. Here the
//! closure checks after every piece of less than a millisecond, at no measurable cost.
//!
//! In Node.js a worker that computes does not receive an `abort`; `worker.terminate()` ends it,
//! which is not possible for a Rust thread. For the rest of an `AbortController` (a reason,
//! listeners, `AbortSignal.any`, awaiting it), use a channel that is closed.
//!
//! Who owns what: the task owns the guard, the closure the token, the thread pool the closure.
//!
//! asyncio: `asyncio.to_thread` (`smol::unblock`), `loop.run_in_executor` (`smol::unblock`),
//! `loop.set_default_executor` (`BLOCKING_MAX_THREADS`, or your own threads),
//! `loop.shutdown_default_executor` (none: await what `unblock` has returned),
//! `threading.Event` (`std::sync::atomic::AtomicBool`), `task.cancel`.
//! Node: `AbortController` (`std::sync::atomic::AtomicBool`), `worker.terminate`.
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, Timer, block_on, channel, unblock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the work may go on before it is cancelled.
const A_WHILE: Duration = Duration::from_millis(100);

/// Sets its flag when it is dropped together with the task that holds it.
struct CancelGuard(Arc<AtomicBool>);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

/// `fib`, in pieces too short to interrupt. `None` if it is cancelled.
fn fib_until(n: u64, cancelled: &AtomicBool) -> Option<u64> {
    if cancelled.load(Ordering::Relaxed) {
        return None;
    }
    if n <= 25 {
        return Some(fib(n));
    }
    Some(fib_until(n - 1, cancelled)? + fib_until(n - 2, cancelled)?)
}

fn seconds(since: Instant) -> String {
    format!("{:.2} s", since.elapsed().as_secs_f64())
}

async fn async_main(ex: &LocalExecutor<'_>) {
    // The closure drops its end of a channel when it ends.
    let (running, ended) = channel::bounded::<()>(1);
    let task = ex.spawn(async {
        let work = move || {
            let _running = running;
            fib(43)
        };
        unblock(work).await
    });
    Timer::after(A_WHILE).await;
    let start = Instant::now();
    task.cancel().await;
    print!("fib(43), its task cancelled: back after {}", seconds(start));
    let _ = ended.recv().await;
    println!(", the thread worked on for {}", seconds(start));

    let task = unblock(|| fib(43));
    Timer::after(A_WHILE).await;
    let start = Instant::now();
    task.cancel().await;
    let back = seconds(start);
    println!("fib(43), unblock itself cancelled: back after {back}, the result is thrown away");

    let (running, ended) = channel::bounded::<()>(1);
    let task = ex.spawn(async {
        let token = Arc::new(AtomicBool::new(false));
        let _guard = CancelGuard(Arc::clone(&token)); // `_` without a name would drop it at once
        let work = move || {
            let _running = running;
            fib_until(50, &token)
        };
        unblock(work).await
    });
    Timer::after(A_WHILE).await;
    let start = Instant::now();
    task.cancel().await;
    let back = seconds(start);
    print!("fib(50) with a token, its task cancelled: back after {back}");
    let _ = ended.recv().await;
    println!(", the thread stopped after {}", seconds(start));
}

fn main() {
    let ex = LocalExecutor::new();
    block_on(ex.run(async_main(&ex)));
}
