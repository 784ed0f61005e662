//! `http_server FORM` is hyper on smol's sockets, `echo_server FORM` gives back what a client sends; both in one
//! thread.

#[path = "../../http/answer.rs"]
mod answer;
/// The server of chapter 12, as it is.
#[path = "../../../examples/12_http/service.rs"]
mod service;

use super::hyper_io::{self, HyperIo};
use asyncio_to_smol::run::{self, Spawner};
use asyncio_to_smol::tcp_stream;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use measure::{argument, report, unknown};
use smol::net::{TcpListener, TcpStream};
use smol::prelude::*;
use smol::{Timer, future};
use smol_hyper::rt::FuturesIo;
use std::io;
use std::time::Duration;

pub fn run(job: &str) {
    let ended = match (job, argument::<String>(2).as_str()) {
        ("http_server", "chapter_12") => smol::block_on(chapter_12()),
        ("http_server", "hyper") => serve(|stream| http(stream, |s| HyperIo(of_library(s)))),
        ("http_server", "smol_hyper") => serve(|stream| http(stream, FuturesIo::new)),
        ("echo_server", "plain") => serve(echo),
        ("echo_server", "tcp_stream") => serve(|stream| echo(of_library(stream))),
        ("echo_server", "chapter_16") => serve(echo_in_time),
        _ => unknown(2),
    };
    ended.expect("a socket on loopback");
}

fn of_library(stream: TcpStream) -> tcp_stream::TcpStream {
    tcp_stream::TcpStream::new(stream)
}

/// Chapter 12's server, with its limits and its orderly end.
async fn chapter_12() -> io::Result<()> {
    service::raise_open_files_limit();
    let listener = service::listen("127.0.0.1:0").await?;
    report(listener.local_addr()?);
    service::serve(listener, future::pending(), tcp_stream::TcpStream::new)
        .await
        .map_err(io::Error::other)?;
    Ok(())
}

/// How a connection ends is the client's business.
fn serve<F: Future<Output: 'static> + 'static>(
    connection: impl Fn(TcpStream) -> F,
) -> io::Result<()> {
    run::run(async |spawner: Spawner<'_>| {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        report(listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            spawner.spawn(connection(stream)).detach();
        }
    })
}

/// Nothing but hyper: what the peers do.
async fn http<S: Read + Write + Unpin>(stream: TcpStream, of: fn(TcpStream) -> S) {
    stream.set_nodelay(true).expect("a socket");
    let connection = http1::Builder::new().serve_connection(of(stream), service_fn(answer::answer));
    drop(connection.await);
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while let n @ 1.. = stream.read(&mut buffer).await? {
        stream.write_all(&buffer[..n]).await?;
    }
    Ok(())
}

/// As in chapter 16, with a limit to each read and each write.
async fn echo_in_time(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while let n @ 1.. = within(stream.read(&mut buffer)).await? {
        within(stream.write_all(&buffer[..n])).await?;
    }
    Ok(())
}

async fn within<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let time_is_up = async {
        Timer::after(Duration::from_secs(60)).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    future::or(future, time_is_up).await
}
