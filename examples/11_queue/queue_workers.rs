//! Coroutines on one loop take jobs from a queue: typed, or from Redis.
//!
//! Ports: article B's consumers that are coroutines (B15).
//!
//! Type `5`, `1`, and after `Done 1` another `1`:
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
//! Two workers, or as many as `--workers` says. End of input ends the program when all jobs are done. With
//! `--redis redis://127.0.0.1:6379/3`, or `REDIS_URL` set to that, the jobs come from the stream `queue` there
//! (`--queue` names another one): `redis-cli -n 3 xadd queue '*' n 5`.
//!
//! The article's workers ask the queue once a second, since waiting for an answer would stop the loop
//! they share. Here a worker waits for the next job in a channel, and the others run.
//!
//! After Ctrl-C no job begins, and running jobs have 5 seconds to end. Unfinished jobs go back to the queue; exit
//! status 130. A second Ctrl-C ends the program at once.
//!
//! Who owns what: the group owns the workers, and a worker owns its job. `consume` in `jobs.rs` owns the sender of
//! the channel. Nothing is spawned: everything is one future, which `block_on` polls.
//!
//! From the library: `task_group`, since a worker that fails must end the others, which `join` does not;
//! `interrupt`, since a handler alone gives neither a graceful shutdown nor an immediate end at the second Ctrl-C;
//! `stdin`, since `Async<Stdin>` is wrong where another process reads the same terminal; `timeout`, since smol has
//! none.
//!
//! asyncio: `asyncio.TaskGroup`, `asyncio.sleep`, `KeyboardInterrupt`, `redis.rpop` (the crate redis).
//! Node: `process.on('SIGINT')`.
//! Paste: `cargo add fastrand lexopt smol`,
//! `cargo add redis --no-default-features --features smol-comp`,
//! `cargo add asyncio-to-smol --path ../asyncio-to-smol`; `jobs.rs` and `redis_jobs.rs` beside it.

mod jobs;
mod redis_jobs;

use asyncio_to_smol::task_group::{TaskGroup, task_group};
use jobs::{Error, Job, complain, print};
use lexopt::{Arg::Long, Parser, ValueExt};
use redis_jobs::Source;
use smol::Timer;
use smol::channel::Receiver;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::{Duration, Instant};

async fn worker(jobs: &Receiver<Job>) -> Result<(), Error> {
    print("Start worker")?;
    while let Ok(job) = jobs.recv().await {
        let start = Instant::now();
        print(format_args!("Wait {}", job.seconds))?;
        Timer::after(Duration::from_secs(job.seconds)).await;
        let seconds = start.elapsed().as_secs_f64();
        print(format_args!("Done {} {seconds:.6}", job.seconds))?;
        job.done();
    }
    Ok(())
}

async fn run_workers(jobs: &Receiver<Job>, workers: u16) -> Result<(), Error> {
    let all = task_group(async |group: TaskGroup<Error>| {
        for _ in 0..workers {
            group.spawn(worker(jobs));
        }
        Ok(())
    });
    all.await.map_err(|errors| format!("{errors:#}").into())
}

fn arguments() -> Result<(Source, u16), lexopt::Error> {
    let mut source = Source::default();
    let mut workers = const { NonZero::new(2).unwrap() };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("redis") => source.redis = Some(parser.value()?.string()?),
            Long("queue") => source.queue = Some(parser.value()?.string()?),
            Long("lease") => source.lease = Some(parser.value()?.parse()?),
            Long("workers") => workers = parser.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok((source, workers.get()))
}

fn main() -> ExitCode {
    let (source, workers) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            complain(format_args!(
                "{error}; usage: queue_workers [--workers N] [--redis redis://HOST:PORT/DB] [--queue NAME] \
                 [--lease SECONDS]"
            ));
            return ExitCode::from(2);
        }
    };
    let work = async |jobs: &Receiver<Job>| run_workers(jobs, workers).await;
    match smol::block_on(jobs::consume(source, workers.into(), work)) {
        Ok(interrupted) => interrupted.map_or(ExitCode::SUCCESS, ExitCode::from),
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}
