//! HTTP by hand on a TCP stream: every failure is one line, in one place.
//!
//! Ports: article A's `ipify.py` (A13).
//!
//! Without an argument it works offline: it asks a small server of its own.
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
//! `cargo run --example ipify api.ipify.org` asks the real one; `HOST:PORT` asks any other.
//!
//! Whatever fails, in whichever function, arrives in `main` by way of `?`, as one line `Error: …` on
//! standard error and exit status 1. The article's version has the same structure, and believes what
//! the server says. This one does not: there is a limit to the time (10 s from the first step to the
//! last), to the headers (16 KiB) and to the body (64 KiB), and of what the server sends only plain
//! ASCII reaches the terminal.
//!
//! Who owns what: `or` polls the work and the clock in turn, and drops both when one is ready. That
//! closes the connection. A name that is being looked up on another thread then is forgotten.
//!
//! asyncio: `asyncio.open_connection` (`smol::net::TcpStream::connect`),
//! `asyncio.start_server` (`smol::net::TcpListener::bind`),
//! `StreamReader.readline` (`smol::io::AsyncBufReadExt::read_until`),
//! `StreamReader.read` (`smol::io::AsyncReadExt::read_to_end`),
//! `StreamWriter.write` (`smol::io::AsyncWriteExt::write_all`),
//! `StreamWriter.drain` (`smol::io::AsyncWriteExt::write_all`),
//! `asyncio.wait_for` (`smol::future::or`), `asyncio.timeout` (`smol::future::or`).
//! Node: `net.connect` (`smol::net::TcpStream::connect`),
//! `net.createServer` (`smol::net::TcpListener::bind`),
//! `socket.write` (`smol::io::AsyncWriteExt::write_all`), `Promise.race` (`smol::future::or`).
//! Paste: `cargo add serde_json smol`. `just copy ipify DIR` does it.

use smol::future::{self, FutureExt};
use smol::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use smol::net::{TcpListener, TcpStream};
use smol::{Timer, stream::StreamExt};
use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::time::Duration;

/// For everything together: looking up the name, connecting, asking, and the last byte of the answer.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// For the status line and the headers.
const HEAD_LIMIT: u64 = 16 * 1024;
const BODY_LIMIT: u64 = 64 * 1024;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let server = match arguments.as_slice() {
        [] => Ok(None),
        [server] => server
            .to_str()
            .and_then(Server::parse)
            .map(Some)
            .ok_or(server),
        [_, unexpected, ..] => Err(unexpected),
    };
    let server = match server {
        Ok(server) => server,
        Err(wrong) => {
            complain(format!(
                "usage: ipify [HOST[:PORT]]: a server such as api.ipify.org, not {wrong:?}"
            ));
            return ExitCode::from(2);
        }
    };
    match smol::block_on(print_my_ip_address(server).or(time_limit())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format!("Error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// `eprintln!` that does not panic: if nobody reads it, the exit status has to do.
fn complain(line: String) {
    let _ = writeln!(io::stderr(), "{line}");
}

async fn time_limit() -> Result<()> {
    Timer::after(TIME_LIMIT).await;
    Err(format!("no answer within {} s", TIME_LIMIT.as_secs()).into())
}

async fn print_my_ip_address(server: Option<Server>) -> Result<()> {
    let mut out = io::stdout();
    let address = match server {
        Some(server) => get_my_ip_address(&server, &mut out).await?,
        None => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .map_err(|error| format!("cannot listen on 127.0.0.1: {error}"))?;
            let address = listener.local_addr()?;
            let first_line = format!("No HOST given: asking a stand-in of our own at {address}");
            print(&mut out, &first_line)?;
            let server = Server {
                host: address.ip().to_string(),
                port: address.port(),
            };
            // The stand-in is dropped when the question has been answered.
            future::or(get_my_ip_address(&server, &mut out), stand_in(listener)).await?
        }
    };
    print(&mut out, "My IP address is:")?;
    print(&mut out, &address.to_string())
}

/// `println!` that does not panic.
fn print(out: &mut impl Write, line: &str) -> Result<()> {
    writeln!(out, "{line}")
        .map_err(|error| format!("cannot write to standard output: {error}").into())
}

/// Whom to ask.
struct Server {
    host: String,
    port: u16,
}

impl Server {
    /// Reads `HOST` or `HOST:PORT`, where `HOST` is a name, an IPv4 address, or an IPv6 address in
    /// brackets.
    fn parse(text: &str) -> Option<Server> {
        let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            Some((host, rest)) => {
                host.parse::<Ipv6Addr>().ok()?;
                (host, rest)
            }
            None => {
                let host = text.split(':').next()?;
                let is_part_of_a_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
                if !host.chars().all(is_part_of_a_name) || host.is_empty() || host.starts_with('-')
                {
                    return None;
                }
                (host, &text[host.len()..])
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => 80,
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => port.parse().ok()?,
            _ => return None,
        };
        (port != 0).then(|| Server {
            host: host.to_string(),
            port,
        })
    }

    /// As it stands in a URL and in the `Host` header.
    fn name(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port {
            80 => host,
            port => format!("{host}:{port}"),
        }
    }
}

/// Prints what the server answers on the way.
async fn get_my_ip_address(server: &Server, out: &mut impl Write) -> Result<IpAddr> {
    let name = server.name();
    let mut stream = TcpStream::connect((server.host.as_str(), server.port))
        .await
        .map_err(|error| format!("cannot connect to {name}: {error}"))?;
    write_request(&mut stream, &name)
        .await
        .map_err(|error| format!("cannot ask {name}: {error}"))?;
    let body = read_response(BufReader::new(stream), out).await?;
    ip_address_in(&body)
}

async fn write_request(stream: &mut TcpStream, host: &str) -> io::Result<()> {
    let headers = [
        ("Host", host),
        ("User-Agent", "asyncio-to-smol"),
        ("Accept", "application/json"),
        ("Connection", "close"),
    ];
    let mut request = "GET /?format=json HTTP/1.1\r\n".to_string();
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await
}

/// Reads a response, prints its status and headers, and returns its body.
async fn read_response(
    mut reader: impl AsyncBufRead + Unpin,
    out: &mut impl Write,
) -> Result<Vec<u8>> {
    // However the server goes on, no more than that is read.
    let mut head = (&mut reader).take(HEAD_LIMIT);
    let mut next_line = async || -> Result<String> {
        let mut line = Vec::new();
        head.read_until(b'\n', &mut line)
            .await
            .map_err(|error| format!("the connection was cut in the headers: {error}"))?;
        if line.pop() != Some(b'\n') {
            return Err(match head.limit() {
                0 => format!("the headers are longer than {HEAD_LIMIT} bytes").into(),
                _ => "the connection was cut in the headers".into(),
            });
        }
        Ok(printable(line.strip_suffix(b"\r").unwrap_or(&line)))
    };

    let status_line = next_line().await?;
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|line| line.split_once(' '))
        .ok_or_else(|| format!("this is no HTTP: {}", quote(&status_line)))?
        .1;
    print(out, &format!("Got status {status}"))?;
    if status.split(' ').next() != Some("200") {
        return Err(format!("the status is {}, not 200", quote(status)).into());
    }

    let mut headers = Vec::new();
    loop {
        let line = next_line().await?;
        if line.is_empty() {
            break;
        }
        match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                headers.push((name.to_string(), value.trim().to_string()));
            }
            _ => return Err(format!("this is no header: {}", quote(&line)).into()),
        }
    }
    print(out, "Response headers:")?;
    for (name, value) in &headers {
        print(out, &format!("{name}: {value}"))?;
    }

    let length = content_length(&headers)?;
    let mut body = Vec::new();
    reader
        .take(length)
        .read_to_end(&mut body)
        .await
        .map_err(|error| format!("the connection was cut in the body: {error}"))?;
    if (body.len() as u64) < length {
        let got = body.len();
        return Err(
            format!("the connection was cut after {got} of {length} bytes of the body").into(),
        );
    }
    Ok(body)
}

