//! An HTTP client for one server: GET, over connections that are used again.
//!
//! A connection has no task of its own. Whoever waits for an answer polls it meanwhile; between two
//! requests it lies in the pool, and dropping it closes it.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use smol::future::{self, poll_once};
use smol::net::TcpStream;
use smol_hyper::rt::FuturesIo;
use std::iter;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

/// Bytes of an answer's body.
const BODY_LIMIT: usize = 64 * 1024;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Can be shared between tasks, each with a connection of its own while it waits.
pub struct Client {
    host: String,
    port: u16,
    host_header: HeaderValue,
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    requests: SendRequest<Empty<Bytes>>,
    /// Must be polled for anything to happen. Ready when the connection has been closed.
    driver: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
}

impl Client {
    /// # Errors
    ///
    /// If this is not the address of a server, such as `http://127.0.0.1:5000`.
    pub fn new(url: &str) -> Result<Client, Error> {
        const EXPECTED: &str = "expected http://HOST:PORT";
        let uri: Uri = url
            .parse()
            .map_err(|error| format!("{EXPECTED} ({error})"))?;
        let (Some("http"), Some(authority), "" | "/", None) =
            (uri.scheme_str(), uri.authority(), uri.path(), uri.query())
        else {
            return Err(EXPECTED.into());
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(EXPECTED.into());
        }
        let host = authority.host().trim_matches(['[', ']']);
        Ok(Client {
            host: host.to_string(),
            port: authority.port_u16().unwrap_or(80),
            host_header: HeaderValue::from_str(authority.as_str())?,
            idle: Mutex::default(),
        })
    }

    /// The answer to `GET path`. There is no time limit.
    ///
    /// A server may close a connection that is not in use at any time, also just before a request gets
    /// there. So if nothing has come back over a used connection, the request is sent again over a new
    /// one. That may be done with GET, which changes nothing, and not with POST.
    ///
    /// # Errors
    ///
    /// If the server cannot be connected to, closes the connection before it has answered, or sends
    /// something else than HTTP, or more than 64 KiB. Not if it answers with a status that means one.
    pub async fn get(&self, path: &str) -> Result<(StatusCode, String), Error> {
        loop {
            let (mut connection, is_new) = match self.idle_connection().await {
                Some(connection) => (connection, false),
                None => (self.connect().await?, true),
            };
            let mut request = Request::get(path).body(Empty::new())?;
            let host = self.host_header.clone();
            request.headers_mut().insert(HOST, host);
            let answer = connection.requests.send_request(request);
            let answer = async {
                match answer.await {
                    Ok(response) => Ok(Some(read(response).await?)),
                    // The server had closed it, or was about to.
                    Err(_) if !is_new => Ok(None),
                    Err(error) => Err(with_sources(error)),
                }
            };
            // What happens to the connection is seen in the answer.
            let drive = async {
                let _ = connection.driver.as_mut().await;
                future::pending().await
            };
            if let Some(answer) = future::or(answer, drive).await? {
                self.lock_idle().push(connection);
                return Ok(answer);
            }
        }
    }

    /// A connection that the server has not closed meanwhile.
    async fn idle_connection(&self) -> Option<Connection> {
        loop {
            let mut connection = self.lock_idle().pop()?;
            let closed = poll_once(connection.driver.as_mut()).await;
            if closed.is_none() && connection.requests.is_ready() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| format!("{}:{}: {error}", self.host, self.port))?;
        let _ = stream.set_nodelay(true); // if not, requests are slower
        let handshake = http1::handshake(FuturesIo::new(stream));
        let (requests, driver) = handshake.await.map_err(with_sources)?;
        let driver = Box::pin(driver);
        Ok(Connection { requests, driver })
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // No one panics while holding it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(response: Response<Incoming>) -> Result<(StatusCode, String), Error> {
    let status = response.status();
    let body = Limited::new(response.into_body(), BODY_LIMIT);
    let body = body.collect().await.map_err(with_sources)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// hyper's errors keep to themselves why.
fn with_sources(error: impl Into<Error>) -> Error {
    let error = error.into();
    let sources = iter::successors(error.source(), |error| error.source());
    let sources: String = sources.map(|source| format!(": {source}")).collect();
    format!("{error}{sources}").into()
}
