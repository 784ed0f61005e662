//! Many tasks that sleep.

use futures_util::future::join_all;
use measure::{Sleepers, argument};
use std::time::Duration;
use tokio::time::sleep;

pub fn run(job: &str) -> bool {
    if job != "sleepers" {
        return false;
    }
    let form: String = argument(3);
    let all = Sleepers::new(argument(4));
    crate::run(async move {
        match form.as_str() {
            "spawn" => sleep_together(all.times()).await,
            "join_all" => {
                join_all(all.times().map(sleep)).await;
            }
            _ => measure::unknown(3),
        }
        all.end();
    });
    true
}

pub async fn sleep_together(times: impl Iterator<Item = Duration>) {
    let tasks = times.map(|time| tokio::spawn(async move { sleep(time).await }));
    let tasks: Vec<_> = tasks.collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}
