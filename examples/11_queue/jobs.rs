//! The source of the jobs of chapters 11 and 12: typed numbers, or a stream of a Redis server.
//!
//! This file has the typed half and the shared part; the Redis half is `redis_jobs.rs`.

use crate::redis_jobs::{RedisQueue, Source};
use asyncio_to_smol::interrupt::{Interrupted, Interrupts};
use asyncio_to_smol::stdin::Stdin;
use smol::channel::{self, Receiver, Sender};
use smol::stream::StreamExt;
use smol::{Timer, future};
use std::io::{self, Write};
use std::time::Duration;

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The outcome of a job: done, or failed for this reason and not retried. `None`: it goes back to the queue.
pub type Outcome = Option<Result<(), String>>;

/// A number of seconds to work for. When it is dropped, its outcome goes to the queue.
pub struct Job {
    pub seconds: u64,
    pub outcome: Outcome,
    end: Box<dyn FnMut(Outcome) + Send>,
}

impl Job {
    /// `end` is called once, on the thread where the job is dropped.
    pub fn new(seconds: u64, end: impl FnMut(Outcome) + Send + 'static) -> Job {
        Job {
            seconds,
            outcome: None,
            end: Box::new(end),
        }
    }

    pub fn done(mut self) {
        self.outcome = Some(Ok(()));
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        (self.end)(self.outcome.take());
    }
}

/// Calls `work` with the jobs, until it returns or fails, or Ctrl-C comes. `Some` if it was Ctrl-C. At Ctrl-C no
/// new jobs come, and `work` has 5 seconds to finish those it has. Then it is dropped, and unfinished jobs go back
/// to the queue. At most `at_once` jobs are taken from Redis at a time.
pub async fn consume(
    source: Source,
    at_once: usize,
    work: impl AsyncFnOnce(&Receiver<Job>) -> Result<(), Error>,
) -> Result<Option<Interrupted>, Error> {
    let interrupts = Interrupts::listen();
    let url = source
        .redis
        .clone()
        .or_else(|| std::env::var("REDIS_URL").ok());
    let redis = match url {
        Some(url) => Some(RedisQueue::open(&url, &source, at_once).await?),
        None => None,
    };
    // At most this many typed numbers are read ahead.
    let (sender, jobs) = channel::bounded(100);
    let (give_back, given_back) = channel::unbounded();
    let feed = async {
        match &redis {
            Some(redis) => redis.serve(&sender).await,
            None => type_in(&sender, &give_back).await,
        }
    };
    let stop = async {
        interrupts.received().await;
        jobs.close();
        while jobs.try_recv().is_ok() {}
        Timer::after(Duration::from_secs(5)).await;
        Ok(())
    };
    let result = future::or(work(&jobs), future::or(feed, stop)).await;
    drop((sender, jobs, give_back));
    if let Some(redis) = redis {
        redis.close().await;
    }
    // Typed jobs end with the process. Waits until the last one has been dropped.
    let left: Vec<String> = given_back.map(|n: u64| n.to_string()).collect().await;
    if !left.is_empty() {
        complain(format_args!("not done: {}", left.join(" ")));
    }
    // A failure after Ctrl-C is part of the end.
    result.or_else(|error| interrupts.now().map(drop).ok_or(error))?;
    Ok(interrupts.now())
}

/// Numbers on standard input, one or more to a line. End of input ends the jobs.
async fn type_in(jobs: &Sender<Job>, give_back: &Sender<u64>) -> Result<(), Error> {
    let mut lines = Stdin::open()?;
    while let Some(line) = lines.next().await {
        for word in line?.split(u8::is_ascii_whitespace) {
            let back = give_back.clone();
            match seconds(word) {
                Ok(_) if jobs.is_closed() => return future::pending().await,
                Ok(n) => {
                    let end = move |end: Outcome| _ = end.is_none().then(|| back.try_send(n));
                    // Refused after Ctrl-C: then the job is not done.
                    let _ = jobs.send(Job::new(n, end)).await;
                }
                Err(_) if word.is_empty() => {}
                Err(complaint) => complain(complaint),
            }
        }
    }
    jobs.close();
    future::pending().await
}

/// Parses a job: a natural number, with or without space around it.
pub fn seconds(text: &[u8]) -> Result<u64, String> {
    let text = text.trim_ascii();
    let number = std::str::from_utf8(text)
        .ok()
        .filter(|text| !text.starts_with('+'));
    number.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let start = text[..text.len().min(40)].escape_ascii();
        let more = if text.len() > 40 { "…" } else { "" };
        format!("\"{start}{more}\": expected a natural number of seconds below 2^64")
    })
}

/// Prints one line on standard error, if that is possible.
pub fn complain(message: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{}: {message}", env!("CARGO_CRATE_NAME"));
}

/// `println!` that fails instead of panicking when the output is closed. In a single write: other threads print,
/// too.
pub fn print(text: impl std::fmt::Display) -> io::Result<()> {
    let printed = io::stdout().write_all(format!("{text}\n").as_bytes());
    printed.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
}
