//! The HTTP service of `sms_server`, which `sms_customer` can also start for itself.
//!
//! | request | answer |
//! |---|---|
//! | `GET /5` | after 5 seconds: `5 It works` |
//! | `GET /error` | after 3 seconds: `error!` |
//! | more seconds than an hour has | 400 |
//! | another path | 404 |
//! | another method | 405 |
//!
//! Limits, so that no client harms the others:
//!
//! | a client that | is |
//! |---|---|
//! | is silent, or slow to send a request | cut off after 10 s, by hyper's `header_read_timeout` |
//! | sends requests, and does not read the answers | cut off when no answer could be written for 10 s |
//! | sends more than 16 KiB of headers, or more than 100 of them | answered 431, and cut off |
//! | disconnects while its request waits | noticed, after 10 s at most, and the waiting ends |
//! | exceeds the system's limit of open files | not accepted until another client has disconnected |
//!
//! There is no limit for each client: a client that opens all possible connections and asks for an hour keeps out
//! the others for that hour.

use super::hyper_io::{HyperIo, Stream};
use asyncio_to_smol::task_group::{ErrorGroup, TaskGroup, task_group};
use asyncio_to_smol::timeout::timeout;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, http};
use smol::channel::{self, Receiver};
use smol::future::{self, poll_once};
use smol::io;
use smol::net::{AsyncToSocketAddrs, TcpListener, TcpStream};
use smol::{Async, Timer};
use smol_hyper::rt::SmolTimer;
use std::cell::Cell;
use std::convert::Infallible;
use std::io::{Write, stderr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::{mem, net};

/// How long a client may take to send the head of a request, or to make room for answers.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Listens there, with room for 4096 clients that come faster than they are accepted, if the system allows it.
///
/// std asks for room for 128. A client that finds none tries again a second later.
pub async fn listen(address: impl AsyncToSocketAddrs) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    #[cfg(unix)]
    rustix::net::listen(&listener, 4096)?;
    Ok(listener)
}

/// Serves until `stop` is ready. Then accepts pending connections, and no more, closes connections that have sent
/// no request, and lets running requests end, for up to 5 seconds. (Of pipelined requests, only the first.) `wrap`
/// converts a connection for reading and writing: `TcpStream::new` of the library's `tcp_stream`, or the identity.
///
/// Owns the connections: dropping it closes them. It cannot fail, since no connection fails the group.
pub async fn serve<S: Stream>(
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    wrap: impl Fn(TcpStream) -> S,
) -> Result<(), ErrorGroup<Infallible>> {
    // Closing the first channel ends accepting, and closing the second tells the connections. Nothing is ever sent.
    let (accepting, stopped) = channel::bounded::<()>(1);
    let (running, ended) = channel::bounded::<()>(1);
    let connections = task_group(async |group: TaskGroup<Infallible>| {
        let mut complained = false;
        loop {
            // In this order: connections made before the end are accepted.
            let told_to_stop = async { Err(io::Error::other(stopped.recv().await.unwrap_err())) };
            match future::or(listener.accept(), told_to_stop).await {
                Ok((stream, _)) => {
                    let connection = connection(wrap(stream.clone()), stream, &ended);
                    // An error concerns only this client.
                    group.spawn(async { Ok(connection.await) });
                    // Other tasks get a turn even if thousands of clients connect.
                    future::yield_now().await;
                }
                Err(error) if !stopped.is_closed() => {
                    if !mem::replace(&mut complained, true) {
                        let name = env!("CARGO_CRATE_NAME");
                        let _ = writeln!(stderr(), "{name}: cannot accept a connection: {error}");
                    }
                    // Too many open files, say. That takes a while to change.
                    Timer::after(Duration::from_millis(100)).await;
                }
                Err(_) => break,
            }
        }
        drop((listener, running)); // in this order: a client that is cut off cannot reconnect
        Ok(()) // and the group waits for the connections
    });
    let time_limit = async {
        stop.await;
        accepting.close();
        Timer::after(Duration::from_secs(5)).await;
        Ok(())
    };
    future::or(connections, time_limit).await
}

async fn connection(io: impl Stream, tcp: TcpStream, stop: &Receiver<()>) -> hyper::Result<()> {
    let _ = tcp.set_nodelay(true); // if not, answers are slower
    let socket: Arc<Async<net::TcpStream>> = tcp.into();
    let asked = Cell::new(false);
    let service = service_fn(|request| {
        asked.set(true);
        answer(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(SmolTimer::new())
            .header_read_timeout(TIME_LIMIT)
            .max_buf_size(16 * 1024) // request line and headers
            .serve_connection(HyperIo(io), service)
    );
    let served = future::or(connection.as_mut(), has_gone(&socket));
    let told_to_stop = async {
        let _ = stop.recv().await;
        // hyper learns of input since the loop's last turn only at the next turn.
        if let Some(Ok(1)) = poll_once(socket.peek(&mut [0])).await {
            let _ = socket.readable().await;
        }
        None
    };
    let is_told = future::or(async { Some(served.await) }, told_to_stop).await;
    // Takes a pending request first: `graceful_shutdown` would not read it.
    if is_told.is_none() && poll_once(connection.as_mut()).await.is_none() && asked.get() {
        connection.as_mut().graceful_shutdown();
        return connection.await;
    }
    Ok(())
}

/// Waits until the client has closed its end, or takes no answers for 10 s. hyper notices the former, too, but not
/// behind a byte that it has not taken yet, and has no limit for the latter.
async fn has_gone(socket: &Async<net::TcpStream>) -> hyper::Result<()> {
    loop {
        Timer::after(TIME_LIMIT).await;
        let peeked = poll_once(socket.peek(&mut [0])).await;
        let has_room = timeout(TIME_LIMIT, socket.writable()).await;
        if has_room.is_err() || matches!(peeked, Some(Ok(0) | Err(_))) {
            return Ok(());
        }
    }
}

async fn answer(request: Request<Incoming>) -> http::Result<Response<Full<Bytes>>> {
    let path = request.uri().path();
    let number = path.strip_prefix('/').unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let (status, text) = match number.parse() {
        _ if path != "/error" && !is_number => (404, "not found".into()),
        _ if request.method() != "GET" => (405, "only GET is allowed".into()),
        _ if path == "/error" => {
            Timer::after(Duration::from_secs(3)).await;
            (200, "error!".into())
        }
        Ok(seconds @ ..=3600) => {
            Timer::after(Duration::from_secs(seconds)).await;
            (200, format!("{seconds} It works"))
        }
        _ => (400, "at most 3600 seconds".into()),
    };
    let mut response = Response::builder().status(status);
    if status == 405 {
        response = response.header(ALLOW, "GET");
    }
    let response = response.header(CONTENT_TYPE, "text/plain; charset=utf-8");
    response.body(Full::from(text))
}

/// Lets this process have as many open files, and so connections, as the system permits. Node.js does
/// this at its start, too.
pub fn raise_open_files_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // macOS names no limit, and refuses more than 10 240. If that is refused, too, there are fewer.
        let current = limit.maximum.or(Some(10_240));
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    }
}
