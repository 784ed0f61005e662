//! A limit on clients, a time limit for slow and silent ones, and graceful shutdown at Ctrl-C.
//!
//! Ports: none of the programs. The TCP server that asyncio's and Node's documentation begins with.
//!
//! Run it, and press Ctrl-C when client 4 has connected:
//!
//! ```text
//! $ cargo run --example echo_server
//! Listening on 127.0.0.1:5000
//! client 1 has connected
//! client 2 has connected
//! client 2 sends nothing
//! client 3 has connected
//! client 3 takes no answers
//! client 4 has connected
//! ^Caccepts no more, 2 clients are left
//! client 1 hears "hello"
//! client 5 is refused: true
//! client 1 has ended
//! what is left is cancelled: 1
//! $ echo $?
//! 130
//! ```
//!
//! There are places for 2 clients. Client 1 talks; client 2 sends nothing, and is dropped after 0.3 s. That frees
//! a place for client 3, which has connected meanwhile: the system keeps up to 128 connections that are not
//! accepted yet. Client 3 sends and does not read. So `write_all` waits, the server reads no more, and after 0.3 s
//! client 3 is dropped, too. asyncio has a write buffer, with water marks for `drain`; Node has `highWaterMark`
//! and `'drain'`. Here `write_all` returns when the system has taken everything; there is no other buffer.
//!
//! After Ctrl-C (or SIGTERM) the listener is closed, and the clients have 0.5 s to leave. Client 1 does; client 4
//! does not, and is cancelled. If you allow more time, a second Ctrl-C, at least half a second later, ends the
//! wait. `wait_closed` becomes waiting until all places are free. (That of CPython 3.11 returns at once; and at
//! Ctrl-C `asyncio.run` cancels every client.) Without Ctrl-C the program ends after 3 s. For a real server,
//! change the constants and the address, and let `main` await only `serve`.
//!
//! asyncio's `Protocol` is called back: `connection_made`, `data_received`, `connection_lost`. Here `echo` is all
//! three: before the loop, in the loop, and after it. To pause reading, do not call `read`. `loop.sock_accept` and
//! similar functions are the methods of `Async<std::net::TcpListener>` and `Async<std::net::TcpStream>`. The same
//! server on a Unix socket has `smol::net::unix::UnixListener` and `UnixStream` in place of `TcpListener` and
//! `TcpStream`. `bind` fails if the path exists, where asyncio replaces it; so remove it at the end.
//!
//! Who owns what: `clients` is an executor. It owns the clients' tasks, so they can be detached, and cancels them
//! when it is dropped at the end of `serve`. A task owns its connection and its place, and frees both however it
//! ends. `accept_all` owns the listener: dropping it stops accepting, and resets connections that were not
//! accepted yet.
//!
//! asyncio: `asyncio.start_server`, `loop.create_server` (`smol::net::TcpListener::bind`),
//! `asyncio.start_unix_server` (`smol::net::unix::UnixListener::bind`), `asyncio.open_unix_connection`
//! (`smol::net::unix::UnixStream::connect`), `server.close` (drop the listener), `server.wait_closed`
//! (`smol::lock::Semaphore`: all permits are there), `asyncio.Protocol` (a function with a loop that
//! reads), `asyncio.Transport` (`smol::net::TcpStream`), `transport.pause_reading` (do not read),
//! `transport.set_write_buffer_limits` (none: there is no buffer), `protocol.pause_writing`
//! (`smol::io::AsyncWriteExt::write_all` waits), `StreamWriter.drain`, `loop.sock_accept`
//! (`smol::Async<std::net::TcpListener>`), `loop.sock_recv` (`smol::Async<std::net::TcpStream>`),
//! `loop.sock_sendall` (`smol::Async<std::net::TcpStream>`), `loop.sock_connect`
//! (`smol::Async<std::net::TcpStream>`), `asyncio.wait_for`, `asyncio.Semaphore`, `KeyboardInterrupt`,
//! `loop.add_signal_handler`.
//! Node: `net.createServer`, `server.close` (drop the listener), `server.maxConnections`
//! (`smol::lock::Semaphore`), `socket.setTimeout` (`smol::future::or` with a `smol::Timer`), `socket.pause`
//! (do not read), `socket.write` (`smol::io::AsyncWriteExt::write_all`), `process.on('SIGINT')`,
//! `process.on('SIGTERM')`.
//! Paste: `cargo add smol async-signal`.

use async_signal::{Signal, Signals};
use smol::lock::{Semaphore, SemaphoreGuard};
use smol::net::{SocketAddr, TcpListener, TcpStream};
use smol::prelude::*;
use smol::{LocalExecutor, Timer, block_on, future};
use std::cell::Cell;
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

