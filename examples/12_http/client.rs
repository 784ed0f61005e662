//! An HTTP client for one server: GET, over connections that are used again.
//!
//! A connection has no task of its own. Whoever waits for an answer polls it meanwhile; between two
//! requests it lies in the pool, and dropping it closes it.

use super::hyper_io::HyperIo;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
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
pub struct Client {
    host: String,
    port: u16,
    /// Host and port as they stand in the URL.
    authority: HeaderValue,
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    socket: Arc<Async<net::TcpStream>>,
    requests: SendRequest<Empty<Bytes>>,
    /// Must be polled for anything to happen. Ready when the connection has been closed, and then `None`:
    /// a request that it has not taken any more fails only when it is dropped.
    driver: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
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
        let (host, port) = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => (authority.host(), 80),
            // `None` for what is no number.
            Some(_) => (authority.host(), authority.port_u16().ok_or(EXPECTED)?),
            None => return Err(EXPECTED.into()), // a user name
        };
        if host.is_empty() {
            return Err(EXPECTED.into());
        }
        Ok(Client {
            // An IPv6 address has brackets in an URL, and nowhere else.
            host: host.trim_matches(['[', ']']).to_string(),
            port,
            authority: HeaderValue::from_str(authority.as_str())?,
            idle: Mutex::default(),
        })
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
        if let Some(connection) = self.idle_connection().await {
            match self.ask(connection, path).await {
                Err(Failed::Closed(_)) => {}
                answer => return answer.map_err(|failed| self.named(failed)),
            }
        }
        let answer = async { self.ask(self.connect().await?, path).await };
        answer.await.map_err(|failed| self.named(failed))
    }

    async fn ask(&self, mut connection: Connection, path: &str) -> Result<Answer, Failed> {
        let mut request = Request::get(path).body(Empty::new())?;
        request.headers_mut().insert(HOST, self.authority.clone());
        let answer = connection.requests.send_request(request);
        let answer = async {
            let response = answer.await.map_err(|error| match error {
                _ if error.is_parse() => Failed::Otherwise(error.into()),
                _ => Failed::Closed(error),
            })?;
            let status = response.status();
            let body = Limited::new(response.into_body(), BODY_LIMIT);
            let body = body.collect().await?.to_bytes();
            Ok::<_, Failed>((status, String::from_utf8_lossy(&body).into_owned()))
        };
        let drive = async {
            if let Some(driver) = &mut connection.driver {
                let _ = driver.await; // how it has ended is seen in the answer
            }
            connection.driver = None;
            future::pending().await
        };
        let answer = future::or(answer, drive).await?;
        if connection.driver.is_some() {
            self.lock_idle().push(connection);
        }
        Ok(answer)
    }

    fn named(&self, failed: Failed) -> Error {
        let error = match failed {
            Failed::Closed(error) => error.into(),
            Failed::Otherwise(error) => error,
        };
        // hyper's errors keep to themselves why.
        let sources = iter::successors(error.source(), |error| error.source());
        let sources: String = sources.map(|source| format!(": {source}")).collect();
        let authority = String::from_utf8_lossy(self.authority.as_bytes());
        format!("{authority}: {error}{sources}").into()
    }

    /// A connection that the server has not closed meanwhile.
    async fn idle_connection(&self) -> Option<Connection> {
        loop {
            let mut connection = self.lock_idle().pop()?;
            let is_open = match &mut connection.driver {
                Some(driver) => poll_once(driver).await.is_none(),
                None => false,
            };
            // The loop may not have turned since, so that the driver has not been told.
            let is_silent = matches!(
                connection.socket.get_ref().peek(&mut [0]),
                Err(error) if error.kind() == ErrorKind::WouldBlock
            );
            if is_open && is_silent && connection.requests.is_ready() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Failed> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let _ = stream.set_nodelay(true); // if not, requests are slower
        let socket: Arc<Async<net::TcpStream>> = stream.into();
        let (requests, driver) = http1::handshake(HyperIo::new(Arc::clone(&socket))).await?;
        Ok(Connection {
            socket,
            requests,
            driver: Some(Box::pin(driver)),
        })
    }

    fn lock_idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // No one panics while holding it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no answer.
enum Failed {
    /// The connection was closed before it began.
    Closed(hyper::Error),
    Otherwise(Error),
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed::Otherwise(error.into())
    }
}
