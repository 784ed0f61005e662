//! Two threads and no loop: the greetings go on during fib.
//!
//! Ports: article A's `hello_threads.py` (A4).
//!
//! Run it, type `47` and Enter:
//!
//! ```text
//! $ cargo run --example hello_threads
//! 1795306647 - Hello world!
//! 1795306650 - Hello world!
//! 47
//! 1795306653 - Hello world!
//! 1795306656 - Hello world!
//! 1795306659 - Hello world!
//! Executing fib took 8.23 seconds.
//! fib(47) = 2971215073
//! 1795306662 - Hello world!
//! ```
//!
//! No smol in here, only std: two threads, and the operating system takes turns between them. In
//! Python the interpreter's lock lets only one of them compute at a time; here both do.
//!
//! The greeting thread is never joined. It is what Python calls a daemon: the process ends when
//! `main` returns, and the thread with it, between two greetings or in the middle of a sleep.
//!
//! asyncio: `threading.Thread` (`std::thread::spawn`), `time.sleep` (`std::thread::sleep`).
//! Paste: the library's `fib.rs` and `hello.rs`. `just copy hello_threads DIR` does it.

use asyncio_to_smol::hello::{self, Command};
use std::io::{self, BufRead};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

fn main() -> ExitCode {
    hello::main(greet_and_answer)
}

fn greet_and_answer(period: Duration) -> io::Result<()> {
    hello::greet()?;
    thread::spawn(move || {
        loop {
            thread::sleep(period);
            // `main` waits for input and cannot be told that nobody reads the greetings any more.
            hello::greet().unwrap_or_else(|error| hello::exit_with(&error));
        }
    });
    let mut stdin = io::stdin().lock();
    let mut line = Vec::new();
    // Bytes, since `lines()` takes those that are not UTF-8 for an error.
    while stdin
        .read_until(b'\n', &mut line)
        .map_err(hello::input_error)?
        > 0
    {
        match hello::command(&line) {
            Command::Fib(n) => hello::print(hello::timed_fib(n)?)?,
            Command::Exit => break,
            Command::Skip => {}
        }
        // A line without its newline is the last. Asking again would want another ^D on a terminal.
        if !line.ends_with(b"\n") {
            break;
        }
        line.clear();
    }
    Ok(())
}
