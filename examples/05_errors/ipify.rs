//! HTTP by hand on a TCP stream: every failure is one line, in one place.
//!
//! Ports: article A's `ipify.py` (A13).
//!
//! Without an argument it works offline: it starts a small server and asks that.
//!
//! ```text
//! $ cargo run --example ipify
//! No HOST given: asking a stand-in of our own at 127.0.0.1:40613
//! Got status 200 OK
//! Response headers:
//! Server: stand-in
//! Content-Type: application/json
//! Content-Length: 18
//! Connection: close
//! My IP address is:
//! 127.0.0.1
//! ```
//!
//! `cargo run --example ipify api.ipify.org` asks the real server; `HOST:PORT` asks any other.
//!
//! An error in any function reaches `main` through `?`. `main` prints one line `Error: …` on
//! standard error and exits with status 1. The article's version has the same structure, but trusts
//! the server. This one limits the time (10 s from the first step to the last), the headers (16
//! KiB) and the body (64 KiB), and prints only plain ASCII.
//!
//! Who owns what: `or` polls the work and the clock in turn, and drops both when one is ready. That
//! closes the connection. The bytes that `read_until` has read are lost with its buffer; here that
//! does not matter, as the connection ends, too. If a name is being looked up on another thread at
//! that time, its result is dropped.
//!
//! asyncio: `asyncio.open_connection` (`smol::net::TcpStream::connect`),
//! `asyncio.start_server` (`smol::net::TcpListener::bind`),
//! `loop.sock_connect` (`smol::net::TcpStream::connect`), `loop.sock_sendall`
//! (`smol::io::AsyncWriteExt::write_all`), `loop.sock_recv` (`smol::io::AsyncReadExt::read`),
//! `loop.sock_accept` (`smol::net::TcpListener::accept`),
//! `StreamReader.readline` (`smol::io::AsyncBufReadExt::read_until`),
//! `StreamReader.read` (`smol::io::AsyncReadExt::read_to_end`),
//! `StreamWriter.write` (`smol::io::AsyncWriteExt::write_all`),
//! `StreamWriter.drain` (`smol::io::AsyncWriteExt::write_all`),
//! `asyncio.wait_for` (`smol::future::or`), `asyncio.timeout` (`smol::future::or`).
//! Node: `net.connect` (`smol::net::TcpStream::connect`),
//! `net.createServer` (`smol::net::TcpListener::bind`),
//! `socket.write` (`smol::io::AsyncWriteExt::write_all`), `Promise.race` (`smol::future::or`).
//! Paste: `cargo add smol serde_json`.

use smol::Timer;
use smol::future::{self, FutureExt};
use smol::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use smol::net::{TcpListener, TcpStream};
use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddrV6};
use std::process::ExitCode;
use std::time::Duration;

/// For everything together: looking up the name, connecting, asking, and the last byte of the answer.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// For the status line and the headers.
const HEAD_LIMIT: u64 = 16 * 1024;
const BODY_LIMIT: u64 = 64 * 1024;
const USAGE: &str = "usage: ipify [HOST[:PORT]]: a server such as api.ipify.org";

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// What is still to be read of a message, up to a limit.
type Message = Take<BufReader<TcpStream>>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (server, extra) = (arguments.next(), arguments.next());
    let address = server.as_ref().and_then(|it| with_port(it.to_str()?));
    let (line, status) = match extra.or(server.filter(|_| address.is_none())) {
        Some(wrong) => (format!("{USAGE}, not {wrong:?}"), 2),
        None => match smol::block_on(print_my_ip_address(address).or(time_limit())) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => (format!("Error: {error}"), 1),
        },
    };
    // Not `eprintln!`, which panics if standard error is closed. Then only the exit status tells of
    // the error.
    let _ = writeln!(io::stderr(), "{line}");
    ExitCode::from(status)
}

/// Checks `HOST[:PORT]`, where `HOST` is a name, an IPv4 address, or an IPv6 address in brackets.
fn with_port(server: &str) -> Option<String> {
    let has_port = server.contains(':') && !server.ends_with(']');
    let address = format!("{server}{}", if has_port { "" } else { ":80" });
    let (host, port) = address.rsplit_once(':')?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_name = host.chars().all(is_part) && !host.is_empty() && !host.starts_with('-');
    let is_host = is_name || address.parse::<SocketAddrV6>().is_ok();
    let is_port = port.parse().is_ok_and(|port: u16| port != 0) && !port.starts_with('+');
    (is_host && is_port).then_some(address)
}

async fn time_limit() -> Result<()> {
    Timer::after(TIME_LIMIT).await;
    Err(format!("no answer within {} s", TIME_LIMIT.as_secs()).into())
}

