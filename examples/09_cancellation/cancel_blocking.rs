//! `fib` on a blocking thread: a token stops it, nothing else can.
//!
//! Ports: none of the programs. Article B's section on stopping coroutines needs it.
//!
//! ```text
//! $ cargo run --example cancel_blocking
//! fib(43), its task cancelled: back after 0.00 s, the thread worked on for 1.15 s
//! fib(43), unblock itself cancelled: back after 1.15 s, the result is thrown away
//! fib(50) with a token, its task cancelled: back after 0.00 s, the thread stopped after 0.00 s
//! ```
//!
//! A future is dropped where it awaits. A closure inside `unblock` never awaits. When the task that
//! awaits it is cancelled, the closure goes on, with nobody to take its result; so it is when the
//! `Task` that `unblock` returns is dropped. To cancel that one and wait is to wait for the closure.
//! asyncio's `to_thread` cannot be stopped either. (fib(50) would take half a minute.)
//!
//! So the closure has to look for itself whether it is to stop. The task holds the guard of a token;
//! when it is cancelled, the guard is dropped with it, and the next look ends the work. Here it looks
//! after every piece of less than a millisecond, which costs nothing that could be measured.
//!
//! Who owns what: the task owns the guard, the closure the token, the thread pool the closure.
//!
//! asyncio: `asyncio.to_thread`, `loop.run_in_executor`, `threading.Event`, `task.cancel`.
//! Node: `AbortController`, `worker.terminate`.
//! Paste: `cargo add smol`; the library's `cancel_token.rs`, `fib.rs`, `run.rs`, `spawn.rs` and
//! `task_list.rs` with `cargo add async-executor async-io futures-lite pin-project-lite slab`.
//! `just copy cancel_blocking DIR` does it.

use asyncio_to_smol::cancel_token::{CancelToken, Cancelled, cancel_token};
use asyncio_to_smol::fib::fib;
use asyncio_to_smol::run::{Spawner, run};
use smol::channel;
use smol::{Timer, unblock};
use std::time::{Duration, Instant};

/// How long the work may go on before it is cancelled.
const A_WHILE: Duration = Duration::from_millis(100);

/// `fib`, in pieces that are not worth interrupting.
fn fib_until(n: u32, token: &CancelToken) -> Result<u64, Cancelled> {
    token.check()?;
    if n > 25 {
        Ok(fib_until(n - 1, token)? + fib_until(n - 2, token)?)
    } else {
        Ok(fib(n).expect("F(25) fits in 64 bits"))
    }
}

fn seconds(since: Instant) -> String {
    format!("{:.2} s", since.elapsed().as_secs_f64())
}

async fn async_main(ex: Spawner<'static>) {
    // A closure tells that it has ended by dropping its end of a channel.
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
    print!(
        "fib(43), unblock itself cancelled: back after {}",
        seconds(start)
    );
    println!(", the result is thrown away");

    let (running, ended) = channel::bounded::<()>(1);
    let task = ex.spawn(async {
        let (_guard, token) = cancel_token();
        let work = move || {
            let _running = running;
            fib_until(50, &token)
        };
        unblock(work).await
    });
    Timer::after(A_WHILE).await;
    let start = Instant::now();
    task.cancel().await;
    print!(
        "fib(50) with a token, its task cancelled: back after {}",
        seconds(start)
    );
    let _ = ended.recv().await;
    println!(", the thread stopped after {}", seconds(start));
}

fn main() {
    run(async_main);
}
