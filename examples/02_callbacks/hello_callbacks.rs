//! Timers and input as callbacks of an event loop: fib stops the greetings.
//!
//! Ports: article A's `event_loop_callback.py` and the hello program for it (A6).
//!
//! Run it, type `47` and Enter:
//!
//! ```text
//! $ cargo run --example hello_callbacks
//! 1795306685 - Hello world!
//! 1795306688 - Hello world!
//! 47
//! Executing fib took 7.74 seconds.
//! fib(47) = 2971215073
//! 1795306697 - Hello world!
//! 1795306700 - Hello world!
//! ```
//!
//! No smol in here: the loop is `event_loop::callbacks`, a few pages around one poll(2), and this is
//! how one programs Node.js without promises. Nothing waits inside a callback; what comes later is
//! another callback, and the greeting arms its own timer again.
//!
//! asyncio: `loop.call_later`, `loop.add_reader`, `loop.run_forever`, `loop.stop`.
//! Node: `setTimeout` (`smol::Timer::after`), `process.stdin.on`.
//! Paste: the library's `event_loop.rs`, `event_loop/`, `fib.rs`, `hello.rs` and `stdin.rs` with
//! `cargo add async-io futures-lite`, on Unix `cargo add rustix --features event`, elsewhere
//! `cargo add blocking`. `just copy hello_callbacks DIR` does it.

use asyncio_to_smol::event_loop::callbacks::EventLoop;
use asyncio_to_smol::hello::{self, Command};
use std::io;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    hello::main(|period| {
        let event_loop = EventLoop::new();
        event_loop.add_timer(Duration::ZERO, move |event_loop| greet(event_loop, period));
        event_loop.add_stdin_handler(answer);
        event_loop.run_forever()
    })
}

fn greet(event_loop: &EventLoop, period: Duration) -> io::Result<()> {
    hello::greet()?;
    event_loop.add_timer(period, move |event_loop| greet(event_loop, period));
    Ok(())
}

/// `line` is `None` at the end of input.
fn answer(event_loop: &EventLoop, line: Option<&[u8]>) -> io::Result<()> {
    match line.map_or(Command::Exit, hello::command) {
        Command::Fib(n) => hello::print(hello::timed_fib(n)?)?,
        Command::Exit => event_loop.stop(),
        Command::Skip => {}
    }
    Ok(())
}
