//! Cancelling many sleeping tasks: from the first request until the last destructor has run.

use async_io::{Timer, block_on};
use asyncio_to_smol::run::{Spawner, run as run_main};
use asyncio_to_smol::sleep::sleep;
use asyncio_to_smol::task_group::{TaskGroup, task_group};
use futures_lite::future::yield_now;
use measure::{Dropped, Guard, Start, argument, figure};
use std::convert::Infallible;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

async fn sleeper(guard: Guard) {
    guard.started();
    sleep(LONG).await;
}

async fn sleeper_of_timer(guard: Guard) {
    guard.started();
    Timer::after(LONG).await;
}

pub fn run(job: &str) -> bool {
    if job != "cancel" {
        return false;
    }
    let dropped = Dropped::new(argument(3));
    let seconds = match argument::<String>(2).as_str() {
        "drop" => drop_every_task(&dropped),
        "timers" => run_main(async |ex| drop_each(ex, &dropped, sleeper_of_timer).await),
        "end" => end_of_run(&dropped),
        "group" => failing_group(&dropped),
        _ => measure::unknown(2),
    };
    figure("seconds", seconds);
    true
}

pub fn drop_every_task(dropped: &Dropped) -> f64 {
    run_main(async |ex| drop_each(ex, dropped, sleeper).await)
}

async fn drop_each<'a, F: Future<Output = ()> + 'static>(
    ex: Spawner<'a>,
    dropped: &Dropped,
    sleeper: fn(Guard) -> F,
) -> f64 {
    let guards = dropped.guards();
    let tasks: Vec<_> = guards.map(|guard| ex.spawn(sleeper(guard))).collect();
    yield_now().await;
    let start = Start::new();
    drop(tasks);
    yield_now().await;
    dropped.all_since(start)
}

fn end_of_run(dropped: &Dropped) -> f64 {
    let start = run_main(async |ex| {
        for guard in dropped.guards() {
            ex.spawn(sleeper(guard)).detach();
        }
        yield_now().await;
        Start::new()
    });
    dropped.all_since(start)
}

fn failing_group(dropped: &Dropped) -> f64 {
    async fn child(guard: Guard) -> Result<Infallible, Start> {
        sleeper(guard).await;
        Err(Start::new())
    }
    let result = block_on(task_group(async |group: TaskGroup<Start>| {
        for guard in dropped.guards() {
            group.spawn(child(guard));
        }
        yield_now().await;
        Err::<(), _>(Start::new())
    }));
    let errors = result.expect_err("the group has failed");
    dropped.all_since(errors.first)
}
