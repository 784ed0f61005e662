//! The main thread takes jobs from a queue, another thread's loop does them: typed, or from Redis.
//!
//! Ports: article B's master and worker with Redis (B11), and the way it is stopped (B12).
//!
//! Type `2`, and when that is done `5` and `1`, and when that is done `1`:
//!
//! ```text
//! $ cargo run --example master_worker --features redis
//! 2
//! Waiting 2
//! Done 2
//! 5
//! Waiting 5
//! 1
//! Waiting 1
//! Done 1
//! 1
//! Waiting 1
//! Done 1
//! Done 5
//! ```
//!
//! End of input ends it when all is done. With `--redis redis://127.0.0.1:6379/3`, or `REDIS_URL` set to
//! that, the jobs come from the list `queue` there (`--queue` names another one), and anybody can put them
//! in: `redis-cli -n 3 lpush queue 5`. Any number of processes can work on the same list.
//!
//! Like the article's program it asks the queue for a job, and if there is none, again after a second.
//! With `--block` it waits for one instead (`BRPOP` in the article), and begins at once.
//!
//! The article's `RPOP` takes a job off the queue before it is done: a worker that dies has lost what it
//! was doing. `redis_jobs.rs` moves it to a list of the worker's own, and deletes it when it is done.
//!
//! Ctrl-C stops both threads, as the article's daemon thread cannot: the tasks over there are dropped,
//! which gives back their jobs, and the thread is joined; exit status 130.
//!
//! Who owns what: the group owns a future for every job that runs, and gets what goes wrong in it. The
//! other thread's loop owns the tasks, and each of them its job. Dropping `other` ends them.
//!
//! asyncio: `asyncio.run_coroutine_threadsafe`, `asyncio.new_event_loop`, `loop.stop`,
//! `KeyboardInterrupt`, `asyncio.TaskGroup`, `asyncio.Semaphore` (`smol::lock::Semaphore`),
//! `redis.rpop` (the crate redis), `redis.brpop` (the crate redis), `asyncio.wrap_future`.
//! Node: `new Worker`, `worker.terminate`, `process.on('SIGINT')`.
//! Paste: `cargo add fastrand lexopt smol`,
//! `cargo add redis --no-default-features --features smol-comp`,
//! `cargo add asyncio-to-smol --path ../asyncio-to-smol`; `jobs.rs` and `redis_jobs.rs` beside it.

mod jobs;
mod redis_jobs;

use asyncio_to_smol::loop_thread::LoopThread;
use asyncio_to_smol::task_group::{TaskGroup, task_group};
use jobs::{Error, Job, Next, Queue, Source, print};
use lexopt::{Arg::Long, Parser, ValueExt};
use smol::Timer;
use smol::lock::Semaphore;
use std::process::ExitCode;
use std::time::Duration;

/// How many jobs run at the same time. The others stay in the queue, for other processes too.
const AT_ONCE: usize = 1000;

/// Runs on the other thread.
async fn do_some_work(job: Job) -> Result<(), Error> {
    print(format_args!("Waiting {}", job.seconds))?;
    Timer::after(Duration::from_secs(job.seconds)).await;
    print(format_args!("Done {}", job.seconds))?;
    job.done();
    Ok(())
}

/// Takes jobs and hands them over. Returns when there will be no more and all are done.
async fn master(queue: &Queue, block: bool) -> Result<(), Error> {
    let other = LoopThread::start()?;
    let places = Semaphore::new(AT_ONCE);
    task_group(async |group: TaskGroup<Error>| {
        let mut jobs = queue.jobs();
        loop {
            let place = places.acquire().await;
            let next = match block {
                true => jobs.take().await?.map_or(Next::End, Next::Job),
                false => jobs.try_take().await?,
            };
            match next {
                Next::Job(job) => {
                    let work = other.spawn(do_some_work(job));
                    // What goes wrong over there goes wrong here.
                    group.spawn(async {
                        let _place = place;
                        work.await?
                    })?;
                }
                Next::Empty => {
                    Timer::after(Duration::from_secs(1)).await;
                }
                Next::End => return Ok(()),
            }
        }
    })
    .await
    .map_err(jobs::first_of)
}

fn arguments() -> Result<(Source, bool), lexopt::Error> {
    let mut source = Source::from_env();
    let mut block = false;
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("redis") => source.redis = Some(parser.value()?.string()?),
            Long("queue") => source.queue = parser.value()?.string()?,
            Long("block") => block = true,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok((source, block))
}

fn main() -> ExitCode {
    match arguments() {
        Ok((source, block)) => {
            let work = async |queue: &Queue| master(queue, block).await;
            jobs::exit_code(smol::block_on(jobs::consume(&source, work)))
        }
        Err(error) => jobs::usage("[--block]", &error),
    }
}
