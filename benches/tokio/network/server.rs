//! `http_server FLAVOUR` is hyper on tokio's sockets; `echo_server FLAVOUR` echoes what a client sends.

#[path = "../../http/answer.rs"]
mod answer;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Errors of a connection are ignored: the client checks its answers.
pub async fn serve<F: Future<Output: Send> + Send + 'static>(connection: fn(TcpStream) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    measure::report(listener.local_addr().expect("a socket"));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        tokio::spawn(connection(stream));
    }
}

pub async fn http(stream: TcpStream) {
    stream.set_nodelay(true).expect("a socket");
    let connection = http1::Builder::new();
    let connection = connection.serve_connection(TokioIo::new(stream), service_fn(answer::answer));
    drop(connection.await);
}

pub async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while let n @ 1.. = stream.read(&mut buffer).await? {
        stream.write_all(&buffer[..n]).await?;
    }
    Ok(())
}
