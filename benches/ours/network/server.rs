//! `http_server FORM`: hyper on smol's sockets, in one thread.

#[path = "../../http/answer.rs"]
mod answer;
#[path = "../../http/report.rs"]
mod report;
/// The server of chapter 12, as it is.
#[path = "../../../examples/12_http/service.rs"]
mod service;

use super::hyper_io::{self, HyperIo};
use answer::answer;
use asyncio_to_smol::run::{self, Spawner};
use asyncio_to_smol::tcp_stream;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use measure::{argument, unknown};
use report::report;
use smol::net::{TcpListener, TcpStream};
use smol_hyper::rt::FuturesIo;
use std::future::pending;
use std::io;

pub fn run() {
    let ended = match argument::<String>(2).as_str() {
        "chapter_12" => smol::block_on(chapter_12()),
        "hyper" => run::run(|spawner| {
            hyper(spawner, |stream| {
                HyperIo(tcp_stream::TcpStream::new(stream))
            })
        }),
        "smol_hyper" => run::run(|spawner| hyper(spawner, FuturesIo::new)),
        _ => unknown(2),
    };
    ended.expect("a socket on loopback");
}

/// Chapter 12's server, with its limits and its orderly end.
async fn chapter_12() -> io::Result<()> {
    service::raise_open_files_limit();
    let listener = service::listen("127.0.0.1:0").await?;
    report(listener.local_addr()?);
    service::serve(listener, pending(), tcp_stream::TcpStream::new)
        .await
        .map_err(io::Error::other)?;
    Ok(())
}

/// Nothing but hyper: what the peers do.
async fn hyper<S: Read + Write + Unpin + 'static>(
    spawner: Spawner<'_>,
    connection_of: impl Fn(TcpStream) -> S,
) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    report(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection =
            http1::Builder::new().serve_connection(connection_of(stream), service_fn(answer));
        // How it ends is the client's business.
        spawner.spawn(async { drop(connection.await) }).detach();
    }
}
