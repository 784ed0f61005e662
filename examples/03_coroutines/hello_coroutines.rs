//! Coroutines on an event loop of their own: fib stops the greetings.
//!
//! Ports: article A's `event_loop_coroutine.py`, its `read_input` and the hello program for it
//! (A7, A8).
//!
//! Run it, type `47` and Enter:
//!
//! ```text
//! $ cargo run --example hello_coroutines
//! 1795306704 - Hello world!
//! 1795306707 - Hello world!
//! 47
//! Executing fib took 8.30 seconds.
//! fib(47) = 2971215073
//! 1795306717 - Hello world!
//! 1795306720 - Hello world!
//! ```
//!
//! No smol in here: the loop is `event_loop::coroutines`. The article's generators are `async`
//! functions, its `yield sys.stdin` is `read_line().await`, its `yield sleep_for_seconds(3)` is
//! `sleep(…).await`. Where a generator yields to the loop that drives it, a future must hold a
//! handle of that loop.
//!
//! That `read_input` looks as if it waited, and does not hold up `print_every` while it does, is the
//! gain over callbacks. That `fib` still does is what coroutines cannot change: only an `await` lets
//! others run, and there is none in it.
//!
//! The greeting task never ends. The loop owns it and drops it when `main` returns.
//!
//! asyncio: `yield from` (`.await`), `loop.create_task` (`smol::LocalExecutor::spawn`),
//! `loop.call_soon`, `loop.run_forever`, `loop.stop`.
//! Node: `async function` (`async fn`), `await` (`.await`), `process.nextTick`.
//! Paste: the library's `event_loop.rs`, `event_loop/`, `fib.rs`, `hello.rs` and `stdin.rs` with
//! `cargo add async-io futures-lite`, on Unix `cargo add rustix --features event`, elsewhere
//! `cargo add blocking`. `just copy hello_coroutines DIR` does it.

use asyncio_to_smol::event_loop::coroutines::{EventLoop, Handle};
use asyncio_to_smol::hello::{self, Command};
use std::io;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    hello::main(|period| {
        let event_loop = EventLoop::new()?;
        let handle = event_loop.handle();
        handle.schedule(print_every(handle.clone(), period));
        handle.schedule(read_input(handle.clone()));
        event_loop.run_forever()
    })
}

async fn print_every(event_loop: Handle, interval: Duration) -> io::Result<()> {
    loop {
        hello::greet()?;
        event_loop.sleep(interval).await;
    }
}

async fn read_input(event_loop: Handle) -> io::Result<()> {
    while let Some(line) = event_loop.read_line().await {
        match hello::command(&line) {
            Command::Fib(n) => hello::print(hello::timed_fib(n)?)?,
            Command::Exit => break,
            Command::Skip => {}
        }
    }
    // `stop()` would do. The article stops on the next tick to show that there is such a thing.
    let stopping = event_loop.clone();
    event_loop.do_on_next_tick(move || stopping.stop());
    Ok(())
}
