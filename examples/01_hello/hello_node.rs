//! One thread of smol, as in Node.js: a long fib stops the greetings, and missed ones are skipped.
//!
//! Ports: article A's `hello.js` (A1).
//!
//! Run it, type `47` and Enter, and wait:
//!
//! ```text
//! $ cargo run --example hello_node
//! 1795306631 - Hello world!
//! 47
//! Calculation took 8.347 seconds
//! fib(47) = 2971215073
//! 1795306641 - Hello world!
//! 1795306644 - Hello world!
//! 1795306647 - Hello world!
//! ```
//!
//! While `fib` runs, nothing else does. Of the greetings that fall due meanwhile one comes late and
//! the others are skipped; then they come every 3 seconds again.
//!
//! On smol: `setInterval` is a `Ticker` and the `data` event is the next line of `Stdin`. Node calls
//! two callbacks; here two `async` functions are polled in turn by one `block_on`, and the program
//! ends when the first of them does. Node would go on greeting at the end of input.
//!
//! Node: `setInterval`, `process.stdin.on`, `for await...of` (`smol::stream::StreamExt::next`),
//! `readline.createInterface`.
//! Paste: `cargo add smol`; the library's `fib.rs`, `hello.rs`, `stdin.rs` and `ticker.rs` with
//! `cargo add async-io futures-lite`, on Unix `cargo add rustix --features event`, elsewhere
//! `cargo add blocking`. `just copy hello_node DIR` does it.

use asyncio_to_smol::hello::{self, Command};
use asyncio_to_smol::stdin::Stdin;
use asyncio_to_smol::ticker::Ticker;
use smol::{future, stream::StreamExt};
use std::io;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    hello::main(|period| smol::block_on(future::or(greet(period), answer())))
}

async fn greet(period: Duration) -> io::Result<()> {
    let mut interval = Ticker::every(period);
    loop {
        interval.tick().await;
        hello::greet()?;
    }
}

async fn answer() -> io::Result<()> {
    let mut lines = Stdin::open()?;
    while let Some(line) = lines.next().await {
        match hello::command(&line?) {
            Command::Fib(n) => {
                // No `await` in here: this is what holds up the greetings.
                let fib = hello::timed_fib(n)?.timed;
                let seconds = fib.took.as_secs_f64();
                hello::print(format_args!(
                    "Calculation took {seconds:.3} seconds\nfib({n}) = {}",
                    fib.value
                ))?;
            }
            Command::Exit => break,
            Command::Skip => {}
        }
    }
    Ok(())
}
