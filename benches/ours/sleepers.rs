//! Many tasks that sleep.

use crate::tasks::{in_local_executor, in_static_executor};
use async_executor::Task;
use async_io::Timer;
use asyncio_to_smol::gather::gather_all;
use asyncio_to_smol::run;
use asyncio_to_smol::sleep::sleep;
use asyncio_to_smol::spawn::Spawn;
use measure::{Sleepers, argument};
use std::time::Duration;

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
        "timers" => run::run(async move |ex| {
            join((all.times()).map(|time| {
                ex.spawn(async move {
                    Timer::after(time).await;
                })
            }))
            .await;
            all.end();
        }),
        _ => measure::unknown(2),
    }
    true
}

async fn sleepers(ex: impl Spawn<'static>, all: Sleepers) {
    sleep_together(ex, all.times()).await;
    all.end();
}

pub async fn sleep_together(ex: impl Spawn<'static>, times: impl Iterator<Item = Duration>) {
    join(times.map(|time| ex.spawn(async move { sleep(time).await }))).await;
}

async fn join(tasks: impl Iterator<Item = Task<()>>) {
    let tasks: Vec<_> = tasks.collect();
    for task in tasks {
        task.await;
    }
}
