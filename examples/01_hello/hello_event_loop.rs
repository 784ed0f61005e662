//! A loop by hand on poll(2), waking every 100 ms: fib stops the greetings.
//!
//! Ports: article A's `hello_eventloop.py` (A5).
//!
//! Run it, type `47` and Enter:
//!
//! ```text
//! $ cargo run --example hello_event_loop
//! 1795306666 - Hello world!
//! 1795306669 - Hello world!
//! 47
//! Executing fib took 7.86 seconds.
//! fib(47) = 2971215073
//! 1795306678 - Hello world!
//! 1795306681 - Hello world!
//! ```
//!
//! No smol in here: poll(2) waits for input, at most 100 ms, and then the loop looks at the clock.
//! This is all that an event loop is. It wakes ten times a second for nothing, greets up to 100 ms
//! late, and what it waits for is hard-coded: chapters 2 and 3 mend that.
//!
//! Python's `readline()` has no place here. It reads ahead, and poll(2) knows nothing of what it has
//! put aside: of two lines in one go the second is answered when a third comes. And after half a
//! line it waits for the rest. One read(2) for one readiness has neither fault.
//!
//! Unix only: Windows has no poll(2) for a console.
//!
//! asyncio: `selectors.DefaultSelector` (`rustix::event::poll`),
//! `selector.select` (`rustix::event::poll`).
//! Paste: on Unix `cargo add rustix --features event`; the library's `fib.rs` and `hello.rs`.
//! `just copy hello_event_loop DIR` does it.

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    asyncio_to_smol::hello::main(unix::event_loop)
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("hello_event_loop needs poll(2), which this system lacks; try hello_callbacks");
    ExitCode::FAILURE
}

#[cfg(unix)]
mod unix {
    use asyncio_to_smol::hello::{self, Command};
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{read, retry_on_intr};
    use std::collections::VecDeque;
    use std::io;
    use std::mem;
    use std::time::{Duration, Instant};

    const TENTH_OF_A_SECOND: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };

    pub fn event_loop(period: Duration) -> io::Result<()> {
        let mut last_hello: Option<Instant> = None; // None means that the timer starts right away
        let mut lines: VecDeque<Vec<u8>> = VecDeque::new();
        let mut half_a_line = Vec::new();
        let mut is_at_end = false;
        loop {
            if last_hello.is_none_or(|last| last.elapsed() >= period) {
                last_hello = Some(Instant::now());
                hello::greet()?;
            }
            if let Some(line) = lines.pop_front() {
                match hello::command(&line) {
                    Command::Fib(n) => hello::print(hello::timed_fib(n)?)?,
                    Command::Exit => return Ok(()),
                    Command::Skip => {}
                }
            } else if is_at_end {
                return Ok(());
            } else if is_readable().map_err(hello::input_error)? {
                let mut chunk = [0; 4096];
                let len =
                    retry_on_intr(|| read(io::stdin(), &mut chunk)).map_err(hello::input_error)?;
                for piece in chunk[..len].split_inclusive(|&byte| byte == b'\n') {
                    half_a_line.extend_from_slice(piece);
                    if piece.ends_with(b"\n") {
                        lines.push_back(mem::take(&mut half_a_line));
                    }
                }
                if len == 0 {
                    is_at_end = true;
                    lines.push_back(mem::take(&mut half_a_line)); // it was a whole one after all
                }
            }
        }
    }

    /// Waits at most 100 ms for standard input: Python's `selector.select(0.1)`.
    fn is_readable() -> io::Result<bool> {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        Ok(retry_on_intr(|| poll(&mut fds, Some(&TENTH_OF_A_SECOND)))? > 0)
    }
}
