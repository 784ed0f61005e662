//! UDP: what gets lost is sent again, and an answer that comes too late is not taken for another one.
//!
//! Ports: none of the programs. What asyncio has `create_datagram_endpoint` for, and Node `dgram`.
//!
//! ```text
//! $ cargo run --example datagrams
//! localhost is 127.0.0.1
//! request 1: no answer to attempt 1
//! request 1: ONE
//! request 2: no answer to attempt 1
//! request 2: TWO
//! request 3: ignores "2 TWO"
//! request 3: THREE
//! no server: connection refused
//! ```
//!
//! The server does not see the first datagram, as if it had got lost, and it is late with its third. A
//! client can tell neither from the other: after 0.1 s it sends the request again, then after 0.2 s, and
//! then gives up. So the server got request 2 twice, and answered it twice. The second answer is there when
//! the client asks its third question. It would take it for the answer, and be one behind from then on, did
//! not each answer have the number of its request. (A server on the open net gets numbers that cannot be
//! guessed.) And what is asked may be done twice: it has to be something that may.
//!
//! `connect` sends nothing. It names the other side: datagrams from elsewhere are not received, and that
//! nothing listens there becomes an error, `ConnectionRefused`, with the next `send` or `recv`. asyncio
//! calls `error_received` for it, Node emits `'error'`. `recv` cuts what is longer than the buffer, without
//! a word; asyncio and Node have buffers for the longest. A `send` waits when the system has no room;
//! asyncio's `sendto` puts it into a buffer without a limit.
//!
//! `resolve` asks the system on another thread, and gives all addresses: choose one, or try one after the
//! other, as `TcpStream::connect` does. A time limit ends the waiting; the thread waits on. Node's
//! `dns.lookup` is the same on one of its four threads, so that four slow names hold up the files.
//! `dns.resolve`, which asks a name server itself, is in the crate hickory-resolver (on tokio). The other
//! direction, `getnameinfo`, smol has not.
//!
//! Who owns what: `main` owns the sockets and lends them. A datagram that was not received is lost with its
//! socket; nothing has to be closed.
//!
//! asyncio: `loop.create_datagram_endpoint` (`smol::net::UdpSocket::bind`), `asyncio.DatagramProtocol` (a
//! loop that awaits `smol::net::UdpSocket::recv_from`), `transport.sendto`
//! (`smol::net::UdpSocket::send_to`), `protocol.error_received` (`std::io::ErrorKind::ConnectionRefused`
//! from `send` or `recv`), `loop.getaddrinfo` (`smol::net::resolve`), `loop.getnameinfo` (none:
//! `smol::unblock` with a function of the system, such as the crate dns-lookup has), `asyncio.wait_for`.
//! Node: `dgram.createSocket` (`smol::net::UdpSocket::bind`), `dns.lookup` (`smol::net::resolve`),
//! `dns.resolve` (the crate hickory-resolver), `dns.lookupService` (none: as for `loop.getnameinfo`).
//! Paste: `cargo add smol`.

use smol::net::{SocketAddr, UdpSocket, resolve};
use smol::{Timer, block_on, future};
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Answers in capitals. The first datagram is lost; the answer to the third is sent with the next one.
async fn serve(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 512];
    let mut answers = Vec::new();
    for number in 1.. {
        let (n, client) = socket.recv_from(&mut buffer).await?;
        if number != 1 {
            answers.push(buffer[..n].to_ascii_uppercase());
        }
        if number != 3 {
            for answer in answers.drain(..) {
                socket.send_to(&answer, client).await?;
            }
        }
    }
    Ok(())
}

/// Receives the answer to the request with this number.
async fn answer(socket: &UdpSocket, number: u8) -> io::Result<String> {
    let mut buffer = [0; 512];
    loop {
        let n = socket.recv(&mut buffer).await?;
        let text = String::from_utf8_lossy(&buffer[..n]);
        if let Some(answer) = text.strip_prefix(&format!("{number} ")) {
            return Ok(answer.to_string());
        }
        println!("request {number}: ignores {text:?}");
    }
}

// ANCHOR: excerpt
/// Sends the request until there is an answer, three times at most.
async fn ask(socket: &UdpSocket, number: u8, text: &str) -> io::Result<String> {
    for attempt in 1..=3 {
        socket.send(format!("{number} {text}").as_bytes()).await?;
        let time_is_up = async {
            Timer::after(Duration::from_millis(100 * attempt)).await;
            Err(ErrorKind::TimedOut.into())
        };
        match future::or(answer(socket, number), time_is_up).await {
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                println!("request {number}: no answer to attempt {attempt}");
            }
            result => return result,
        }
    }
    Err(ErrorKind::TimedOut.into())
}
// ANCHOR_END: excerpt

async fn async_main() -> io::Result<()> {
    let addresses = resolve("localhost:0").await?;
    let localhost = addresses.into_iter().find(SocketAddr::is_ipv4);
    let localhost = localhost.ok_or(ErrorKind::AddrNotAvailable)?;
    println!("localhost is {}", localhost.ip());

    let server = UdpSocket::bind(localhost).await?;
    let address = server.local_addr()?;
    let client = UdpSocket::bind(localhost).await?;
    client.connect(address).await?;
    let asks = async {
        for (number, text) in [(1, "one"), (2, "two"), (3, "three")] {
            println!("request {number}: {}", ask(&client, number, text).await?);
        }
        Ok(())
    };
    future::or(serve(&server), asks).await?;

    drop(server);
    if let Err(error) = ask(&client, 4, "four").await {
        println!("no server: {}", error.kind());
    }
    Ok(())
}

fn main() -> io::Result<()> {
    block_on(async_main())
}
