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
//! The jobs come from the queue of chapter 11, typed or from Redis. The requests go to a built-in server, or to
//! that of `--server http://127.0.0.1:5000`, such as `sms_server`.
//!
//! A request has failed if the server cannot be reached, cuts the connection, takes 10 s longer than its delay, or
//! does not answer with success. Then the program requests `/error`, as in the article, and prints the answer. The
//! article's author found no way to get the error to the main thread: here the task returns it, and awaiting the
//! task gives the error or resumes a panic. `main` lists the errors at the end (the first 100), with exit status
//! 1. A failed job is not retried; Redis keeps it, with the reason, in the stream `queue:dead`.
//!
//! At most 64 requests run at a time; the other jobs stay in the queue. `aiohttp.ClientSession()` in the
//! article is a new one for every request, and so is its connection; here connections are used again.
//!
//! At Ctrl-C the program takes no more jobs. Running requests have 5 seconds; then they are cancelled, and their
//! jobs go back to the queue. Exit status 130.
//!
//! Of the library it uses `stdin` and `interrupt` in `jobs.rs`, `task_group`, whose first failure ends the
//! others, `timeout`, since smol has none, and `tcp_stream`, which saves a sixth of the CPU.
//!
//! Who owns what: `main` owns the executor, and `thread::scope` joins the thread that runs it. The group owns the
//! handle of every task on that thread, and dropping the group cancels them. The client owns its connections.
//!
//! asyncio: `aiohttp.ClientSession` (the crate hyper), `asyncio.run_coroutine_threadsafe`
//! (`smol::Executor::spawn`), `asyncio.wait_for`, `asyncio.timeout`,
//! `asyncio.TaskGroup`, `asyncio.wrap_future` (`smol::Task`), `KeyboardInterrupt`.
//! Node: `fetch` (the crate hyper), `http.request` (the crate hyper),
//! `http.Agent` ([`client.rs`](12_http/client.rs), on hyper), `AbortSignal.timeout`,
//! `process.on('SIGINT')`.
//! Paste: `cargo add fastrand http-body-util lexopt smol smol-hyper`,
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

use asyncio_to_smol::interrupt::Interrupted;
use asyncio_to_smol::task_group::{TaskGroup, task_group};
use asyncio_to_smol::tcp_stream::TcpStream;
use asyncio_to_smol::timeout::timeout;
use jobs::{Error, Job, complain, print};
use lexopt::{Arg::Long, Parser, ValueExt};
use smol::channel::{self, Receiver};
use smol::{Executor, block_on, future};
use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

/// How many requests run at the same time.
const AT_ONCE: usize = 64;

type Client = client::Client<TcpStream>;

/// The number of failed jobs, and the errors of the first 100.
type Failures = RefCell<(usize, Vec<String>)>;

/// Status and text of an answer that comes in time and means success.
async fn fetch(client: &Client, path: &str, seconds: u64) -> Result<String, Error> {
    // The server's delay, and 10 seconds more.
    let limit = std::time::Duration::from_secs(seconds.saturating_add(10));
    let late = |_| format!("no answer within {} s", limit.as_secs());
    let (status, text) = timeout(limit, client.get(path)).await.map_err(late)??;
    // It goes to the terminal.
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().take(200).map(printable).collect();
    match status.is_success() {
        true => Ok(format!("{}\n{text}", status.as_u16())),
        false => Err(format!("{status}: {text}").into()),
    }
}

/// Runs on the other thread. Returns the error of the request, if it has failed; its own error is that of
/// standard output, which ends the program.
async fn do_some_work(client: Arc<Client>, mut job: Job) -> Result<Option<String>, Error> {
    let seconds = job.seconds;
    print(format_args!("Waiting {seconds}"))?;
    match fetch(&client, &format!("/{seconds}"), seconds).await {
        Ok(answer) => {
            print(format_args!("{answer}\nDone {seconds}"))?;
            job.done();
            Ok(None)
        }
        Err(error) => {
            print(format_args!("Failed {seconds}: {error}"))?;
            // Reported to the server, if it can be reached.
            let report = fetch(&client, "/error", 3).await;
            print(report.unwrap_or_else(|error| error.to_string()))?;
            job.outcome = Some(Err(error.to_string())); // not retried
            Ok(Some(format!("job {seconds}: {error}")))
        }
    }
}

/// Takes jobs and hands them over, 64 at a time. Returns when the source has ended and all jobs are done.
async fn master(
    jobs: &Receiver<Job>,
    client: Arc<Client>,
    other: &Executor<'_>,
    failures: &Failures,
) -> Result<(), Error> {
    let all = task_group(async |group: TaskGroup<Error>| {
        for _ in 0..AT_ONCE {
            group.spawn(async {
                while let Ok(job) = jobs.recv().await {
                    let work = other.spawn(do_some_work(Arc::clone(&client), job));
                    // Passes on an error or a panic of the other thread.
                    if let Some(error) = work.await? {
                        let (count, first) = &mut *failures.borrow_mut();
                        *count += 1;
                        first.push(error);
                        first.truncate(100);
                    }
                }
                Ok(())
            });
        }
        Ok(())
    });
    all.await.map_err(|errors| format!("{errors:#}").into())
}

/// Starts a server on this thread, unless the command line names one.
async fn run(other: &Executor<'_>, failures: &Failures) -> Result<Option<Interrupted>, Error> {
    let (mut source, mut server) = (redis_jobs::Source::default(), None);
    let client = |url: &str| Client::new(url, TcpStream::new).map(Arc::new);
    let mut arguments = Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("redis") => source.redis = Some(arguments.value()?.string()?),
            Long("queue") => source.queue = Some(arguments.value()?.string()?),
            Long("server") => server = Some(arguments.value()?.parse_with(client)?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let work = async |jobs: &Receiver<Job>| {
        if let Some(client) = server {
            return master(jobs, client, other, failures).await;
        }
        service::raise_open_files_limit(); // both ends of each connection are in here
        let listener = service::listen("127.0.0.1:0").await?;
        let client = client(&format!("http://{}", listener.local_addr()?))?;
        let serve = service::serve(listener, future::pending(), TcpStream::new);
        let work = master(jobs, client, other, failures);
        future::or(work, async { Ok(serve.await?) }).await // dropped, not stopped gracefully
    };
    jobs::consume(source, AT_ONCE, work).await
}

fn main() -> ExitCode {
    // Outlives the work: the errors are listed after Ctrl-C, too.
    let failures = Failures::default();
    let other = &Executor::new();
    let result = thread::scope(|scope| {
        // Closed however this scope ends: then the other thread ends.
        let (_running, stopped) = channel::bounded::<()>(1);
        thread::Builder::new().spawn_scoped(scope, move || block_on(other.run(stopped.recv())))?;
        block_on(run(other, &failures))
    });
    let (count, first) = failures.into_inner();
    first.iter().for_each(complain);
    if count > 0 {
        let jobs = if count == 1 { "job" } else { "jobs" };
        complain(format_args!("{count} {jobs} failed"));
    }
    ExitCode::from(match result {
        Ok(None) => u8::from(count > 0),
        Ok(Some(interrupted)) => interrupted.exit_status(),
        Err(error) if error.is::<lexopt::Error>() => {
            let usage = "sms_customer [--server URL] [--redis URL] [--queue NAME]";
            complain(format_args!("{error}; usage: {usage}"));
            2
        }
        Err(error) => {
            complain(error);
            1
        }
    })
}
