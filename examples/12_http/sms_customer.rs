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
//! `cargo add redis --no-default-features --features smol-comp`,
//! `cargo add rustix --features net,process`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`;
//! `client.rs`, `hyper_io.rs` and `service.rs` beside it; `11_queue/jobs.rs` and
//! `11_queue/redis_jobs.rs` beside `src`.

mod client;
mod hyper_io;
#[path = "../11_queue/jobs.rs"]
mod jobs;
#[path = "../11_queue/redis_jobs.rs"]
mod redis_jobs;
mod service;

use asyncio_to_smol::loop_thread::LoopThread;
use asyncio_to_smol::task_group::{TaskGroup, task_group};
use asyncio_to_smol::timeout::timeout;
use client::{Answer, Client};
use jobs::{Error, Job, Queue, Source, complain, count_jobs, print};
use lexopt::{Arg::Long, Parser, ValueExt};
use smol::future;
use smol::lock::Semaphore;
use smol::net::Ipv4Addr;
use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How many requests run at the same time.
const AT_ONCE: usize = 64;
/// How much longer than it is to wait the server may take.
const MARGIN: Duration = Duration::from_secs(10);
/// How many errors are listed at the end.
const LISTED: usize = 100;

/// Fails unless the answer comes in time and means success.
async fn fetch(client: &Client, path: &str, seconds: u64) -> Result<Answer, Error> {
    let limit = Duration::from_secs(seconds).saturating_add(MARGIN);
    match timeout(limit, client.get(path)).await {
        Ok(answer) => match answer? {
            (status, text) if status.is_success() => Ok((status, short(&text))),
            (status, text) => Err(format!("{status}: {}", short(&text)).into()),
        },
        Err(_) => Err(format!("no answer within {} s", limit.as_secs()).into()),
    }
}

/// What goes to the terminal of what a server says.
fn short(text: &str) -> String {
    let start = text.chars().take(200);
    start
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Runs on the other thread. Returns the error of the request, if it has failed; its own error is that of
/// standard output, which ends the program.
async fn do_some_work(client: Arc<Client>, job: Job) -> Result<Option<Error>, Error> {
    let seconds = job.seconds;
    print(format_args!("Waiting {seconds}"))?;
    match fetch(&client, &format!("/{seconds}"), seconds).await {
        Ok((status, text)) => {
            print(format_args!("{}\n{text}\nDone {seconds}", status.as_u16()))?;
            job.done();
            Ok(None)
        }
        Err(error) => {
            print(format_args!("Failed {seconds}: {error}"))?;
            // Reported to the server, if it can hear it.
            match fetch(&client, "/error", 3).await {
                Ok((status, text)) => print(format_args!("{}\n{text}", status.as_u16()))?,
                Err(error) => print(error)?,
            }
            job.fail();
            Ok(Some(format!("job {seconds}: {error}").into()))
        }
    }
}

/// The errors of requests, on their way to the end of the program.
#[derive(Default)]
struct Failures {
    count: usize,
    /// The first of them.
    listed: Vec<Error>,
}

impl Failures {
    fn add(&mut self, error: Error) {
        self.count += 1;
        if self.listed.len() < LISTED {
            self.listed.push(error);
        }
    }

    /// Lists them, and says whether there are any.
    fn report(self) -> bool {
        self.listed.iter().for_each(complain);
        let more = match self.count - self.listed.len() {
            0 => String::new(),
            more => format!(", {more} more than these"),
        };
        if self.count > 0 {
            complain(format_args!("{} failed{more}", count_jobs(self.count)));
        }
        self.count > 0
    }
}

/// Takes jobs and hands them over. Returns when there will be no more and all have been dealt with.
async fn master(queue: &Queue, client: Client, failures: &RefCell<Failures>) -> Result<(), Error> {
    let client = Arc::new(client);
    let other = LoopThread::start()?;
    let places = Semaphore::new(AT_ONCE);
    task_group(async |group: TaskGroup<Error>| {
        let mut jobs = queue.jobs();
        loop {
            let place = places.acquire().await;
            let Some(job) = jobs.take().await? else {
                return Ok(());
            };
            let work = other.spawn(do_some_work(Arc::clone(&client), job));
            group.spawn(async {
                let _place = place;
                if let Some(error) = work.await?? {
                    failures.borrow_mut().add(error);
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
    failures: &RefCell<Failures>,
) -> Result<(), Error> {
    match server {
        Some(client) => master(queue, client, failures).await,
        None => {
            service::raise_open_files_limit(); // both ends of each connection are in here
            let listener = service::listen((Ipv4Addr::LOCALHOST, 0)).await?;
            let client = Client::new(&format!("http://{}", listener.local_addr()?))?;
            let server = async {
                service::serve(listener, future::pending()).await;
                Ok(()) // not before it is told to stop, which it is not: it is dropped
            };
            future::or(master(queue, client, failures), server).await
        }
    }
}

fn arguments() -> Result<(Source, Option<Client>), lexopt::Error> {
    let mut source = Source::from_env();
    let mut server = None;
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("redis") => source.redis = Some(parser.value()?.string()?),
            Long("queue") => source.queue = parser.value()?.string()?,
            Long("server") => server = Some(parser.value()?.parse_with(Client::new)?),
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
    let work = async |queue: &Queue| run(queue, server, &failures).await;
    let result = smol::block_on(jobs::consume(&source, work));
    let some_failed = failures.into_inner().report();
    match result {
        Ok(()) if some_failed => ExitCode::FAILURE,
        result => jobs::exit_code(result),
    }
}
