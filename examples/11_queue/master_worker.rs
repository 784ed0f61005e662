//! The main thread takes jobs from a queue, another thread's loop does them: typed, or from Redis.
//!
//! Ports: article B's master and worker with Redis (B11), and the way it is stopped (B12).
//!
//! Type `2`, then after `Done 2` `5` and `1`, then after `Done 1` `1`:
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
//! that, the jobs come from the stream `queue` there (`--queue` names another one):
//! `redis-cli -n 3 xadd queue '*' n 5`. Any number of processes can work on the same stream.
//!
//! Like the article's program it polls for a job once a second. With `--block` it waits for a job instead (`BRPOP`
//! in the article), and begins at once.
//!
//! The article's `RPOP` deletes a job before it is done: if a worker dies, its job is lost. `redis_jobs.rs` claims
//! a job, and deletes it when it is done.
//!
//! Ctrl-C stops both threads, unlike the article's daemon thread: no job begins, running jobs have 5 seconds to
//! end, unfinished jobs are dropped and go back to the queue, and the thread is joined; exit status 130. A second
//! Ctrl-C ends the program at once.
//!
//! Who owns what: the group owns a future for every job, which awaits its task on the other thread's loop; it
//! returns an error of the job, and resumes its panic. Dropping the group cancels the tasks, and a task owns its
//! job. `thread::scope` joins the thread, whose loop ends when `_stop` is dropped.
//!
//! From the library: `task_group`, since the first failing job must end the others, which awaiting in order does
//! not do; `interrupt`, since a handler alone gives neither a graceful shutdown nor an immediate end at the second
//! Ctrl-C; `stdin`, since `Async<Stdin>` is wrong where another process reads the same terminal; `timeout`, since
//! smol has none.
//!
//! asyncio: `asyncio.run_coroutine_threadsafe` (`smol::Executor::spawn`),
//! `asyncio.new_event_loop` (`smol::Executor::new`), `loop.stop` (`smol::Executor::run`),
//! `KeyboardInterrupt`, `asyncio.TaskGroup`, `asyncio.Semaphore` (`smol::lock::Semaphore`),
//! `redis.rpop` (the crate redis), `redis.brpop` (the crate redis), `asyncio.wrap_future` (`smol::Task`).
//! Node: `new Worker`, `worker.terminate`, `process.on('SIGINT')`.
//! Paste: `cargo add fastrand lexopt smol`,
//! `cargo add redis --no-default-features --features smol-comp`,
//! `cargo add asyncio-to-smol --path ../asyncio-to-smol`; `jobs.rs` and `redis_jobs.rs` beside it.

mod jobs;
mod redis_jobs;

use asyncio_to_smol::task_group::{TaskGroup, task_group};
use jobs::{Error, Job, complain, print};
use lexopt::{Arg::Long, Parser, ValueExt};
use redis_jobs::Source;
use smol::channel::{self, Receiver, TryRecvError};
use smol::lock::Semaphore;
use smol::{Executor, Timer, block_on};
use std::process::ExitCode;
use std::thread;
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

/// Takes jobs and hands them over. Returns when the source has ended and all jobs are done.
async fn master(jobs: &Receiver<Job>, other: &Executor<'_>, block: bool) -> Result<(), Error> {
    let places = Semaphore::new(AT_ONCE);
    let all = task_group(async |group: TaskGroup<Error>| {
        loop {
            let place = places.acquire().await;
            let job = match block {
                true => jobs.recv().await.map_err(|_| TryRecvError::Closed),
                false => jobs.try_recv(),
            };
            match job {
                Ok(job) => {
                    let work = other.spawn(do_some_work(job));
                    // Passes on an error or a panic of the other thread.
                    group.spawn(async {
                        let _place = place;
                        work.await
                    });
                }
                Err(TryRecvError::Empty) => {
                    Timer::after(Duration::from_secs(1)).await;
                }
                Err(TryRecvError::Closed) => return Ok(()),
            }
        }
    });
    all.await.map_err(|errors| format!("{errors:#}").into())
}

fn arguments() -> Result<(Source, bool), lexopt::Error> {
    let mut source = Source::default();
    let mut block = false;
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("redis") => source.redis = Some(parser.value()?.string()?),
            Long("queue") => source.queue = Some(parser.value()?.string()?),
            Long("lease") => source.lease = Some(parser.value()?.parse()?),
            Long("block") => block = true,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok((source, block))
}

fn main() -> ExitCode {
    let (source, block) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            complain(format_args!(
                "{error}; usage: master_worker [--block] [--redis redis://HOST:PORT/DB] [--queue NAME] \
                 [--lease SECONDS]"
            ));
            return ExitCode::from(2);
        }
    };
    let other = &Executor::new();
    let result = thread::scope(|scope| {
        // Closed however this scope ends: then the other thread ends.
        let (_stop, stopped) = channel::bounded::<()>(1);
        thread::Builder::new().spawn_scoped(scope, move || block_on(other.run(stopped.recv())))?;
        let work = async |jobs: &Receiver<Job>| master(jobs, other, block).await;
        block_on(jobs::consume(source, AT_ONCE, work))
    });
    match result {
        Ok(interrupted) => interrupted.map_or(ExitCode::SUCCESS, ExitCode::from),
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}
