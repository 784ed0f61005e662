//! TLS from the middle of a connection on; a wrong name, certificate or end is an error.
//! Ports: none of the programs. It does what asyncio's `ssl=` and `start_tls` do.
//!
//! ```text
//! $ cargo run --example tls --features tls
//! localhost: HELLO
//! another name: refused
//!   invalid peer certificate: certificate not valid for name "example.org"; certificate is only valid for DnsName("localhost")
//! another certificate: refused
//!   invalid peer certificate: BadSignature
//! dropped, not closed: unexpected end of file
//! ```
//!
//! The program makes its certificate itself, with the crate rcgen. The client trusts only that one. (The
//! certificates that browsers trust are in the crates webpki-roots and rustls-platform-verifier.) It refuses a
//! server with another name, and one with another certificate for the same name.
//!
//! `start_tls` needs no special function: `connect` takes any stream, whatever was sent on it before. (`ssl=` is
//! the same without the first two lines.) But no byte of TLS may have been read by then: a `BufReader` around the
//! plain stream may have taken more than the line. And the server must not treat a command that came in plain text
//! as if it had come over TLS.
//!
//! TLS has an end message: `close` sends it. Dropping the stream sends none, and the peer cannot know whether an
//! attacker cut something off: it gets `UnexpectedEof`. asyncio and Node hide that error and report a normal end.
//! After `close` you can still read here; asyncio has no `write_eof` with TLS.
//!
//! The handshake has a time limit. Python's and Node's have one, too: 60 s and 120 s.
//!
//! Who owns what: the TLS stream owns the connection, so that dropping it closes both. `Arc`s of the two
//! configurations are shared by all connections.
//!
//! asyncio: `ssl=` (the crate futures-rustls), `loop.start_tls` (the crate futures-rustls),
//! `StreamWriter.start_tls` (the crate futures-rustls), `ssl.create_default_context` (the crate rustls:
//! `ClientConfig` and `RootCertStore`), `ssl.SSLCertVerificationError` (the crate rustls:
//! `Error::InvalidCertificate`), `ssl_handshake_timeout` (`smol::future::or` with a `smol::Timer`).
//! Node: `tls.connect` (the crate futures-rustls: `TlsConnector`), `tls.createServer` (the crate futures-rustls:
//! `TlsAcceptor`), `tls.TLSSocket` (the crate futures-rustls: `TlsStream`), `rejectUnauthorized` (none: put a
//! trusted certificate into the `RootCertStore`).
//! Paste: `cargo add smol`, `cargo add futures-rustls --no-default-features --features ring`,
//! `cargo add rcgen --no-default-features --features ring`.

use futures_rustls::pki_types::{PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};
use smol::io::{self, AsyncReadExt, AsyncWriteExt};
use smol::net::{SocketAddr, TcpListener, TcpStream};
use smol::{Timer, block_on, future};
use std::sync::Arc;
use std::time::Duration;

type Tls = TlsStream<TcpStream>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A certificate for localhost: the server's configuration with it, and the client's that trusts it.
fn certificate() -> Result<(TlsAcceptor, TlsConnector)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let server = ServerConfig::builder().with_no_client_auth();
    let server = server.with_single_cert(vec![made.cert.der().clone()], key)?;

    let mut trusted = RootCertStore::empty();
    trusted.add(made.cert.der().clone())?;
    let client = ClientConfig::builder().with_root_certificates(trusted);
    let client = client.with_no_client_auth();
    Ok((Arc::new(server).into(), Arc::new(client).into()))
}

/// Serves a client, at first in plain text.
async fn serve(listener: &TcpListener, tls: &TlsAcceptor) -> io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    stream.read_exact(&mut [0; 9]).await?;
    stream.write_all(b"go ahead\n").await?;
    let time_is_up = async {
        Timer::after(Duration::from_secs(10)).await;
        Err(io::ErrorKind::TimedOut.into()) // or a client that sends nothing stays forever
    };
    let mut stream = future::or(tls.accept(stream), time_is_up).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    stream.write_all(text.to_uppercase().as_bytes()).await?;
    stream.close().await
}

// ANCHOR: excerpt
/// Connects in plain text, and goes on with TLS if the server proves that this is its name.
async fn start_tls(to: SocketAddr, name: &'static str, tls: &TlsConnector) -> Result<Tls> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(b"STARTTLS\n").await?;
    stream.read_exact(&mut [0; 9]).await?; // `go ahead`: not a byte more, the next is for TLS
    Ok(tls.connect(ServerName::try_from(name)?, stream).await?)
}

/// Says "hello", and returns the answer.
async fn ask(to: SocketAddr, name: &'static str, tls: &TlsConnector) -> Result<String> {
    let mut stream = start_tls(to, name, tls).await?;
    stream.write_all(b"hello").await?;
    stream.close().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
// ANCHOR_END: excerpt

fn main() -> Result<()> {
    let ((acceptor, trusting), (_, trusting_another)) = (certificate()?, certificate()?);
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        for (what, name, tls) in [
            ("localhost", "localhost", &trusting),
            ("another name", "example.org", &trusting),
            ("another certificate", "localhost", &trusting_another),
        ] {
            let asked = ask(address, name, tls);
            let (answer, _) = future::zip(asked, serve(&listener, &acceptor)).await;
            let answer = answer.unwrap_or_else(|error| format!("refused\n  {error}"));
            println!("{what}: {answer}");
        }
        let dropped = async { drop(start_tls(address, "localhost", &trusting).await) };
        let (_, served) = future::zip(dropped, serve(&listener, &acceptor)).await;
        if let Err(error) = served {
            println!("dropped, not closed: {}", error.kind());
        }
        Ok(())
    })
}