async fn print_my_ip_address(address: Option<String>) -> Result<()> {
    let ip = match address {
        Some(address) => get_my_ip_address(&address).await?,
        None => {
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.map_err(|error| format!("cannot listen: {error}"))?;
            let address = listener.local_addr()?.to_string();
            let line = format!("No HOST given: asking a stand-in of our own at {address}");
            print(&line)?;
            // `or` drops the stand-in when the answer is there.
            get_my_ip_address(&address).or(stand_in(listener)).await?
        }
    };
    print(&format!("My IP address is:\n{ip}"))
}

/// `println!` that does not panic.
fn print(line: &str) -> Result<()> {
    let written = writeln!(io::stdout(), "{line}");
    written.map_err(|error| format!("cannot write to standard output: {error}").into())
}

// ANCHOR: excerpt
/// Prints what the server answers on the way.
async fn get_my_ip_address(address: &str) -> Result<IpAddr> {
    let host = address.strip_suffix(":80").unwrap_or(address);
    let connected = TcpStream::connect(address).await;
    let mut stream = connected.map_err(|error| format!("cannot connect to {host}: {error}"))?;
    let request = format!(
        "GET /?format=json HTTP/1.1\r\nHost: {host}\r\nUser-Agent: asyncio-to-smol\r\n\
         Accept: application/json\r\nConnection: close\r\n\r\n"
    );
    let written = stream.write_all(request.as_bytes()).await;
    written.map_err(|error| format!("cannot ask {host}: {error}"))?;
    // ANCHOR_END: excerpt

    // No more than the limit is read, whatever the server sends.
    let mut response = BufReader::new(stream).take(HEAD_LIMIT);
    let length = read_head(&mut response).await?;
    response.set_limit(length);
    let mut body = Vec::new();
    let read = response.read_to_end(&mut body).await;
    let got = read.map_err(|error| format!("the body was cut: {error}"))?;
    if response.limit() > 0 {
        Err(format!("the body was cut after {got} of {length} bytes"))?;
    }
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let ip = json["ip"].as_str().and_then(|ip| ip.parse().ok());
    let body = quote(&String::from_utf8_lossy(&body));
    ip.ok_or_else(|| format!("the body is not JSON with an IP address as \"ip\": {body}").into())
}

/// Prints the status and the headers, and returns the length of the body.
async fn read_head(response: &mut Message) -> Result<u64> {
    let mut line = read_line(response).await?;
    let status = line.split_once(' ').filter(|_| line.starts_with("HTTP/1."));
    let (_, status) = status.ok_or_else(|| format!("not HTTP: {}", quote(&line)))?;
    print(&format!("Got status {status}"))?;
    if status.split(' ').next() != Some("200") {
        Err(format!("the status is {}, not 200", quote(status)))?;
    }
    print("Response headers:")?;
    let mut lengths = Vec::new();
    line = read_line(response).await?;
    while !line.is_empty() {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.is_empty() || name.contains([' ', '\t']) {
            Err(format!("not a header: {}", quote(&line)))?;
        }
        print(&format!("{name}: {}", value.trim()))?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => lengths.push(value.trim().to_string()),
            "transfer-encoding" => Err(format!("not supported: {}", quote(&line)))?,
            _ => {}
        }
        line = read_line(response).await?;
    }
    lengths.dedup();
    let length = lengths.join(", ");
    let it = quote(&length);
    match length.parse() {
        Ok(bytes) if bytes <= BODY_LIMIT && !length.starts_with('+') => Ok(bytes),
        _ if lengths.is_empty() => Err("there is no Content-Length".into()),
        _ => Err(format!("the Content-Length is {it}, not 0 to {BODY_LIMIT}"))?,
    }
}

/// The text of a line, as far as it is plain ASCII: without control sequences for a terminal.
async fn read_line(response: &mut Message) -> Result<String> {
    let mut line = Vec::new();
    let read = response.read_until(b'\n', &mut line).await;
    read.map_err(|error| format!("the headers were cut: {error}"))?;
    let line = String::from_utf8_lossy(&line);
    let end = match response.limit() {
        0 => format!("the headers are longer than {HEAD_LIMIT} bytes"),
        _ => "the headers were cut".to_string(),
    };
    let line = line.strip_suffix('\n').ok_or(end)?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(line.replace(|c| !matches!(c, ' '..='~' | '\t'), "\u{fffd}"))
}

/// For error messages: in quotes, and only the beginning if it is long.
fn quote(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    let rest = if start.len() < text.len() { "…" } else { "" };
    format!("{start:?}{rest}")
}

/// Answers one request as api.ipify.org does, and then waits until it is dropped.
async fn stand_in<T>(listener: TcpListener) -> Result<T> {
    let (mut stream, client) = listener.accept().await?;
    let mut request = BufReader::new(stream.clone()).take(HEAD_LIMIT);
    while !read_line(&mut request).await?.is_empty() {}
    let body = serde_json::json!({ "ip": client.ip() }).to_string();
    let length = body.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\nServer: stand-in\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(response.as_bytes()).await?;
    future::pending().await
}
