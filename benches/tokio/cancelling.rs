//! Cancelling many sleeping tasks: from the first request until the last destructor has run.

use measure::{Dropped, Guard, Start, argument, figure};
use std::time::Duration;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

const LONG: Duration = Duration::from_secs(3600);

async fn sleeper(guard: Guard) {
    guard.started();
    sleep(LONG).await;
}

pub fn run(job: &str) -> bool {
    if job != "cancel" {
        return false;
    }
    let dropped = Dropped::new(argument(4));
    let seconds = match argument::<String>(3).as_str() {
        "join_set" => crate::run(join_set(dropped)),
        "abort" => crate::run(abort_each(dropped)),
        "runtime" => drop_runtime(dropped),
        _ => measure::unknown(3),
    };
    figure("seconds", seconds);
    true
}

pub async fn join_set(dropped: Dropped) -> f64 {
    let mut tasks: JoinSet<()> = dropped.guards().map(sleeper).collect();
    all_started(&dropped).await;
    let start = Start::new();
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    dropped.all_since(start)
}

async fn abort_each(dropped: Dropped) -> f64 {
    let guards = dropped.guards();
    let tasks: Vec<_> = guards.map(|guard| tokio::spawn(sleeper(guard))).collect();
    all_started(&dropped).await;
    let start = Start::new();
    for task in &tasks {
        task.abort();
    }
    for task in tasks {
        let _ = task.await;
    }
    dropped.all_since(start)
}

fn drop_runtime(dropped: Dropped) -> f64 {
    let runtime = crate::runtime();
    runtime.block_on(async {
        for guard in dropped.guards() {
            tokio::spawn(sleeper(guard));
        }
        all_started(&dropped).await;
    });
    let start = Start::new();
    drop(runtime);
    dropped.all_since(start)
}

async fn all_started(dropped: &Dropped) {
    while !dropped.all_started() {
        yield_now().await;
    }
}
