//! UDP: a lost datagram is sent again, and a late answer is not taken for that of the next request.
//! Ports: none of the programs. It shows asyncio's `create_datagram_endpoint` and Node's `dgram`.
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
//! The server ignores the first datagram, as if it were lost, and is late with the answer to the third. The client
//! cannot tell the two cases apart: after 0.1 s it sends the request again, then after 0.2 s, and then it gives
//! up. So the server receives request 2 twice and answers it twice. The second answer arrives when the client has
//! sent its third request. Each answer carries the number of its request, or the client would take it for the
//! third answer and stay behind from then on. (On the open net, use numbers that cannot be guessed.) A request may
//! be carried out twice, so it must be idempotent.
//!
//! `connect` sends nothing. It sets the peer: datagrams from elsewhere are not received, and if nothing listens
//! there, the next `send` or `recv` fails with `ConnectionRefused`. asyncio calls `error_received` for it, Node
//! emits `'error'`. `recv` silently cuts a datagram that is longer than the buffer; the buffers of asyncio and
//! Node hold the longest. A `send` waits when the system has no room; asyncio's `sendto` puts it into a buffer
//! without a limit.
//!
//! `resolve` asks the system on another thread, and gives all addresses: choose one, or try one after the other,
//! as `TcpStream::connect` does. A time limit ends the waiting, but not the call on the thread. Node's
//! `dns.lookup` does the same on one of its four threads, so four slow names hold up file access. `dns.resolve`,
//! which asks a name server itself, is in the crate hickory-resolver (on tokio). smol has no `getnameinfo`, the
//! reverse lookup.
//!
//! Who owns what: `main` owns the sockets and lends them. A datagram that was not received is lost with its
//! socket; nothing has to be closed.
//!
//! asyncio: `loop.create_datagram_endpoint` (`smol::net::UdpSocket::bind`), `asyncio.DatagramProtocol` (a loop
//! that awaits `smol::net::UdpSocket::recv_from`), `transport.sendto` (`smol::net::UdpSocket::send_to`),
//! `protocol.error_received` (`std::io::ErrorKind::ConnectionRefused` from `send` or `recv`), `loop.getaddrinfo`
//! (`smol::net::resolve`), `loop.getnameinfo` (none: `smol::unblock` with a system function, as in the crate
//! dns-lookup), `asyncio.wait_for`.
//! Node: `dgram.createSocket` (`smol::net::UdpSocket::bind`), `dns.lookup` (`smol::net::resolve`),
//! `dns.resolve` (the crate hickory-resolver), `dns.lookupService` (none: as for `loop.getnameinfo`).
//!
//! Unix only: the last line of the transcript. On Windows the program runs, and reports another error.
//!
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
