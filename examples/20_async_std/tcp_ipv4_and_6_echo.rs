//! A TCP echo server on IPv4 and IPv6: two streams of connections merged.
//!
//! Ports: none of the programs. async-std's example `tcp-ipv4-and-6-echo`.
//!
//! ```text
//! $ cargo run --example tcp_ipv4_and_6_echo
//! accepted from 127.0.0.1
//! 127.0.0.1: "Hello\n"
//! accepted from ::1
//! ::1: "Hello\n"
//! ```
//!
//! What async-std's example uses, and what takes its place:
//! - `merge` (feature `unstable`): `smol::stream::race` here, since the two never end. Both take a ready item
//!   of either side, at random if both are ready.
//! - all the rest as in `tcp_echo`.
//!
//! What differs: **neither `race` nor `or` is `merge` for streams that end.** `race` never ends: when both sides
//! have ended, it waits forever. `or` ends with its *second* stream, and loses what the first still has. For
//! those, spawn a task for each side that sends its items into one channel: the receiver ends when both have.
//!
//! The program needs IPv6, at least on the loopback. (In some containers it is missing: `bind` fails because the
//! address is not available.)
//!
//! Who owns what: the executor owns the connections' tasks. They are detached because each ends by itself,
//! when its client has closed. `race` owns both streams, and these borrow the listeners. `or` drops the
//! server when the clients are done.
//!
//! Paste: `cargo add smol`.

use smol::io::{self, AsyncReadExt, AsyncWriteExt};
use smol::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use smol::stream::{self, StreamExt};
use smol::{LocalExecutor, future};

// ANCHOR: excerpt
async fn serve(executor: &LocalExecutor<'_>, listeners: [TcpListener; 2]) -> io::Result<()> {
    let [ipv4, ipv6] = &listeners;
    let mut incoming = stream::race(ipv4.incoming(), ipv6.incoming());
    while let Some(stream) = incoming.next().await {
        let stream = stream?;
        println!("accepted from {}", stream.peer_addr()?.ip());
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

async fn clients(addresses: [SocketAddr; 2]) -> io::Result<()> {
    for address in addresses {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"Hello\n").await?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        println!("{}: {answer:?}", address.ip());
    }
    Ok(())
}

async fn bind(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn main() -> io::Result<()> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let (ipv4, ipv4_address) = bind("127.0.0.1:0").await?;
        let (ipv6, ipv6_address) = bind("[::1]:0").await?;
        let serve = serve(&executor, [ipv4, ipv6]);
        future::or(clients([ipv4_address, ipv6_address]), serve).await
    }))
}
