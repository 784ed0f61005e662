//! Each job is an HTTP request, and what fails reaches the main thread.
//!
//! Ports: article B's `async-customer.py` (B14).
//!
//! Type `5`, `1` and `1`:
//!
//! ```text
//! $ cargo run --example sms_customer --features http,redis
//! 5
//! Waiting 5
//! 1
//! Waiting 1
//! 1
//! Waiting 1
//! 200
//! 1 It works
//! Done 1
//! 200
//! 1 It works
//! Done 1
//! 200
//! 5 It works
//! Done 5
//! ```
//!
//! The jobs come from the queue of chapter 11, typed or from Redis. The requests go to a server of its
//! own, or to the one that `--server http://127.0.0.1:5000` names, such as `sms_server`.
//!
//! A request has failed if the server cannot be reached, cuts the connection, takes 10 s longer than it is
//! to wait, or answers with another status than success. Then `/error` is asked, as in the article, and
//! what it says is printed. The article's author found no way to get the error to the main thread: here
//! the task returns it, and the handle of the other thread's loop brings it over. `main` lists the errors
//! at the end (the first 100), with exit status 1. A job that has failed is not tried again; Redis keeps
//! it in the list `queue:dead`.
//!
//! At most 64 requests run at a time; the other jobs stay in the queue. `aiohttp.ClientSession()` in the
//! article is a new one for every request, and so is its connection; here connections are used again.
//!
//! Ctrl-C cancels the requests and gives back their jobs; exit status 130.
//!
//! Who owns what: the group owns a future for every job, and a place among the 64 with it. The other
//! thread's loop owns the requests, and ends when `other` is dropped. The client owns its connections.
//!
//! asyncio: `aiohttp.ClientSession` (the crate hyper), `asyncio.run_coroutine_threadsafe`,
//! `asyncio.wait_for`, `asyncio.timeout`, `asyncio.Semaphore`, `asyncio.TaskGroup`,
//! `asyncio.wrap_future`, `KeyboardInterrupt`.
//! Node: `fetch` (the crate hyper), `http.request` (the crate hyper),
//! `http.Agent` ([`client.rs`](12_http/client.rs), on hyper), `AbortSignal.timeout`,
//! `process.on('SIGINT')`.
//! Paste: `cargo add fastrand http-body-util lexopt smol`,
//! `cargo add hyper --features client,http1,server`,
//! `cargo add redis --no-default-features --features smol-comp`, on Unix
//! `cargo add rustix --features net,process`; `client.rs`, `hyper_io.rs` and `service.rs` beside it;
//! `11_queue/jobs.rs` and `11_queue/redis_jobs.rs` beside `src`; the library's `calls.rs`,
//! `interrupt.rs`, `loop_thread.rs`, `panics.rs`, `queue.rs`, `run.rs`, `spawn.rs`, `stdin.rs`,
//! `task_group.rs`, `task_list.rs`, `tcp_stream.rs` and `timeout.rs` with
//! `cargo add async-channel async-executor async-io futures-lite pin-project-lite slab`,
//! `cargo add signal-hook --no-default-features`, on Unix `cargo add rustix --features event`, elsewhere
//! `cargo add blocking`. `just copy sms_customer DIR` does it.

mod client;
mod hyper_io;
#[path = "../11_queue/jobs.rs"]
mod jobs;
#[path = "../11_queue/redis_jobs.rs"]
mod redis_jobs;
mod service;

use asyncio_to_smol::task_group::{TaskGroup, task_group};
use asyncio_to_smol::timeout::timeout;
use client::Client;
use hyper_io::HyperIo;
use jobs::{Error, Job, Next, Queue, Source, complain, print};
use lexopt::{Arg::Long, Parser, ValueExt};
use smol::lock::Semaphore;
use smol::net::Ipv4Addr;
use smol::{Executor, channel, future};
use std::cell::RefCell;
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How many requests run at the same time.
const AT_ONCE: usize = 64;
/// How much longer than it is to wait the server may take.
const MARGIN: Duration = Duration::from_secs(10);
/// How many errors are listed at the end.
const LISTED: usize = 100;

/// The errors of requests, on their way to the end of the program.
#[derive(Default)]
struct Failures {
    count: usize,
    first: Vec<String>,
}

