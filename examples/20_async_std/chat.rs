//! The chat of async-std's book: server and client, and a scripted conversation of both.
//!
//! Ports: none of the programs. async-std's book, the chat of its tutorial (`examples/a-chat`).
//!
//! ```text
//! $ cargo run --example chat
//! server: listening on 127.0.0.1:40000
//! alice> alice
//! alice< * hello, alice
//! bob> bob
//! bob< * hello, bob
//! alice> bob: hello
//! bob< from alice: hello
//! bob> alice, bob: hi!
//! alice< from bob: hi!
//! bob< from bob: hi!
//! alice> carol: hello
//! alice< * carol is not here
//! bob> ^D
//! bob< (the end)
//! alice> bob: bye
//! alice< * bob is not here
//! server: stops
//! ```
//!
//! With terminals: `cargo run --example chat -- server 127.0.0.1:8080` in one, and
//! `cargo run --example chat -- client 127.0.0.1:8080` in each of the others. The first line that a client
//! types is its name, then `NAME, NAME: MESSAGE`. `^D` ends either side. The protocol is the book's, but for
//! the lines from the server that begin with `* `.
//!
//! What the book uses, and what takes its place:
//! - a broker task that receives all events: a map that the connections share. On one thread that needs no lock
//!   and no task; it is never borrowed across an `await`.
//! - `Arc<TcpStream>` and `&*stream`: `stream.clone()`. smol reads and writes with `&mut TcpStream` only.
//! - a task each for reading and for writing, and a channel that tells the writer to end: one task, which
//!   does both with `future::try_zip`.
//! - `select!` and `.fuse()` of the crate futures: `future::or` of two loops. The other one is dropped.
//! - `while let Some(event) = events.next().await` of a channel: `while let Ok(event) = events.recv().await`.
//!   (`next()` needs a pinned receiver: smol's is not `Unpin`.)
//! - unbounded queues: a queue of 64 messages for each client. A client that does not read holds up those that
//!   write to it, and the server's memory does not grow.
//! - `io::stdin()`: a thread that reads, and a channel, as in `stdin_timeout`.
//!
//! What differs: a second `alice` gets an answer that the name is taken. (The book's server reads from that
//! client, and sends it nothing.) The end of the input closes only the client's sending direction, so the client
//! still shows the last messages. And the server can stop: it stops accepting and reading, writes the queued
//! messages for at most a second, and closes. Neither limits the length of a line.
//!
//! Who owns what: `serve` owns an executor with the connections' tasks. They are detached: each ends when its
//! client has closed or when `stopped` is closed. `serve` waits for all of them; tasks that hang are dropped with
//! the executor. A connection owns its reader, the receiver of its queue, and a `Joined`, which removes the name
//! from the map whichever way reading ends. That closes the queue, and the writer writes the rest of it and ends.
//! So a name is removed exactly once; the book uses a channel back to the broker for that. The script's clients
//! are detached, too: they end when the server closes.
//!
//! Paste: `cargo add smol`.

use smol::channel::{self, Receiver, Sender};
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::{AsyncToSocketAddrs as ToAddress, Shutdown, SocketAddr, TcpListener, TcpStream};
use smol::stream::StreamExt;
use smol::{LocalExecutor, Timer, future, unblock};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Result};
use std::rc::Rc;
use std::time::Duration;

type Peers = Rc<RefCell<HashMap<String, Sender<String>>>>;
type Input = Receiver<Result<String>>;

/// A name in the map. Dropping it removes the name, which closes the queue.
struct Joined(Peers, String);

impl Drop for Joined {
    fn drop(&mut self) {
        self.0.borrow_mut().remove(&self.1);
    }
}

/// Reads a name, and then messages for other clients. `queue` has the messages to this client.
async fn read(stream: TcpStream, peers: Peers, queue: Sender<String>) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let Some(name) = lines.try_next().await? else {
        return Ok(());
    };
    let is_taken = peers.borrow().contains_key(&name);
    if is_taken {
        let _ = queue.send(format!("* {name} is taken\n")).await;
        return Ok(());
    }
    peers.borrow_mut().insert(name.clone(), queue.clone());
    let _joined = Joined(peers.clone(), name.clone());
    let _ = queue.send(format!("* hello, {name}\n")).await;
    while let Some(line) = lines.try_next().await? {
        let Some((names, message)) = line.split_once(':') else {
            continue;
        };
        for to in names.split(',').map(str::trim) {
            let message = format!("from {name}: {}\n", message.trim());
            let peer = peers.borrow().get(to).cloned();
            // An error: the other client has just left.
            let _ = match peer {
                Some(peer) => peer.send(message).await,
                None => queue.send(format!("* {to} is not here\n")).await,
            };
        }
    }
    Ok(())
}

