//! `http_client FORM REQUESTS ADDRESS CONNECTIONS`: hyper on smol's sockets, on one thread. REQUESTS over each
//! of CONNECTIONS connections, after a tenth of them to warm up.

/// The client of chapter 12, as it is.
#[path = "../../../examples/12_http/client.rs"]
mod pool;
#[path = "../../http/request.rs"]
mod request;

use super::hyper_io::{self, HyperIo};
use asyncio_to_smol::gather::gather_all;
use asyncio_to_smol::run::{self, Spawner};
use asyncio_to_smol::tcp_stream;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};
use measure::{Start, argument, figure, unknown};
use pool::Client;
use request::{Body, check, request};
use smol::net::TcpStream;
use smol_hyper::rt::FuturesIo;
use std::net::SocketAddr;
use std::rc::Rc;

pub fn run() {
    match argument::<String>(2).as_str() {
        "chapter_12" => run::run(chapter_12),
        "hyper" => run::run(|spawner| {
            hyper(spawner, |stream| {
                HyperIo(tcp_stream::TcpStream::new(stream))
            })
        }),
        "smol_hyper" => run::run(|spawner| hyper(spawner, FuturesIo::new)),
        _ => unknown(2),
    }
}

/// Chapter 12's client: a pool of connections, each polled by who waits for an answer.
async fn chapter_12(spawner: Spawner<'_>) {
    let (requests, connections): (usize, usize) = (argument(3), argument(5));
    let url = format!("http://{}", argument::<SocketAddr>(4));
    let client = Rc::new(Client::new(&url, tcp_stream::TcpStream::new).expect("an address"));
    let ask = |requests| {
        let client = Rc::clone(&client);
        async move {
            for _ in 0..requests {
                let (status, body) = client.get("/0").await.expect("the other end");
                assert_eq!((status.as_u16(), body.as_str()), (200, "0 It works"));
            }
        }
    };
    gather_all(&spawner, (0..connections).map(|_| ask(requests / 10))).await;
    let start = Start::new();
    gather_all(&spawner, (0..connections).map(|_| ask(requests))).await;
    figure("cpu", start.cpu() / (connections * requests) as f64);
}

/// Nothing but hyper: what the peers do.
async fn hyper<S: Read + Write + Unpin + 'static>(
    spawner: Spawner<'_>,
    connection_of: impl Fn(TcpStream) -> S,
) {
    let (requests, connections): (usize, usize) = (argument(3), argument(5));
    let address: SocketAddr = argument(4);
    let host: Rc<str> = address.to_string().into();
    let ask = |mut sender: SendRequest<Body>, requests| {
        let host = Rc::clone(&host);
        async move {
            for _ in 0..requests {
                sender.ready().await.expect("the other end");
                let response = sender.send_request(request("/0", &host)).await;
                check(response.expect("the other end")).await;
            }
            sender
        }
    };
    let mut senders = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await.expect("the other end");
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = handshake(connection_of(stream)).await.expect("a socket");
        spawner.spawn(async { drop(connection.await) }).detach();
        senders.push(sender);
    }
    let warm_up = senders.into_iter().map(|sender| ask(sender, requests / 10));
    let senders = gather_all(&spawner, warm_up).await;
    let start = Start::new();
    let asked = senders.into_iter().map(|sender| ask(sender, requests));
    gather_all(&spawner, asked).await;
    figure("cpu", start.cpu() / (connections * requests) as f64);
}
