//! A timed-out `read_line` loses what it has read, and two ways that do not.
//!
//! Ports: none of the programs. Article B's section on stopping coroutines needs it.
//!
//! ```text
//! $ cargo run --example cancel_safety
//! read_line, timed out and called again: "world\n"
//! read_line, timed out and awaited again: "Hello world\n"
//! lines().next(), timed out and called again: "Hello world"
//! ```
//!
//! Half a line arrives, the time is up, the rest arrives. A time limit drops the future that it
//! limits. `read_line` keeps the bytes it has read inside that future: the first half is lost,
//! without an error. Such a future is called *not cancel-safe*. asyncio's `readline` can be
//! cancelled, since it keeps the bytes inside the reader.
//!
//! - Await the same future again, by reference: nothing is dropped, nothing is lost.
//! - Or use a type that keeps partial data outside the future: `lines()` keeps it in the stream.
//!
//! smol's documentation does not always say which is which. `read`, `accept`, `recv` on a channel, and `next()` on
//! a stream that is kept are safe. `read_until` and `read_to_end` are if they are called again with the same
//! buffer: they append to it, and only the count is lost. `read_line` and `read_to_string` are not: they collect
//! inside the future. Nor are `read_exact`, `write_all` and `copy`: their progress is lost. A `send` that is
//! cancelled drops its message.
//!
//! Who owns what: bytes that a future has read are lost with it, unless they are in a buffer that
//! it borrows.
//!
//! asyncio: `asyncio.wait_for`, `asyncio.timeout`, `StreamReader.readline`.
//! Node: `Promise.race`.
//! Paste: `cargo add smol`. `just copy cancel_safety DIR` does it.

use smol::Timer;
use smol::future;
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::{TcpListener, TcpStream};
use smol::stream::StreamExt;
use std::io;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

/// Waits for the future with a short time limit.
async fn briefly<T>(future: impl Future<Output = T>) -> Option<T> {
    let time_is_up = async {
        Timer::after(Duration::from_millis(50)).await;
        None
    };
    future::or(async { Some(future.await) }, time_is_up).await
}

/// A connection on which half a line has arrived.
async fn half_a_line() -> io::Result<(TcpStream, BufReader<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut sender = TcpStream::connect(listener.local_addr()?).await?;
    let (receiver, _) = listener.accept().await?;
    sender.write_all(b"Hello ").await?;
    Ok((sender, BufReader::new(receiver)))
}

async fn called_again() -> io::Result<String> {
    let (mut sender, mut reader) = half_a_line().await?;
    let mut line = String::new();
    briefly(reader.read_line(&mut line)).await; // wrong: drops the first half
    sender.write_all(b"world\n").await?;
    reader.read_line(&mut line).await?;
    Ok(line)
}

async fn awaited_again() -> io::Result<String> {
    let (mut sender, mut reader) = half_a_line().await?;
    let mut line = String::new();
    let mut reading = pin!(reader.read_line(&mut line));
    briefly(&mut reading).await;
    sender.write_all(b"world\n").await?;
    reading.await?;
    Ok(line)
}

async fn next_line() -> io::Result<String> {
    let (mut sender, reader) = half_a_line().await?;
    let mut lines = reader.lines();
    briefly(lines.next()).await;
    sender.write_all(b"world\n").await?;
    lines
        .next()
        .await
        .unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))
}

async fn show_all() -> io::Result<()> {
    println!(
        "read_line, timed out and called again: {:?}",
        called_again().await?
    );
    println!(
        "read_line, timed out and awaited again: {:?}",
        awaited_again().await?
    );
    println!(
        "lines().next(), timed out and called again: {:?}",
        next_line().await?
    );
    Ok(())
}

fn main() -> ExitCode {
    match smol::block_on(show_all()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cancel_safety: {error}");
            ExitCode::FAILURE
        }
    }
}
