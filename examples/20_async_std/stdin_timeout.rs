//! Reads a line with a time limit, and does not lose a line that comes too late.
//!
//! Ports: none of the programs. async-std's example `stdin-timeout`.
//!
//! ```text
//! $ cargo run --example stdin_timeout
//! 7
//! read: 7
//! no line within 0.5 s
//! 8
//! read: 8
//! ^Dend of input
//! ```
//!
//! What async-std's example uses, and what takes its place:
//! - `io::timeout`: the five lines of `timeout` below. `or` polls the future first and then the timer, as
//!   async-std does, and the error is the same `TimedOut`. Both count from the first poll, not from the call.
//! - `io::stdin()` and `read_line`: one thread that reads, and a channel.
//!
//! A time limit drops the future. With the `read_line` of `stdin_echo` that would lose the next line: its thread
//! reads on, and the result is dropped. async-std's `Stdin` keeps that result for the next `read_line` of the same
//! `Stdin`. Here `recv` is dropped, and the line stays in the channel.
//!
//! The channel holds one line and the thread another; it reads on when they are taken. Other programs that read
//! the same input miss the lines read ahead. The library's [`Stdin`](../../src/stdin.rs) does not read ahead, and
//! needs no thread.
//!
//! async-std's example ends with an error when the five seconds are up; this one goes on.
//!
//! Who owns what: the task that reads is detached, since a read that blocks cannot be cancelled. It ends
//! with the input, when the receiver is dropped and one more line comes, or with the process.
//!
//! Paste: `cargo add smol`.

use smol::channel::{self, Receiver};
use smol::{Timer, future, unblock};
use std::io::{self, stdin};
use std::time::Duration;

// ANCHOR: excerpt
async fn timeout<T>(limit: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let time_is_up = async {
        Timer::after(limit).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    future::or(future, time_is_up).await
}

fn lines() -> Receiver<io::Result<String>> {
    let (sender, lines) = channel::bounded(1);
    let read = move || {
        for line in stdin().lines() {
            if sender.send_blocking(line).is_err() {
                break;
            }
        }
    };
    unblock(read).detach();
    lines
}
// ANCHOR_END: excerpt

fn main() -> io::Result<()> {
    smol::block_on(async {
        let lines = lines();
        for limit in [5.0, 0.5, 5.0, 5.0] {
            let next = async { lines.recv().await.ok().transpose() };
            match timeout(Duration::from_secs_f64(limit), next).await {
                Ok(Some(line)) => println!("read: {line}"),
                Ok(None) => {
                    println!("end of input");
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    println!("no line within {limit} s");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}