/// Status and text of an answer that comes in time and means success.
async fn fetch(client: &Client, path: &str, seconds: u64) -> Result<String, Error> {
    let limit = Duration::from_secs(seconds).saturating_add(MARGIN);
    let late = |_| format!("no answer within {} s", limit.as_secs());
    let (status, text) = timeout(limit, client.get(path)).await.map_err(late)??;
    // It goes to the terminal.
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().take(200).map(printable).collect();
    if !status.is_success() {
        return Err(format!("{status}: {text}").into());
    }
    Ok(format!("{}\n{text}", status.as_u16()))
}

/// Runs on the other thread. Returns the error of the request, if it has failed; its own error is that of
/// standard output, which ends the program.
async fn do_some_work(client: Arc<Client>, job: Job) -> Result<Option<String>, Error> {
    let seconds = job.seconds;
    print(format_args!("Waiting {seconds}"))?;
    let error = match fetch(&client, &format!("/{seconds}"), seconds).await {
        Ok(answer) => {
            print(format_args!("{answer}\nDone {seconds}"))?;
            job.done();
            return Ok(None);
        }
        Err(error) => error,
    };
    print(format_args!("Failed {seconds}: {error}"))?;
    // Reported to the server, if it can be reached.
    let report = fetch(&client, "/error", 3).await;
    print(report.unwrap_or_else(|error| error.to_string()))?;
    job.fail(&error);
    Ok(Some(format!("job {seconds}: {error}")))
}

/// Takes jobs and hands them over. Returns when there will be no more and all have been dealt with.
async fn master(
    queue: &Queue,
    client: Client,
    other: &Executor<'_>,
    failures: &RefCell<Failures>,
) -> Result<(), Error> {
    let client = Arc::new(client);
    let places = Semaphore::new(AT_ONCE);
    task_group(async |group: TaskGroup<Error>| {
        loop {
            let place = places.acquire().await;
            let Next::Job(job) = queue.take(true).await? else {
                return Ok(());
            };
            let work = other.spawn(do_some_work(Arc::clone(&client), job));
            group.spawn(async {
                let _place = place;
                if let Some(error) = work.await? {
                    let mut failures = failures.borrow_mut();
                    failures.count += 1;
                    failures.first.push(error);
                    failures.first.truncate(LISTED);
                }
                Ok(())
            })?;
        }
    })
    .await
    .map_err(jobs::first_of)
}

/// With a server of its own, on this thread, if there is no other.
async fn run(
    queue: &Queue,
    server: Option<Client>,
    other: &Executor<'_>,
    failures: &RefCell<Failures>,
) -> Result<(), Error> {
    if let Some(client) = server {
        return master(queue, client, other, failures).await;
    }
    service::raise_open_files_limit(); // both ends of each connection are in here
    let listener = service::listen((Ipv4Addr::LOCALHOST, 0)).await?;
    let client = Client::new(&format!("http://{}", listener.local_addr()?), HyperIo::new)?;
    let server = async {
        service::serve(listener, future::pending(), HyperIo::new).await;
        Ok(()) // not before it is told to stop, which it is not: it is dropped
    };
    future::or(master(queue, client, other, failures), server).await
}

fn arguments() -> Result<(Source, Option<Client>), lexopt::Error> {
    let (mut source, mut server) = (Source::from_env(), None);
    let client = |url: &str| Client::new(url, HyperIo::new);
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("redis") => source.redis = Some(parser.value()?.string()?),
            Long("queue") => source.queue = parser.value()?.string()?,
            Long("lease") => source.lease = parser.value()?.parse()?,
            Long("server") => server = Some(parser.value()?.parse_with(client)?),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok((source, server))
}

fn main() -> ExitCode {
    let (source, server) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return jobs::usage("[--server http://HOST:PORT]", &error),
    };
    // They outlive the work: they are listed after Ctrl-C, too.
    let failures = RefCell::default();
    let other = Executor::new();
    let result = thread::scope(|scope| {
        // Closed at the end, by a panic, too: that ends the other thread, and `scope` waits for it.
        let (_running, stopped) = channel::bounded::<Infallible>(1);
        scope.spawn(|| smol::block_on(other.run(async move { stopped.recv().await })));
        let work = async |queue: &Queue| run(queue, server, &other, &failures).await;
        smol::block_on(jobs::consume(&source, work))
    });
    let Failures { count, first } = failures.into_inner();
    first.iter().for_each(complain);
    if count > 0 {
        let jobs = if count == 1 { "job" } else { "jobs" };
        complain(format_args!("{count} {jobs} failed"));
    }
    match result {
        Ok(None) if count > 0 => ExitCode::FAILURE,
        result => jobs::exit_code(result),
    }
}
