//! An HTTP client for one server: GET, over pooled connections.
//!
//! A connection has no task. The request that waits for an answer polls it; between requests it is in the pool,
//! and dropping it closes it.

use super::hyper_io::{HyperIo, Stream};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use smol::future;
use smol::lock::Mutex;
use smol::net::TcpStream;
use std::iter;
use std::pin::Pin;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Can be shared between tasks; each uses its own connection while it waits.
pub struct Client<S> {
    /// Host and port.
    address: String,
    stream: fn(TcpStream) -> S,
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    requests: SendRequest<Empty<Bytes>>,
    /// Must be polled to make progress. Ready when the connection is closed, and then `None`: a request that it
    /// has not taken fails only when it is dropped.
    driver: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
}

impl<S: Stream + Send + 'static> Client<S> {
    /// `stream` makes of a connection of smol's what is read and written: `TcpStream::new` of the library's
    /// `tcp_stream`, or nothing else.
    ///
    /// # Errors
    ///
    /// If `url` is not the address of a server, such as `http://127.0.0.1:5000`.
    pub fn new(url: &str, stream: fn(TcpStream) -> S) -> Result<Client<S>, Error> {
        let address = url.strip_prefix("http://").unwrap_or_default();
        let address = address.strip_suffix('/').unwrap_or(address).to_string();
        let (host, port) = address.rsplit_once(':').unwrap_or_default();
        if host.is_empty() || host.contains(['/', '@', '?']) || port.parse::<u16>().is_err() {
            return Err("expected http://HOST:PORT".into());
        }
        Ok(Client {
            address,
            stream,
            idle: Mutex::default(),
        })
    }

    /// The answer to `GET path`: status and body. There is no time limit.
    ///
    /// A server may close a connection that is not in use at any time, also just before a request gets there. So a
    /// request that fails over a pooled connection is repeated over a new one. That is safe for GET, which changes
    /// nothing, but not for POST.
    ///
    /// # Errors
    ///
    /// If the server cannot be connected to, closes the connection before it has answered, or sends something else
    /// than HTTP, or more than 64 KiB. An error status is not an error here.
    pub async fn get(&self, path: &str) -> Result<(StatusCode, String), Error> {
        let used = self.idle.lock().await.pop();
        if let Some(connection) = used {
            if let Ok(answer) = self.ask(connection, path).await {
                return Ok(answer);
            }
        }
        let answer = async {
            let stream = TcpStream::connect(&self.address).await?;
            let _ = stream.set_nodelay(true); // if not, requests are slower
            let (requests, driver) = http1::handshake(HyperIo((self.stream)(stream))).await?;
            let driver = Some(Box::pin(driver) as _);
            self.ask(Connection { requests, driver }, path).await
        };
        answer.await.map_err(|error| {
            // hyper's errors do not print their source.
            let sources = iter::successors(error.source(), |error| error.source());
            let sources: String = sources.map(|source| format!(": {source}")).collect();
            format!("{}: {error}{sources}", self.address).into()
        })
    }

    async fn ask(&self, mut over: Connection, path: &str) -> Result<(StatusCode, String), Error> {
        let answer = async {
            over.requests.ready().await?;
            let request = Request::get(path).header(HOST, &self.address);
            let response = over.requests.send_request(request.body(Empty::new())?);
            let (head, body) = response.await?.into_parts();
            let body = Limited::new(body, 64 * 1024).collect().await?.to_bytes();
            Ok::<_, Error>((head.status, String::from_utf8_lossy(&body).into_owned()))
        };
        let drive = async {
            if let Some(driver) = &mut over.driver {
                let _ = driver.await; // its error shows in the answer
            }
            over.driver = None;
            future::pending().await
        };
        let answer = future::or(answer, drive).await?;
        if over.driver.is_some() {
            self.idle.lock().await.push(over);
        }
        Ok(answer)
    }
}
