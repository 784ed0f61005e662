//! Many tasks that sleep.

use crate::tasks::Spawn;
use crate::tasks::{in_local_executor, in_static_executor};
use async_executor::Task;
use async_io::Timer;
use asyncio_to_smol::gather::gather_all;
use asyncio_to_smol::run::{self};
use asyncio_to_smol::sleep::sleep;
use futures_lite::future::yield_now;
use measure::{Sleepers, argument};
use std::time::{Duration, Instant};

pub fn run(job: &str) -> bool {
    if job != "sleepers" {
        return false;
    }
    let all = Sleepers::new(argument(3));
    match argument::<String>(2).as_str() {
        "run" => run::run(|ex| sleepers(ex, all)),
        "local" => in_local_executor(|ex| sleepers(ex, all)),
        "static" => in_static_executor(|ex| sleepers(ex, all)),
        "gather" => run::run(async move |ex| {
            gather_all(&ex, all.times().map(sleep)).await;
            all.end();
        }),
        "by_100" => in_local_executor(|ex| async move {
            let mut tasks = Vec::new();
            for time in all.times() {
                tasks.push(Spawn::spawn(&ex, async move { sleep(time).await }));
                if tasks.len() % 100 == 0 {
                    yield_now().await;
                }
            }
            join(tasks.into_iter()).await;
            all.end();
        }),
        form @ ("grid" | "timers") => run::run(async move |ex| {
            let origin = Instant::now();
            let whole = form == "grid";
            join((all.times()).map(|time| {
                let at = origin.elapsed() + time;
                let whole_ms = Duration::from_millis(at.as_micros().div_ceil(1000) as u64);
                let at = origin + if whole { whole_ms } else { at };
                ex.spawn(async move {
                    Timer::at(at).await;
                })
            }))
            .await;
            all.end();
        }),
        _ => measure::unknown(2),
    }
    true
}

async fn sleepers(ex: impl Spawn, all: Sleepers) {
    sleep_together(ex, all.times()).await;
    all.end();
}

pub async fn sleep_together(ex: impl Spawn, times: impl Iterator<Item = Duration>) {
    join(times.map(|time| ex.spawn(async move { sleep(time).await }))).await;
}

async fn join(tasks: impl Iterator<Item = Task<()>>) {
    let tasks: Vec<_> = tasks.collect();
    for task in tasks {
        task.await;
    }
}