fn content_length(headers: &[(String, String)]) -> Result<u64> {
    let values_of = |wanted: &'static str| {
        headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    };
    if let Some(coding) = values_of("Transfer-Encoding").next() {
        let coding = quote(coding);
        return Err(format!("Transfer-Encoding {coding} instead of a Content-Length").into());
    }
    let mut lengths = values_of("Content-Length");
    let length = lengths.next().ok_or("there is no Content-Length")?;
    if let Some(other) = lengths.find(|other| *other != length) {
        let (length, other) = (quote(length), quote(other));
        return Err(format!("the Content-Length is {length} and {other}").into());
    }
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("the Content-Length is {}, not a number", quote(length)).into());
    }
    match length.parse() {
        Ok(bytes) if bytes <= BODY_LIMIT => Ok(bytes),
        _ => {
            let length = quote(length);
            Err(format!("the Content-Length is {length}, more than {BODY_LIMIT} bytes").into())
        }
    }
}

fn ip_address_in(body: &[u8]) -> Result<IpAddr> {
    let text = || quote(&String::from_utf8_lossy(body));
    let object: serde_json::Value = serde_json::from_slice(body)
        .map_err(|error| format!("the body is not JSON: {}: {error}", text()))?;
    let ip = object["ip"]
        .as_str()
        .ok_or_else(|| format!("the body has no text \"ip\": {}", text()))?;
    ip.parse()
        .map_err(|_| format!("\"ip\" is {}, not an IP address", quote(ip)).into())
}

/// The text of a line, as far as it is plain ASCII: nothing in it that a terminal would obey.
fn printable(line: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() || b" \t".contains(byte);
    let plain = |byte| {
        if is_plain(byte) {
            char::from(*byte)
        } else {
            '\u{fffd}'
        }
    };
    line.iter().map(plain).collect()
}

/// For error messages: in quotes, and only the beginning if it is long.
fn quote(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// Answers as api.ipify.org does, until it is dropped: one client after the other, as there is one.
async fn stand_in<T>(listener: TcpListener) -> Result<T> {
    loop {
        let (stream, _) = listener
            .accept()
            .await
            .map_err(|error| format!("the stand-in cannot accept: {error}"))?;
        // If that fails, the client notices.
        let _ = answer(stream).await;
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request = BufReader::new(stream.clone()).take(HEAD_LIMIT).lines();
    while let Some(line) = request.next().await {
        if line?.is_empty() {
            break;
        }
    }
    let body = serde_json::json!({ "ip": stream.peer_addr()?.ip() }).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: stand-in\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await
}
