//! Where the jobs of chapters 11 and 12 come from: numbers typed, or a list of a Redis server.
//!
//! Shared by the examples beside it and by `sms_customer`. The Redis half is in `redis_jobs.rs`.
#![allow(dead_code, reason = "each example uses a part of this")]

use crate::redis_jobs::{RedisJobs, RedisQueue};
use asyncio_to_smol::interrupt::{Interrupted, Interrupts};
use asyncio_to_smol::queue::{self, GetError};
use asyncio_to_smol::stdin::Stdin;
use asyncio_to_smol::task_group::ErrorGroup;
use smol::future;
use smol::stream::StreamExt;
use std::fmt::Display;
use std::io::{self, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, str};

/// Errors on their way to [`exit_code`], which prints them.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How many typed numbers are read ahead. Then reading waits for the jobs to be taken.
const READ_AHEAD: usize = 1000;

/// Where the jobs are to come from.
pub struct Source {
    /// The address of a Redis server; without it they are typed.
    pub redis: Option<String>,
    /// The name of the list there.
    pub queue: String,
}

impl Source {
    /// What holds without arguments: `REDIS_URL`, if it is set, and a list called `queue`.
    pub fn from_env() -> Source {
        Source {
            redis: env::var("REDIS_URL").ok().filter(|url| !url.is_empty()),
            queue: "queue".to_string(),
        }
    }
}

/// A number of seconds to work for.
///
/// It is taken off the queue for good by [`done`](Job::done) or [`fail`](Job::fail). Dropping it without
/// that, as when the task that works on it is cancelled, gives it back.
pub struct Job {
    pub seconds: u64,
    end: Option<Box<dyn FnOnce(End) + Send>>,
}

/// What becomes of a job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    /// Not to be tried again.
    Failed,
    GivenBack,
}

impl Job {
    /// `end` is called once, on whichever thread the job ends.
    pub fn new(seconds: u64, end: impl FnOnce(End) + Send + 'static) -> Job {
        let end = Some(Box::new(end) as _);
        Job { seconds, end }
    }

    pub fn done(mut self) {
        self.end(End::Done);
    }

    /// It was tried, and is not to be tried again. Redis keeps it, in the list `queue:dead`.
    pub fn fail(mut self) {
        self.end(End::Failed);
    }

    fn end(&mut self, how: End) {
        if let Some(end) = self.end.take() {
            end(how);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.end(End::GivenBack); // if it has not ended yet
    }
}

/// What a job has to be: a natural number, with or without space around it.
pub fn seconds(text: &[u8]) -> Result<u64, String> {
    const LONGEST: usize = 40;
    let text = text.trim_ascii();
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    if let (true, Some(number)) = (digits, number) {
        return Ok(number);
    }
    let quoted = match text.get(..LONGEST) {
        None => format!("\"{}\"", text.escape_ascii()),
        Some(start) => format!("\"{}\"… ({} bytes)", start.escape_ascii(), text.len()),
    };
    let limit = if digits { " below 2^64" } else { "" };
    Err(format!(
        "{quoted}: expected a natural number of seconds{limit}"
    ))
}

/// `1 job`, `2 jobs`.
pub fn count_jobs(n: usize) -> String {
    format!("{n} {}", if n == 1 { "job" } else { "jobs" })
}

/// Calls `work` with the queue, until it returns, something fails, or Ctrl-C comes.
///
/// Then drops `work`, which gives back the jobs that it has not done, and waits until they are back.
pub async fn consume(
    source: &Source,
    work: impl AsyncFnOnce(&Queue) -> Result<(), Error>,
) -> Result<(), Stop> {
    let interrupts = Interrupts::listen();
    let open = async { Ok(Queue::open(source).await?) };
    let queue = future::or(open, interrupted(&interrupts)).await?;

    // What must go on beside the work: reading input, or talking to Redis.
    let mut background = queue.background();
    let failed = async { Err(Stop::Failed(background.as_mut().await)) };
    let worked = async { Ok(work(&queue).await?) };
    let result = future::or(worked, future::or(failed, interrupted(&interrupts))).await;
    drop(background);
    queue.close().await;
    // It may have come in the meantime.
    match interrupts.now() {
        Some(interrupted) => Err(Stop::Interrupted(interrupted)),
        None => result,
    }
}

/// What the program reports of a task group that has failed.
pub fn first_of(group: ErrorGroup<Error>) -> Error {
    let first = group.into_iter().next();
    first.unwrap_or_else(|| "a task group has failed".into())
}

async fn interrupted<T>(interrupts: &Interrupts) -> Result<T, Stop> {
    Err(Stop::Interrupted(interrupts.received().await))
}

/// Why a program that consumes jobs has ended before they did.
pub enum Stop {
    Interrupted(Interrupted),
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Failed(error.into())
    }
}

/// The one place that reports why a program has ended.
pub fn exit_code(result: Result<(), Stop>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Interrupted(interrupted)) => interrupted.into(),
        Err(Stop::Failed(error)) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

/// Reports a command line that is not understood.
pub fn usage(options: &str, error: &lexopt::Error) -> ExitCode {
    let program = env!("CARGO_CRATE_NAME");
    complain(format_args!(
        "{error}; usage: {program} {options} [--redis redis://HOST:PORT/DB] [--queue NAME]"
    ));
    ExitCode::from(2)
}

