//! An HTTP client for one server: GET, over connections that are used again.
//!
//! A connection has no task of its own. The request that waits for an answer polls it meanwhile; between two
//! requests it lies in the pool, and dropping it closes it.

use super::hyper_io::HyperIo;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode};
use smol::Async;
use smol::future::{self, poll_once};
use smol::net::TcpStream;
use std::io::ErrorKind;
use std::iter;
use std::net;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of an answer's body.
const BODY_LIMIT: usize = 64 * 1024;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Status and body.
pub type Answer = (StatusCode, String);

/// Can be shared between tasks, each with a connection of its own while it waits.
pub struct Client<S = HyperIo> {
    /// Host and port.
    address: String,
    io: fn(TcpStream) -> S,
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    socket: Arc<Async<net::TcpStream>>,
    requests: SendRequest<Empty<Bytes>>,
    /// Must be polled for anything to happen. Ready when the connection has been closed, and then `None`:
    /// a request that it has not taken any more fails only when it is dropped.
    driver: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
}

impl<S: Read + Write + Unpin + Send + 'static> Client<S> {
    /// `io` makes of a connection what hyper reads and writes: `HyperIo::new`.
    ///
    /// # Errors
    ///
    /// If `url` is not the address of a server, such as `http://127.0.0.1:5000`.
    pub fn new(url: &str, io: fn(TcpStream) -> S) -> Result<Client<S>, Error> {
        const EXPECTED: &str = "expected http://HOST:PORT";
        let authority = url.strip_prefix("http://").ok_or(EXPECTED)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let uri: Authority =
            (authority.parse()).map_err(|error| format!("{EXPECTED} ({error})"))?;
        let port = uri.port_u16().unwrap_or(80);
        let address = format!("{}:{port}", uri.host());
        // Neither a user name nor a port that is not a number.
        if uri.host().is_empty() || ![&address, uri.host()].contains(&authority) {
            return Err(EXPECTED.into());
        }
        let idle = Mutex::default();
        Ok(Client { address, io, idle })
    }

    /// The answer to `GET path`. There is no time limit.
    ///
    /// A server may close a connection that is not in use at any time, also just before a request gets
    /// there. So if a used connection is closed before there is an answer, the request is sent again, over
    /// a new one. That may be done with GET, which changes nothing, and not with POST.
    ///
    /// # Errors
    ///
    /// If the server cannot be connected to, closes the connection before it has answered, or sends
    /// something else than HTTP, or more than 64 KiB. Not if it answers with a status that means one.
    pub async fn get(&self, path: &str) -> Result<Answer, Error> {
        let answer = async {
            let request = || {
                Request::get(path)
                    .header(HOST, &self.address)
                    .body(Empty::new())
            };
            if let Some(connection) = self.idle_connection().await {
                match self.ask(connection, request()?).await {
                    Err(error) if !error.is_parse() => {} // it is closed
                    answer => return answer?,
                }
            }
            self.ask(self.connect().await?, request()?).await?
        };
        answer.await.map_err(|error: Error| {
            // hyper's errors do not print why.
            let sources = iter::successors(error.source(), |error| error.source());
            let sources: String = sources.map(|source| format!(": {source}")).collect();
            format!("{}: {error}{sources}", self.address).into()
        })
    }

    /// The outer error: the connection has ended before the answer began.
    async fn ask(
        &self,
        mut connection: Connection,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Result<Answer, Error>> {
        let response = connection.requests.send_request(request);
        let answer = async {
            let response = response.await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), BODY_LIMIT).collect();
            let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
            Ok(body.await.map(|body| (status, text(body.to_bytes()))))
        };
        let drive = async {
            if let Some(driver) = &mut connection.driver {
                let _ = driver.await; // how it has ended is seen in the answer
            }
            connection.driver = None;
            future::pending().await
        };
        let answer = future::or(answer, drive).await;
        if matches!(answer, Ok(Ok(_))) && connection.driver.is_some() {
            self.idle().push(connection);
        }
        answer
    }

    /// A connection that the server has not closed meanwhile.
    async fn idle_connection(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle().pop()?;
            let has_ended = poll_once(connection.driver.as_mut()?).await.is_some();
            // The loop may not have turned since, so that the driver has not been told.
            let peeked = connection.socket.get_ref().peek(&mut [0]);
            let is_silent = peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            if !has_ended && is_silent && connection.requests.is_ready() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let stream = TcpStream::connect(&self.address).await?;
        let _ = stream.set_nodelay(true); // if not, requests are slower
        let socket = stream.clone().into();
        let (requests, driver) = http1::handshake((self.io)(stream)).await?;
        let driver = Some(Box::pin(driver) as _);
        Ok(Connection {
            socket,
            requests,
            driver,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
