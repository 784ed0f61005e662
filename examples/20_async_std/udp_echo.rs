//! A UDP echo server: one socket, one task, and a client with a time limit.
//!
//! Ports: none of the programs. async-std's example `udp-echo`.
//!
//! ```text
//! $ cargo run --example udp_echo
//! Sent 5 out of 5 bytes to 127.0.0.1:50001
//! sent 5 bytes, received 5
//! Sent 0 out of 0 bytes to 127.0.0.1:50001
//! sent 0 bytes, received 0
//! Sent 1024 out of 1024 bytes to 127.0.0.1:50001
//! sent 2000 bytes, received 1024
//! ```
//!
//! What async-std's example uses, and what takes its place: `async_std::net::UdpSocket` with `recv_from` and
//! `send_to`, and the same names in `smol::net`. Both take `&self`, so that several tasks may use one socket,
//! behind an `Arc` or an `Rc` or as a borrow. (smol's `UdpSocket` is `Clone`, async-std's is not.)
//!
//! A datagram may be empty: a length of 0 does not mean the end, as it does with TCP. If a datagram is longer than
//! the buffer, the rest is lost without an error (on Windows it is an error). A datagram lost on its way, or sent
//! where nothing listens, is not reported: the client has a time limit.
//!
//! Who owns what: each future owns its socket. Dropping `recv_from` loses nothing: it takes a datagram only
//! when it returns it. `or` drops the server when the client is done, and with it the socket.
//!
//! Unix only: the last line of the transcript. On Windows, `recv_from` fails if the datagram is longer than the
//! buffer.
//!
//! Paste: `cargo add smol`.

use smol::net::{SocketAddr, UdpSocket};
use smol::{Timer, future};
use std::io;
use std::time::Duration;

// ANCHOR: excerpt
async fn serve(socket: UdpSocket) -> io::Result<()> {
    let mut buffer = vec![0; 1024];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        let sent = socket.send_to(&buffer[..length], peer).await?;
        println!("Sent {sent} out of {length} bytes to {peer}");
    }
}
// ANCHOR_END: excerpt

async fn client(server: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(server).await?; // receives only from the server from now on
    let mut buffer = vec![0; 4096];
    for length in [5, 0, 2000] {
        let sent = socket.send(&vec![b'x'; length]).await?;
        let time_is_up = async {
            Timer::after(Duration::from_secs(5)).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        let received = future::or(socket.recv(&mut buffer), time_is_up).await?;
        println!("sent {sent} bytes, received {received}");
    }
    Ok(())
}

fn main() -> io::Result<()> {
    smol::block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        future::or(client(address), serve(socket)).await
    })
}
