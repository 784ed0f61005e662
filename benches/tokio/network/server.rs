//! `http_server FLAVOUR`: hyper on tokio's sockets.

#[path = "../../http/answer.rs"]
mod answer;
#[path = "../../http/report.rs"]
mod report;

use answer::answer;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use report::report;
use std::io;
use tokio::net::TcpListener;

pub fn run() {
    crate::run(serve()).expect("a socket on loopback");
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    report(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        // How it ends is the client's business.
        tokio::spawn(async { drop(connection.await) });
    }
}
