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
//! | asks on and on, and does not read the answers | cut off 10 s after the last one has found room |
//! | sends more than 16 KiB of headers, or more than 100 of them | answered 431, and cut off |
//! | goes away while its request waits | noticed, after 10 s at most, and the waiting ends |
//! | is one too many for the system's limit of open files | not accepted until another one has gone |
//!
//! There is no limit for a single client: one that asks for an hour on as many connections as there can be
//! keeps out the others for that hour.

use super::hyper_io::{HyperTimer, TIME_LIMIT};
use asyncio_to_smol::task_group::{TaskGroup, task_group};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use smol::channel::{self, Receiver};
use smol::future::{self, FutureExt, poll_once};
use smol::net::{AsyncToSocketAddrs, TcpListener, TcpStream};
use smol::{Async, Timer};
use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, ErrorKind, Write as _};
use std::net;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of request line and headers.
const HEAD_LIMIT: usize = 16 * 1024;
/// For the requests that are running when the service is told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Seconds that a request can ask for.
const LONGEST: u64 = 3600;
/// Connections that wait to be accepted. The system may allow fewer.
#[cfg(unix)]
const BACKLOG: i32 = 4096;
/// How often it is said that `accept` fails.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);
/// After `accept` has failed: with too many open files, say, which takes a while to change.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens there, with room for clients that come faster than they are accepted.
///
/// std asks for room for 128. A client that finds none tries again a second later.
pub async fn listen(address: impl AsyncToSocketAddrs) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    #[cfg(unix)]
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Serves until `stop` is ready. Then accepts those that are connected already, and no more, closes the
/// connections that have sent no request, and lets the requests end, for up to 5 seconds. (Of requests that a
/// client has sent in advance, only the first.)
///
/// `io` makes of a connection what hyper reads and writes: `HyperIo::new`.
///
/// Owns the connections: dropping it closes them.
pub async fn serve<S: Read + Write + Unpin>(
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    io: impl Fn(TcpStream) -> S,
) {
    // Closing the channel tells the connections. Nothing is ever sent.
    let (running, stopped) = channel::bounded::<Infallible>(1);
    let connections = task_group(async |group: TaskGroup<Infallible>| {
        let spawn = |stream: TcpStream| {
            let connection = connection(io(stream.clone()), stream.into(), stopped.clone());
            let connection = AssertUnwindSafe(connection).catch_unwind();
            // A panic is reported by the panic hook, and ends this connection only. The group refuses only
            // when it is being dropped, and this with it.
            let _ = group.spawn(async { Ok(drop(connection.await)) });
        };
        future::or(stop, accept(&listener, &spawn)).await;
        running.close();
        while let Some(Ok((stream, _))) = poll_once(listener.accept()).await {
            spawn(stream);
        }
        drop(listener);
        Ok(()) // and the group waits for the connections
    });
    let time_limit = async {
        let _ = stopped.recv().await;
        Timer::after(STOP_LIMIT).await;
    };
    future::or(async { drop(connections.await) }, time_limit).await;
}

async fn accept(listener: &TcpListener, spawn: impl Fn(TcpStream)) {
    let mut complained: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn(stream);
                // The others have a turn, also when clients come by the thousand.
                future::yield_now().await;
            }
            Err(error) => {
                if complained.is_none_or(|then| then.elapsed() > COMPLAIN_EVERY) {
                    complained = Some(Instant::now());
                    let program = env!("CARGO_CRATE_NAME");
                    let line = format!("{program}: cannot accept a connection: {error}\n");
                    let _ = io::stderr().write_all(line.as_bytes());
                }
                Timer::after(PAUSE).await;
            }
        }
    }
}

async fn connection(
    io: impl Read + Write + Unpin,
    socket: Arc<Async<net::TcpStream>>,
    stopped: Receiver<Infallible>,
) {
    let _ = socket.get_ref().set_nodelay(true); // if not, answers are slower
    let asked = Cell::new(false);
    let service = service_fn(|request| {
        asked.set(true);
        let answer = async move { Ok(answer(&request).await) };
        future::or(answer, gone(&socket))
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(HyperTimer::default())
            .header_read_timeout(TIME_LIMIT)
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(io, service)
    );
    let ended = async {
        drop(connection.as_mut().await); // how it ends is the client's business
        true
    };
    let told_to_stop = async {
        let _ = stopped.recv().await;
        // hyper has not been told yet of what came since the loop's last turn. At the next one it is.
        if matches!(socket.get_ref().peek(&mut [0]), Ok(1)) {
            let _ = socket.readable().await;
        }
        false
    };
    if !future::or(ended, told_to_stop).await {
        // A request that lies there is taken first: `graceful_shutdown` would not read it.
        if poll_once(connection.as_mut()).await.is_none() && asked.get() {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}

/// Fails when the client has closed its end. hyper looks for that, too, but not beyond a byte that it has not
/// taken yet.
async fn gone<T>(socket: &Async<net::TcpStream>) -> io::Result<T> {
    loop {
        Timer::after(TIME_LIMIT).await;
        match socket.get_ref().peek(&mut [0]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}

async fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let number = path.strip_prefix('/').unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let (status, text) = if path != "/error" && !is_number {
        (StatusCode::NOT_FOUND, "not found".into())
    } else if request.method() != Method::GET {
        (StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed".into())
    } else if path == "/error" {
        Timer::after(Duration::from_secs(3)).await;
        (StatusCode::OK, "error!".into())
    } else if let Some(seconds) = number.parse().ok().filter(|n| *n <= LONGEST) {
        Timer::after(Duration::from_secs(seconds)).await;
        (StatusCode::OK, format!("{seconds} It works"))
    } else {
        let text = format!("at most {LONGEST} seconds");
        (StatusCode::BAD_REQUEST, text)
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allow = HeaderValue::from_static("GET");
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// Lets this process have as many open files, and so connections, as the system permits. Node.js does
/// this at its start, too.
pub fn raise_open_files_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // macOS names no limit, and refuses more than 10 240. If that is refused, too, there are fewer.
        for current in [limit.maximum, Some(10_240)] {
            if setrlimit(Resource::Nofile, Rlimit { current, ..limit }).is_ok() {
                break;
            }
        }
    }
}
