//! Where the jobs of chapters 11 and 12 come from: numbers that are typed, or a stream of a Redis server.
//!
//! This is the typed half, and what both halves share; the Redis half is `redis_jobs.rs`.

use crate::redis_jobs::RedisQueue;
use asyncio_to_smol::interrupt::{Interrupted, Interrupts};
use asyncio_to_smol::stdin::Stdin;
use smol::channel::{self, Receiver, Sender};
use smol::stream::StreamExt;
use smol::{Timer, future};
use std::fmt::Display;
use std::io::{self, Write};
use std::num::NonZero;
use std::time::Duration;
use std::{env, str};

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How many typed numbers are read ahead. Then reading waits for the jobs to be taken.
const READ_AHEAD: usize = 1000;
/// How long running jobs may go on after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// What of the command line says where the jobs come from.
#[derive(Default)]
pub struct Source {
    /// The address of a Redis server. Without it, or `REDIS_URL`, the jobs are typed.
    pub redis: Option<String>,
    /// The name of the stream there: `queue`.
    pub queue: Option<String>,
    /// After how many seconds without a word a worker is taken for dead: 10.
    pub lease: Option<NonZero<u32>>,
}

pub const OPTIONS: &str = "[--redis redis://HOST:PORT/DB] [--queue NAME] [--lease SECONDS]";

/// What becomes of a job: it is done, it is not to be tried again for this reason, or it goes back.
pub type Outcome = Option<Result<(), String>>;

/// A number of seconds to work for.
///
/// [`done`](Job::done) and [`fail`](Job::fail) take it off the queue for good. Dropping it without either, as
/// when the task that works on it is cancelled, gives it back.
pub struct Job {
    pub seconds: u64,
    outcome: Outcome,
    end: Option<Box<dyn FnOnce(Outcome) + Send>>,
}

impl Job {
    /// `end` is called on the thread where the job ends.
    pub fn new(seconds: u64, end: impl FnOnce(Outcome) + Send + 'static) -> Job {
        let (outcome, end) = (None, Some(Box::new(end) as _));
        Job {
            seconds,
            outcome,
            end,
        }
    }

    pub fn done(mut self) {
        self.outcome = Some(Ok(()));
    }

    /// It was tried, and is not to be tried again. Redis keeps it, with the reason, in `queue:dead`.
    #[allow(dead_code, reason = "for sms_customer")]
    pub fn fail(mut self, reason: impl Display) {
        self.outcome = Some(Err(reason.to_string()));
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end(self.outcome.take());
        }
    }
}

/// Calls `work` with the jobs, until it returns or fails, or Ctrl-C comes. `Some` if it was Ctrl-C.
///
/// At Ctrl-C the jobs end, and `work` may go on for 5 seconds with those it has. Then it is dropped, and what is
/// not done is given back. At most `at_once` jobs are taken from Redis at a time.
pub async fn consume(
    source: Source,
    at_once: usize,
    work: impl AsyncFnOnce(&Receiver<Job>) -> Result<(), Error>,
) -> Result<Option<Interrupted>, Error> {
    let interrupts = Interrupts::listen();
    let from_env = env::var("REDIS_URL").ok().filter(|url| !url.is_empty());
    let redis = match source.redis.as_ref().or(from_env.as_ref()) {
        Some(url) => Some(RedisQueue::open(url, &source).await?),
        None => None,
    };
    let (sender, jobs) = channel::bounded(READ_AHEAD);
    let (give_back, given_back) = channel::unbounded();
    let feed = async {
        match &redis {
            Some(redis) => redis.serve(&sender, at_once).await,
            None => Ok(type_in(&sender, &give_back).await?),
        }
    };
    let stop = async {
        interrupts.received().await;
        jobs.close();
        while jobs.try_recv().is_ok() {}
        Timer::after(GRACE).await;
        Ok(())
    };
    let result = future::or(work(&jobs), future::or(feed, stop)).await;
    drop((sender, jobs, give_back));
    match redis {
        Some(redis) => redis.close().await,
        None => say_what_is_left(given_back).await,
    }
    match interrupts.now() {
        None => result.map(|()| None),
        interrupted => Ok(interrupted),
    }
}

/// Numbers on standard input, one or more to a line. End of input ends the jobs.
async fn type_in(jobs: &Sender<Job>, give_back: &Sender<u64>) -> io::Result<()> {
    let mut lines = Stdin::open()?;
    while let Some(line) = lines.next().await {
        let line = line?;
        for word in line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
        {
            let give_back = give_back.clone();
            match seconds(word) {
                Err(complaint) => complain(complaint),
                Ok(seconds) => drop(
                    jobs.send(Job::new(seconds, move |outcome| {
                        if outcome.is_none() {
                            let _ = give_back.try_send(seconds);
                        }
                    }))
                    .await,
                ),
            }
        }
    }
    jobs.close();
    future::pending().await
}

/// Says what was accepted and is not done: it ends with the process. Waits until the last job is dropped.
async fn say_what_is_left(given_back: Receiver<u64>) {
    let left: Vec<u64> = given_back.collect().await;
    if !left.is_empty() {
        let shown: String = left.iter().take(20).map(|n| format!(" {n}")).collect();
        let more = if left.len() > 20 { " …" } else { "" };
        complain(format_args!(
            "not done:{shown}{more} ({} in all)",
            left.len()
        ));
    }
}

/// What a job has to be: a natural number, with or without space around it.
pub fn seconds(text: &[u8]) -> Result<u64, String> {
    let text = text.trim_ascii();
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.filter(|_| digits).ok_or_else(|| {
        let start = text[..text.len().min(40)].escape_ascii();
        let rest = if text.len() > 40 { "…" } else { "" };
        let limit = if digits { " below 2^64" } else { "" };
        format!("\"{start}{rest}\": expected a natural number of seconds{limit}")
    })
}

/// Prints one line on standard error, if that is possible.
pub fn complain(message: impl Display) {
    let _ = writeln!(io::stderr(), "{}: {message}", env!("CARGO_CRATE_NAME"));
}

/// `println!` that fails instead of panicking when the output is closed. In one piece: other threads print, too.
pub fn print(text: impl Display) -> io::Result<()> {
    let printed = io::stdout().write_all(format!("{text}\n").as_bytes());
    printed.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
}

/// What the program reports of a task group that has failed.
pub fn first_of(group: asyncio_to_smol::task_group::ErrorGroup<Error>) -> Error {
    let first = group.into_iter().next();
    first.unwrap_or_else(|| "a task group has failed".into())
}
