//! Coroutines on one loop take jobs from a queue: typed, or from Redis.
//!
//! Ports: article B's consumers that are coroutines (B15).
//!
//! Type `5`, `1`, and when that is done `1`:
//!
//! ```text
//! $ cargo run --example queue_workers --features redis
//! Start worker
//! Start worker
//! 5
//! Wait 5
//! 1
//! Wait 1
//! Done 1 1.000267
//! 1
//! Wait 1
//! Done 1 1.000322
//! Done 5 5.000343
//! ```
//!
//! Two workers, or as many as `--workers` says. End of input ends it when all is done. With `--redis
//! redis://127.0.0.1:6379/3`, or `REDIS_URL` set to that, the jobs come from the list `queue` there
//! (`--queue` names another one): `redis-cli -n 3 lpush queue 5`.
//!
//! The article's workers ask the queue once a second, since waiting for an answer would stop the loop
//! they share. Here a worker that waits for a job stops nobody.
//!
//! Ctrl-C drops all of them, and a job that is not done goes back to the queue; exit status 130.
//!
//! Who owns what: the group owns the workers, and a worker owns its job and its connection to Redis.
//! Nothing is spawned: all of it is one future, which `block_on` polls.
//!
//! asyncio: `asyncio.TaskGroup`, `asyncio.sleep`, `KeyboardInterrupt`, `redis.rpop`.
//! Node: `process.on('SIGINT')`.
//! Paste: `cargo add fastrand lexopt smol`,
//! `cargo add redis --no-default-features --features smol-comp`,
//! `cargo add asyncio-to-smol --path ../asyncio-to-smol`; `jobs.rs` and `redis_jobs.rs` beside it.

mod jobs;
mod redis_jobs;

use asyncio_to_smol::task_group::{TaskGroup, task_group};
use jobs::{Error, Queue, Source, print};
use lexopt::{Arg::Long, Parser, ValueExt};
use smol::Timer;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::{Duration, Instant};

async fn worker(queue: &Queue) -> Result<(), Error> {
    print("Start worker")?;
    let mut jobs = queue.jobs();
    while let Some(job) = jobs.take().await? {
        let start = Instant::now();
        print(format_args!("Wait {}", job.seconds))?;
        Timer::after(Duration::from_secs(job.seconds)).await;
        let seconds = start.elapsed().as_secs_f64();
        print(format_args!("Done {} {seconds:.6}", job.seconds))?;
        job.done();
    }
    Ok(())
}

async fn run_workers(queue: &Queue, workers: NonZero<u16>) -> Result<(), Error> {
    task_group(async |group: TaskGroup<Error>| {
        for _ in 0..workers.get() {
            group.spawn(worker(queue))?;
        }
        Ok(())
    })
    .await
    .map_err(jobs::first_of)
}

fn arguments() -> Result<(Source, NonZero<u16>), lexopt::Error> {
    let mut source = Source::from_env();
    let mut workers = const { NonZero::new(2).unwrap() };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("redis") => source.redis = Some(parser.value()?.string()?),
            Long("queue") => source.queue = parser.value()?.string()?,
            Long("workers") => workers = parser.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok((source, workers))
}

fn main() -> ExitCode {
    match arguments() {
        Ok((source, workers)) => {
            let work = async |queue: &Queue| run_workers(queue, workers).await;
            jobs::exit_code(smol::block_on(jobs::consume(&source, work)))
        }
        Err(error) => jobs::usage("[--workers N]", &error),
    }
}
