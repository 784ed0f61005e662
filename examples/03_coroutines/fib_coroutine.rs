//! Fib as a coroutine that yields at every call: the greetings go on, on one thread.
//!
//! Ports: article A's `fib_coroutine.py` (A9).
//!
//! Run it, type `35` and Enter:
//!
//! ```text
//! $ cargo run --example fib_coroutine
//! 1795306723 - Hello world!
//! 1795306726 - Hello world!
//! 35
//! 1795306729 - Hello world!
//! 1795306732 - Hello world!
//! 1795306735 - Hello world!
//! 1795306738 - Hello world!
//! Executing fib took 11.40 seconds.
//! fib(35) = 9227465
//! 1795306741 - Hello world!
//! ```
//!
//! A greeting is late by one call of `fib` at most. The price: it takes 500 times as long as the
//! plain function. Each of the 30 million calls allocates a future and makes a detour to the loop,
//! and coming back means polling through all the calls that wait for it. Do not do this to real
//! work; chapter 4 moves it to another thread.
//!
//! The loop is not smol's, but `yield_now` and the channel are: they are futures like any other and
//! work on every executor. `yield_now` says "wake me again" and returns to the loop. An `async fn`
//! that calls itself must be boxed, since a future contains what it awaits.
//!
//! Numbers are computed one after another, in the order typed, as in the article. There `read_input`
//! waits for `fib`, so that a typed `exit` waits with it; here two tasks share a queue.
//!
//! asyncio: `yield from`, `asyncio.sleep(0)` (`smol::future::yield_now`),
//! `asyncio.Queue` (`smol::channel::unbounded`).
//! Node: `setImmediate` (`smol::future::yield_now`).
//! Paste: `cargo add smol`; the library's `event_loop.rs`, `event_loop/`, `fib.rs`, `hello.rs` and
//! `stdin.rs` with `cargo add async-io futures-lite`, on Unix `cargo add rustix --features event`,
//! elsewhere `cargo add blocking`. `just copy fib_coroutine DIR` does it.

use asyncio_to_smol::event_loop::coroutines::{EventLoop, Handle};
use asyncio_to_smol::fib::Timed;
use asyncio_to_smol::hello::{self, Answer, Command};
use smol::channel::{self, Receiver, Sender};
use smol::future::yield_now;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    hello::main(|period| {
        let event_loop = EventLoop::new()?;
        let handle = event_loop.handle();
        let (numbers, queue) = channel::unbounded();
        handle.schedule(print_every(handle.clone(), period));
        handle.schedule(read_input(handle.clone(), numbers));
        handle.schedule(compute(handle.clone(), queue));
        event_loop.run_forever()
    })
}

/// F(n), with a turn for other tasks at every call.
async fn fib(n: u32) -> u64 {
    yield_now().await;
    if n > 1 {
        Box::pin(fib(n - 1)).await + Box::pin(fib(n - 2)).await
    } else {
        u64::from(n)
    }
}

async fn print_every(event_loop: Handle, interval: Duration) -> io::Result<()> {
    loop {
        hello::greet()?;
        event_loop.sleep(interval).await;
    }
}

async fn read_input(event_loop: Handle, numbers: Sender<u32>) -> io::Result<()> {
    while let Some(line) = event_loop.read_line().await {
        match hello::command(&line) {
            Command::Fib(n) => numbers.send(n).await.map_err(io::Error::other)?,
            Command::Exit => {
                event_loop.stop();
                break;
            }
            Command::Skip => {}
        }
    }
    Ok(()) // `numbers` goes, and with it the end of the queue
}

async fn compute(event_loop: Handle, queue: Receiver<u32>) -> io::Result<()> {
    while let Ok(n) = queue.recv().await {
        let start = Instant::now();
        let value = fib(n).await;
        hello::print(Answer {
            n,
            timed: Timed {
                name: "fib",
                value,
                took: start.elapsed(),
            },
        })?;
    }
    event_loop.stop();
    Ok(())
}
