//! `http_client FLAVOUR FORM REQUESTS ADDRESS CONNECTIONS`: hyper on tokio's sockets. REQUESTS over
//! each of CONNECTIONS connections, after a tenth of them to warm up.

#[path = "../../http/request.rs"]
mod request;

use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use measure::{Start, argument, figure, unknown};
use request::{Body, check, request};
use std::net::SocketAddr;
use tokio::net::TcpStream;

pub fn run() {
    match argument::<String>(3).as_str() {
        "hyper" => crate::run(hyper()),
        "pool" => crate::run(pool()),
        _ => unknown(3),
    }
}

/// hyper alone, with a task for each connection.
async fn hyper() {
    let (requests, connections): (usize, usize) = (argument(4), argument(6));
    let address: SocketAddr = argument(5);
    let mut senders = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await.expect("the other end");
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a socket");
        tokio::spawn(async { drop(connection.await) });
        senders.push(sender);
    }
    let host: &str = Box::leak(address.to_string().into_boxed_str());
    let ask = |mut sender: SendRequest<Body>, requests| async move {
        for _ in 0..requests {
            sender.ready().await.expect("the other end");
            let response = sender.send_request(request("/0", host)).await;
            check(response.expect("the other end")).await;
        }
        sender
    };
    let warm_up = senders.into_iter().map(|sender| ask(sender, requests / 10));
    let senders = join_all(warm_up).await;
    let start = Start::new();
    join_all(senders.into_iter().map(|sender| ask(sender, requests))).await;
    figure("cpu", start.cpu() / (connections * requests) as f64);
}

/// hyper-util's client with its pool, on which reqwest is built.
async fn pool() {
    let (requests, connections): (usize, usize) = (argument(4), argument(6));
    let host = argument::<SocketAddr>(5).to_string();
    let url = format!("http://{host}/0");
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let ask = |requests| {
        let (client, url, host) = (client.clone(), url.clone(), host.clone());
        async move {
            for _ in 0..requests {
                let response = client.request(request(&url, &host)).await;
                check(response.expect("the other end")).await;
            }
        }
    };
    join_all((0..connections).map(|_| ask(requests / 10))).await;
    let start = Start::new();
    join_all((0..connections).map(|_| ask(requests))).await;
    figure("cpu", start.cpu() / (connections * requests) as f64);
}

/// Each request loop in its own task.
async fn join_all<F: Future<Output: Send> + Send + 'static>(
    futures: impl Iterator<Item = F>,
) -> Vec<F::Output> {
    let tasks: Vec<_> = futures.map(tokio::spawn).collect();
    let mut outputs = Vec::new();
    for task in tasks {
        outputs.push(task.await.expect("no panic"));
    }
    outputs
}
