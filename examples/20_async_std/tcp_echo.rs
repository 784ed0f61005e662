//! A TCP echo server: a task for each connection, and without `detach` each is cancelled at once.
//!
//! Ports: none of the programs. async-std's example `tcp-echo`.
//!
//! ```text
//! $ cargo run --example tcp_echo
//! listening on 127.0.0.1:40000
//! accepted from 127.0.0.1:50001
//! accepted from 127.0.0.1:50002
//! second: "two\n"
//! first: "one\n"
//! both closed
//! ```
//!
//! What async-std's example uses, and what takes its place:
//! - `async_std::net::{TcpListener, TcpStream}`, `listener.incoming()`, `stream.clone()`: the same names in
//!   `smol::net`. smol cannot read and write with a `&TcpStream`, as in `(&stream, &stream)`: it takes `&mut`, or
//!   a clone.
//! - `io::copy(&mut reader, &mut writer)`: `smol::io::copy`, which takes them without `&mut` as well.
//! - `task::spawn(…);`: `executor.spawn(…).detach();`. **async-std's task runs on when its `JoinHandle` is
//!   dropped; smol's is cancelled when its `Task` is.** Without `detach` this server accepts, and closes
//!   the connection before the first byte is answered.
//!
//! The two clients are connected at the same time, and the second is served first. async-std's example unwraps the
//! connection's error, which panics in a task that is not awaited; here it prints a line to stderr. An error of
//! `accept` ends both servers (`stream?`): a real server goes on instead, after a pause if it has too many files
//! open.
//!
//! Who owns what: the executor owns the connections' tasks. Each is detached because it ends by itself, when its
//! client has closed, and nothing waits for it. `or` drops the server when the client is done, and the executor is
//! dropped last, with any remaining connection. `smol::spawn` would do as well, on smol's thread; the end of
//! `main` then ends the tasks without dropping them.
//!
//! Paste: `cargo add smol`.

use smol::io::{self, AsyncReadExt, AsyncWriteExt};
use smol::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use smol::stream::StreamExt;
use smol::{LocalExecutor, future};

// ANCHOR: excerpt
async fn serve(executor: &LocalExecutor<'_>, listener: TcpListener) -> io::Result<()> {
    let mut incoming = listener.incoming();
    while let Some(stream) = incoming.next().await {
        let stream = stream?;
        println!("accepted from {}", stream.peer_addr()?);
        let connection = async {
            if let Err(error) = io::copy(stream.clone(), stream).await {
                eprintln!("connection: {error}");
            }
        };
        executor.spawn(connection).detach();
    }
    Ok(())
}
// ANCHOR_END: excerpt

/// Sends a line, and returns an answer of the same length.
async fn echo(stream: &mut TcpStream, line: &str) -> io::Result<String> {
    stream.write_all(line.as_bytes()).await?;
    let mut answer = vec![0; line.len()];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn clients(address: SocketAddr) -> io::Result<()> {
    let mut first = TcpStream::connect(address).await?;
    let mut second = TcpStream::connect(address).await?;
    println!("second: {:?}", echo(&mut second, "two\n").await?);
    println!("first: {:?}", echo(&mut first, "one\n").await?);
    for mut stream in [first, second] {
        stream.shutdown(Shutdown::Write)?;
        stream.read_to_end(&mut Vec::new()).await?; // until the server has closed
    }
    println!("both closed");
    Ok(())
}

fn main() -> io::Result<()> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        println!("listening on {address}");
        future::or(clients(address), serve(&executor, listener)).await
    }))
}