// Small, so that the limits show. A real server has 1000, a minute and 5 seconds.
const CLIENTS: usize = 2;
/// Time limit for a client: to send something, and to make room for the answer.
const SILENCE: Duration = Duration::from_millis(300);
/// Time limit for all clients to end after Ctrl-C.
const GRACE: Duration = Duration::from_millis(500);
/// Time limit for the program without Ctrl-C.
const RUN_TIME: Duration = Duration::from_secs(3);

static PLACES: Semaphore = Semaphore::new(CLIENTS);

/// The future's output, or an error that says what was not done in time.
async fn within<F: Future>(limit: Duration, what: &str, future: F) -> Result<F::Output> {
    let time_is_up = async {
        Timer::after(limit).await;
        Err(what.into())
    };
    future::or(async { Ok(future.await) }, time_is_up).await
}

/// Serves a client, and returns why that has ended, never `Ok`. Then its place is free.
async fn echo(mut stream: TcpStream, _place: SemaphoreGuard<'_>) -> Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let n = within(SILENCE, "sends nothing", stream.read(&mut buffer)).await??;
        (n > 0).then_some(()).ok_or("has ended")?;
        // Reads no more before this is done: a client that does not read cannot fill the memory.
        within(SILENCE, "takes no answers", stream.write_all(&buffer[..n])).await??;
    }
}

// ANCHOR: excerpt
/// Serves each client in a task. Clients above the limit wait to be accepted.
async fn accept_all<T>(listener: TcpListener, clients: &LocalExecutor<'_>) -> T {
    for number in 1.. {
        let place = PLACES.acquire().await;
        let Ok((stream, _)) = listener.accept().await else {
            Timer::after(Duration::from_millis(100)).await; // too many open files, say
            continue;
        };
        println!("client {number} has connected");
        let client = async move {
            let end = echo(stream, place).await.unwrap_err();
            println!("client {number} {end}");
        };
        clients.spawn(client).detach();
    }
    unreachable!()
}
// ANCHOR_END: excerpt

/// Serves until Ctrl-C, and lets the clients finish. Returns the exit status.
async fn serve(listener: TcpListener, stopped: &Cell<bool>) -> Result<ExitCode> {
    let clients = LocalExecutor::new();
    let signals = Signals::new([Signal::Int, Signal::Term]);
    let mut signals = signals.or_else(|_| Signals::new([Signal::Int]))?; // Windows has no SIGTERM
    let signal = future::or(signals.next(), accept_all(listener, &clients));
    let Ok(signal) = clients.run(within(RUN_TIME, "", signal)).await else {
        return Ok(ExitCode::SUCCESS); // no Ctrl-C
    };
    stopped.set(true); // the listener was dropped with `accept_all`

    let (first, left) = (Instant::now(), || CLIENTS - PLACES.available_permits());
    println!("accepts no more, {} clients are left", left());
    let all_end = async {
        let mut places = Vec::new();
        for _ in 0..CLIENTS {
            places.push(PLACES.acquire().await);
        }
        None
    };
    // A signal within half a second belongs to the first: parents such as `timeout` send two.
    let second = signals.find(|_| first.elapsed() > Duration::from_millis(500));
    let finish = within(GRACE, "", future::or(all_end, second));
    clients.run(finish).await.ok();
    println!("what is left is cancelled: {}", left());
    Ok(ExitCode::from(128 + signal.ok_or("no signals")?? as u8))
}

/// A client that says "hello" again and again until the server accepts no more.
async fn talk(address: SocketAddr, stopped: &Cell<bool>) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut heard = [0; 5];
    while !stopped.get() {
        stream.write_all(b"hello").await?;
        stream.read_exact(&mut heard).await?;
        Timer::after(Duration::from_millis(50)).await;
    }
    println!("client 1 hears {:?}", String::from_utf8_lossy(&heard));
    let refused = TcpStream::connect(address).await.is_err();
    println!("client 5 is refused: {refused}");
    Ok(())
}

/// The clients of the transcript.
async fn demonstrate(address: SocketAddr, stopped: &Cell<bool>) -> Result<ExitCode> {
    let others = async {
        let _silent = TcpStream::connect(address).await?;
        let mut slow = TcpStream::connect(address).await?; // waits for a place
        while slow.write_all(&[0; 65536]).await.is_ok() {} // and does not read what comes back
        talk(address, &Cell::new(false)).await
    };
    let _ = future::zip(talk(address, stopped), others).await; // after an early Ctrl-C some are refused
    future::pending().await // `serve` ends the program
}

fn main() -> Result<ExitCode> {
    let stopped = Cell::new(false);
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        println!("Listening on {address}");
        future::or(demonstrate(address, &stopped), serve(listener, &stopped)).await
    })
}
