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
//! | does not take its answers | cut off after 10 to 20 s, when there is no more room for them |
//! | sends more than 16 KiB of headers, or more than 100 of them | answered 431, and cut off |
//! | goes away while its request waits | noticed; the waiting ends |
//! | is one too many for the system's limit of open files | not accepted until another one has gone |

#![allow(dead_code, reason = "sms_customer does not raise the limit")]

use asyncio_to_smol::task_group::{TaskGroup, task_group};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use smol::channel::{self, Receiver};
use smol::net::{AsyncToSocketAddrs, TcpListener, TcpStream};
use smol::{Timer, future};
use smol_hyper::rt::FuturesIo;
use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, Write};
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

/// Serves until `stop` is ready. Then accepts no more, and lets the requests that are running end, for up
/// to 5 seconds.
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
    let mut complained = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                complained = false;
                // Refused only when the group is being dropped, and this with it.
                let _ = group.spawn(connection(stream, stopped.clone()));
                // The others have a turn, also when clients come by the thousand.
                future::yield_now().await;
            }
            Err(error) => {
                if !complained {
                    complained = true;
                    let _ = writeln!(io::stderr(), "cannot accept a connection: {error}");
                }
                Timer::after(PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, stopped: Receiver<Infallible>) -> Result<(), Infallible> {
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
            .serve_connection(FuturesIo::new(stream), service)
    );
    let mut too_silent = pin!(async {
        loop {
            let since = silent_since.get().unwrap_or_else(Instant::now);
            if since.elapsed() >= SILENCE_LIMIT {
                break;
            }
            Timer::at(since + SILENCE_LIMIT).await;
        }
    });
    // How a connection ends is the client's business.
    let ended = async { drop(connection.as_mut().await) };
    let go_on = future::or(ended, too_silent.as_mut());
    let told_to_stop = future::or(
        async {
            go_on.await;
            false
        },
        async {
            let _ = stopped.recv().await;
            true
        },
    );
    if told_to_stop.await {
        // Ends at once if no request is running, and otherwise with its answer.
        connection.as_mut().graceful_shutdown();
        future::or(async { drop(connection.await) }, too_silent).await;
    }
    Ok(())
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
        let current = limit.maximum;
        // If it is refused, there are fewer.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    }
}
