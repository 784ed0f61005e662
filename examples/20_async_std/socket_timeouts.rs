//! Time limits on a socket: bytes that arrive before the time is up are kept.
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
//! - `io::timeout(limit, future)`: the five lines of `timeout` below. (An `io::Error` of the kind `TimedOut` in
//!   both; async-std's `future::timeout` has its own error, `TimeoutError`.)
//! - `async_std::net::TcpStream`: `smol::net::TcpStream`, which is `Clone`, too. But a `&TcpStream` does not read
//!   or write: reading and writing take `&mut`; to do both at once, use a clone.
//! - `example.com`: a server in the program, which sends only half an answer to `/slow`.
//!
//! A socket has no time limit in async-std or smol (std's `set_read_timeout` is for blocking sockets), so each
//! step has one: connecting, sending, receiving. A time limit drops the future. `read_to_end` appends to the
//! buffer of its caller, which keeps what has arrived. async-std's example moves the buffer into the future, and
//! loses both. `write_all` does not return how much it has written: after its time limit the connection is of no
//! use.
//!
//! Who owns what: `get` owns the connection, and drops it when it returns: the server sees the end, and stops
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
        io::copy(lines, io::sink()).await?; // until the client has closed
        return Ok(());
    }
    stream.write_all(b"Hello\n").await
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = answer(stream).await; // an error: the client has closed
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
