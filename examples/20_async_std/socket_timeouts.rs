//! Time limits on a socket: what has arrived before the time is up is kept.
//!
//! Ports: none of the programs. async-std's example `socket-timeouts`.
//!
//! ```text
//! $ cargo run --example socket_timeouts
//! GET /fast: done, received "HTTP/1.0 200 OK\r\n\r\nHello\n"
//! GET /slow: timed out, received "HTTP/1.0 200 OK\r\n\r\n"
//! ```
//!
//! What async-std's example uses, and what takes its place:
//! - `io::timeout(limit, future)`: the five lines of `timeout` below. (An `io::Error` of the kind `TimedOut`
//!   in both; async-std's `future::timeout` has an error of its own, `TimeoutError`.)
//! - `async_std::net::TcpStream`: `smol::net::TcpStream`, which is `Clone`, too. But a `&TcpStream` does not
//!   read or write: reading and writing take `&mut`, and where both sides are used at a time one is a clone.
//! - `example.com`: a server of its own, which answers `/slow` with half an answer and nothing more.
//!
//! A socket has no time limit of its own in async-std nor in smol (std's `set_read_timeout` is for sockets
//! that block), so that each step has one: to connect, to send, to receive. A time limit drops the future.
//! `read_to_end` appends to the buffer of its caller: what was there stays there. async-std's example moves
//! the buffer into the future, and loses both. `write_all` does not say how far it had come: after its
//! time limit the connection is of no use.
//!
//! Who owns what: `get` owns the connection. It returns, and drops it: the server notices that, and stops
//! waiting. `main` owns both sides: `or` drops the server when the client is done.
//!
//! Paste: `cargo add smol`.

use smol::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use smol::net::{SocketAddr, TcpListener, TcpStream};
use smol::{Timer, future};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(1);

// ANCHOR: excerpt
async fn timeout<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let time_is_up = async {
        Timer::after(LIMIT).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    future::or(future, time_is_up).await
}

async fn get(address: SocketAddr, path: &str, received: &mut Vec<u8>) -> io::Result<()> {
    let mut stream = timeout(TcpStream::connect(address)).await?;
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    timeout(stream.write_all(request.as_bytes())).await?;
    timeout(stream.read_to_end(received)).await?;
    Ok(())
}
// ANCHOR_END: excerpt

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream.clone());
    let mut request = String::new();
    lines.read_line(&mut request).await?;
    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await?;
    if request.starts_with("GET /slow ") {
        io::copy(lines, io::sink()).await?; // until the client has gone
        return Ok(());
    }
    stream.write_all(b"Hello\n").await
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = answer(stream).await; // an error: the client has gone
    }
}

async fn client(address: SocketAddr) -> io::Result<()> {
    for path in ["/fast", "/slow"] {
        let mut received = Vec::new();
        let how = match get(address, path, &mut received).await {
            Ok(()) => "done",
            Err(error) if error.kind() == io::ErrorKind::TimedOut => "timed out",
            Err(error) => return Err(error),
        };
        let received = String::from_utf8_lossy(&received);
        println!("GET {path}: {how}, received {received:?}");
    }
    Ok(())
}

fn main() -> io::Result<()> {
    smol::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        future::or(client(address), serve(listener)).await
    })
}