// ANCHOR: excerpt
async fn connection(mut stream: TcpStream, peers: Peers, stopped: Receiver<()>) {
    let (queue, messages) = channel::bounded::<String>(64);
    let reading = future::or(read(stream.clone(), peers, queue), async {
        let _ = stopped.recv().await;
        Ok(())
    });
    let writing = async {
        while let Ok(message) = messages.recv().await {
            stream.write_all(message.as_bytes()).await?;
        }
        Ok(())
    };
    if let Err(error) = future::try_zip(reading, writing).await {
        eprintln!("server: connection: {error}");
    }
}
// ANCHOR_END: excerpt

/// Serves until `stop` is ready.
async fn serve(listener: TcpListener, stop: impl Future<Output = Result<()>>) -> Result<()> {
    println!("server: listening on {}", listener.local_addr()?);
    let (peers, connections) = (Peers::default(), LocalExecutor::new());
    let (running, stopped) = channel::bounded(1);
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            let connection = connection(stream, peers.clone(), stopped.clone());
            connections.spawn(connection).detach();
        }
    };
    connections.run(future::or(stop, accept)).await?;
    println!("server: stops");
    drop((running, listener));
    let all_have_ended = async {
        while !connections.is_empty() {
            connections.tick().await;
        }
    };
    let time_is_up = async {
        Timer::after(Duration::from_secs(1)).await;
    };
    future::or(all_have_ended, time_is_up).await;
    Ok(())
}

/// Sends the lines of `input` and shows those of the server, until the server has closed.
async fn client(server: impl ToAddress, input: Input, show: impl Fn(String)) -> Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    let mut lines = BufReader::new(stream.clone()).lines();
    let receiving = lines.try_for_each(|line| line.map(&show));
    let sending = async {
        while let Ok(line) = input.recv().await {
            stream.write_all(format!("{}\n", line?).as_bytes()).await?;
        }
        stream.shutdown(Shutdown::Write)?;
        future::pending().await
    };
    future::or(receiving, sending).await
}

async fn script(server: SocketAddr, executor: &LocalExecutor<'_>) -> Result<()> {
    let start = |name| {
        let (keyboard, input) = channel::unbounded();
        let (show, screen) = channel::unbounded();
        let client = client(server, input, move |line| drop(show.try_send(line)));
        executor.spawn(client).detach(); // ends when the server closes
        (name, keyboard, screen)
    };
    let (alice, bob) = (&start("alice"), &start("bob"));
    let script: [(_, _, &[_]); 7] = [
        (alice, "alice", &[alice]),
        (bob, "bob", &[bob]),
        (alice, "bob: hello", &[bob]),
        (bob, "alice, bob: hi!", &[alice, bob]),
        (alice, "carol: hello", &[alice]),
        (bob, "^D", &[bob]),
        (alice, "bob: bye", &[alice]),
    ];
    for ((name, keyboard, _), line, readers) in script {
        println!("{name}> {line}");
        let _ = match line {
            "^D" => keyboard.close(),
            _ => keyboard.try_send(Ok(line.to_string())).is_ok(),
        };
        for (name, _, screen) in readers {
            let line = screen.recv().await;
            println!("{name}< {}", line.as_deref().unwrap_or("(the end)"));
        }
    }
    Ok(())
}

/// The typed lines.
fn stdin() -> Input {
    let (sender, input) = channel::bounded(1);
    let send = move |line| sender.send_blocking(line);
    unblock(move || io::stdin().lines().try_for_each(send)).detach();
    input
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        match arguments.as_slice() {
            [] => {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let script = script(listener.local_addr()?, &executor);
                serve(listener, script).await
            }
            [side, address] if side == "server" => {
                let end = unblock(|| io::copy(&mut io::stdin(), &mut io::sink()).map(drop));
                serve(TcpListener::bind(address).await?, end).await
            }
            [side, address] if side == "client" => {
                client(address, stdin(), |line| println!("{line}")).await
            }
            _ => Err(io::Error::other("usage: chat [server|client ADDRESS]")),
        }
    }))
}
