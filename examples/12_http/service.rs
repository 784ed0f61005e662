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
//! Limits, so that no client hurts the others:
//!
//! | a client that | is |
//! |---|---|
//! | is silent, or slow to send a request | cut off after 10 s |
//! | asks on and on, and does not take the answers | cut off 10 s after the last one has found room |
//! | sends more than 16 KiB of headers, or more than 100 of them | answered 431, and cut off |
//! | goes away while its request waits | noticed, after 10 s at most, and the waiting ends |
//! | is one too many for the system's limit of open files | not accepted until another one has gone |
//!
//! There is no limit for a single client: who asks for an hour on as many connections as there can be
//! keeps out the others for that hour.

use super::hyper_io::HyperIo;
use asyncio_to_smol::task_group::{TaskGroup, task_group};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use smol::Timer;
use smol::channel::{self, Receiver};
use smol::future::{self, FutureExt, poll_once};
use smol::net::{AsyncToSocketAddrs, TcpListener, TcpStream};
use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::{Duration, Instant};

/// How long a connection may be without a request: since the last one was answered, until the next one
/// has come with all of its headers.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
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

type Body = http_body_util::Full<Bytes>;

/// Listens there, with room for clients that come faster than they are accepted.
///
/// std asks for 128, and whoever comes when these are taken waits for a second until it tries again.
pub async fn listen(address: impl AsyncToSocketAddrs) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    #[cfg(unix)]
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Serves until `stop` is ready. Then accepts no more, closes the connections on which no request is running,
/// and lets the running ones end, for up to 5 seconds. (Of requests that a client has sent in advance, only
/// the first.)
///
/// Owns the connections: dropping it closes them.
pub async fn serve(listener: TcpListener, stop: impl Future<Output = ()>) {
    // Closing the channel tells the connections. Nothing is ever sent.
    let (running, stopped) = channel::bounded::<Infallible>(1);
    let connections = task_group(async |group: TaskGroup<Infallible>| {
        future::or(stop, accept(listener, group, stopped.clone())).await;
        running.close();
        Ok(()) // and the group waits for the connections
    });
    let time_limit = async {
        let _ = stopped.recv().await;
        Timer::after(STOP_LIMIT).await;
    };
    future::or(async { drop(connections.await) }, time_limit).await;
}

async fn accept(
    listener: TcpListener,
    group: TaskGroup<'_, Infallible>,
    stopped: Receiver<Infallible>,
) {
    let mut complained: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = AssertUnwindSafe(connection(stream, stopped.clone()));
                let connection = async {
                    // A panic is reported by the panic hook, and ends this connection only.
                    drop(connection.catch_unwind().await);
                    Ok(())
                };
                // Refused only when the group is being dropped, and this with it.
                let _ = group.spawn(connection);
                // The others have a turn, also when clients come by the thousand.
                future::yield_now().await;
            }
            Err(error) => {
                if complained.is_none_or(|then| then.elapsed() > COMPLAIN_EVERY) {
                    complained = Some(Instant::now());
                    let program = env!("CARGO_CRATE_NAME");
                    let _ = writeln!(
                        io::stderr(),
                        "{program}: cannot accept a connection: {error}"
                    );
                }
                Timer::after(PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, stopped: Receiver<Infallible>) {
    let _ = stream.set_nodelay(true); // if not, answers are slower
    // `None` while a request is running.
    let silent_since = Cell::new(Some(Instant::now()));
    let service = service_fn(|request| {
        let silent_since = &silent_since;
        async move {
            silent_since.set(None);
            let response = answer(&request).await;
            silent_since.set(Some(Instant::now()));
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(HyperIo::new(stream.clone()), service)
    );
    // hyper has a limit of its own, but not for clients that do not read.
    let mut given_up = pin!(async {
        loop {
            match silent_since.get() {
                Some(since) if since.elapsed() >= SILENCE_LIMIT => break,
                Some(since) => Timer::at(since + SILENCE_LIMIT).await,
                None if has_gone(&stream).await => break,
                None => Timer::after(SILENCE_LIMIT).await,
            };
        }
    });
    // How a connection ends is the client's business.
    let ended = async {
        drop(connection.as_mut().await);
        false
    };
    let cut_off = async {
        given_up.as_mut().await;
        false
    };
    let told_to_stop = async {
        let _ = stopped.recv().await;
        // With a timer that is over the loop has turned, and hyper been told of what lies there already.
        Timer::after(Duration::from_millis(1)).await;
        true
    };
    if future::or(ended, future::or(cut_off, told_to_stop)).await {
        connection.as_mut().graceful_shutdown();
        // A request that lies there already is taken, and a running one gets its answer.
        let ended = poll_once(connection.as_mut()).await;
        if ended.is_none() && silent_since.get().is_none() {
            future::or(async { drop(connection.await) }, given_up).await;
        }
    }
}

/// Whether the client has closed its end. hyper looks for that, too, but not beyond a byte that it has not
/// taken yet.
async fn has_gone(stream: &TcpStream) -> bool {
    matches!(poll_once(stream.peek(&mut [0])).await, Some(Ok(0) | Err(_)))
}

async fn answer(request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    let number = path.strip_prefix('/').unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if path != "/error" && !is_number {
        return response(StatusCode::NOT_FOUND, "not found");
    }
    if request.method() != Method::GET {
        let mut response = response(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed");
        let allow = HeaderValue::from_static("GET");
        response.headers_mut().insert(ALLOW, allow);
        return response;
    }
    if path == "/error" {
        Timer::after(Duration::from_secs(3)).await;
        return response(StatusCode::OK, "error!");
    }
    match number.parse() {
        Ok(seconds) if seconds <= LONGEST => {
            Timer::after(Duration::from_secs(seconds)).await;
            response(StatusCode::OK, format!("{seconds} It works"))
        }
        _ => {
            let text = format!("at most {LONGEST} seconds");
            response(StatusCode::BAD_REQUEST, text)
        }
    }
}

fn response(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(text.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
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