/// Prints one line on standard error. There is nobody left to tell if that fails.
pub fn complain(message: impl Display) {
    let _ = writeln!(io::stderr(), "{}: {message}", env!("CARGO_CRATE_NAME"));
}

/// `println!` that fails instead of panicking when nobody reads the output any more.
///
/// In one piece: other threads print, too.
pub fn print(text: impl Display) -> io::Result<()> {
    let text = format!("{text}\n");
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
}

/// The jobs that are to be done.
pub enum Queue {
    Typed(TypedQueue),
    Redis(Box<RedisQueue>),
}

impl Queue {
    async fn open(source: &Source) -> Result<Queue, Error> {
        match &source.redis {
            None => Ok(Queue::Typed(TypedQueue::new())),
            Some(url) => {
                let queue = RedisQueue::open(url, &source.queue).await?;
                Ok(Queue::Redis(Box::new(queue)))
            }
        }
    }

    /// A consumer of the queue. Each takes one job at a time; there can be any number of them.
    pub fn jobs(&self) -> Jobs<'_> {
        match self {
            Queue::Typed(queue) => Jobs::Typed(&queue.jobs, Arc::clone(&queue.unfinished)),
            Queue::Redis(queue) => Jobs::Redis(queue.jobs()),
        }
    }

    fn background(&self) -> Pin<Box<dyn Future<Output = Error> + '_>> {
        match self {
            Queue::Typed(queue) => Box::pin(queue.read()),
            Queue::Redis(queue) => Box::pin(queue.keep()),
        }
    }

    async fn close(self) {
        match self {
            Queue::Typed(queue) => queue.close(),
            Queue::Redis(queue) => queue.close().await,
        }
    }
}

/// A consumer of a [`Queue`].
pub enum Jobs<'a> {
    Typed(&'a queue::Queue<u64>, Arc<Mutex<Vec<u64>>>),
    Redis(RedisJobs<'a>),
}

/// What a consumer finds when it does not wait.
pub enum Next {
    Job(Job),
    /// None at the moment.
    Empty,
    /// There will be none any more.
    End,
}

impl Jobs<'_> {
    /// Waits for a job. `None` if there will be none any more.
    ///
    /// Dropping the future loses no job.
    pub async fn take(&mut self) -> Result<Option<Job>, Error> {
        match self {
            Jobs::Typed(jobs, unfinished) => {
                Ok(jobs.get().await.ok().map(|n| typed(n, unfinished)))
            }
            Jobs::Redis(jobs) => jobs.take().await.map(Some),
        }
    }

    /// A job, if there is one now.
    pub async fn try_take(&mut self) -> Result<Next, Error> {
        match self {
            Jobs::Typed(jobs, unfinished) => Ok(match jobs.get_nowait() {
                Ok(n) => Next::Job(typed(n, unfinished)),
                Err(GetError::Empty) => Next::Empty,
                Err(GetError::Closed) => Next::End,
            }),
            Jobs::Redis(jobs) => Ok(jobs.try_take().await?.map_or(Next::Empty, Next::Job)),
        }
    }
}

/// Numbers typed on standard input, one or more to a line. End of input ends the queue.
pub struct TypedQueue {
    jobs: queue::Queue<u64>,
    unfinished: Arc<Mutex<Vec<u64>>>,
}

fn typed(seconds: u64, unfinished: &Arc<Mutex<Vec<u64>>>) -> Job {
    let unfinished = Arc::clone(unfinished);
    Job::new(seconds, move |end| {
        if end == End::GivenBack {
            let mut unfinished = unfinished.lock().unwrap_or_else(PoisonError::into_inner);
            unfinished.push(seconds);
        }
    })
}

impl TypedQueue {
    fn new() -> TypedQueue {
        TypedQueue {
            jobs: queue::Queue::bounded(READ_AHEAD),
            unfinished: Arc::default(),
        }
    }

    /// Returns only if standard input cannot be read.
    async fn read(&self) -> Error {
        match self.read_to_the_end().await {
            Err(error) => error.into(),
            Ok(()) => {
                self.jobs.close();
                future::pending().await
            }
        }
    }

    async fn read_to_the_end(&self) -> io::Result<()> {
        let mut lines = Stdin::open()?;
        while let Some(line) = lines.next().await {
            for word in line?.split(u8::is_ascii_whitespace) {
                match seconds(word) {
                    // Never refused: it is closed only after this.
                    Ok(n) => self.jobs.put(n).await.unwrap_or_default(),
                    Err(_) if word.is_empty() => {}
                    Err(complaint) => complain(complaint),
                }
            }
        }
        Ok(())
    }

    /// The queue ends with the process: says what was accepted and is not done.
    fn close(self) {
        const MOST: usize = 20;
        let mut unfinished = self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unfinished.extend(std::iter::from_fn(|| self.jobs.get_nowait().ok()));
        if !unfinished.is_empty() {
            let shown = unfinished.iter().take(MOST).map(|n| format!(" {n}"));
            let shown: String = shown.collect();
            let more = match unfinished.len().saturating_sub(MOST) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            complain(format_args!("not done:{shown}{more}"));
        }
    }
}
