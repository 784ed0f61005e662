//! Spawning tasks and awaiting them.

use measure::{Start, argument, figure, sum_below};
use std::hint::black_box;
use tokio::task::JoinHandle;

pub fn run(job: &str) -> bool {
    let seconds = match job {
        "spawn_join" => crate::run(spawn_join(argument(3))),
        "spawn_await" => crate::run(spawn_await(argument(3))),
        _ => return false,
    };
    figure("seconds", seconds);
    true
}

pub async fn sum_of(tasks: Vec<JoinHandle<u64>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("no panic");
    }
    sum
}

pub async fn spawn_join(n: u64) -> f64 {
    let start = Start::new();
    let tasks: Vec<_> = (0..n)
        .map(|i| tokio::spawn(async move { black_box(i) }))
        .collect();
    let sum = sum_of(tasks).await;
    let seconds = start.seconds();
    assert_eq!(sum, sum_below(n));
    seconds / n as f64
}

async fn spawn_await(n: u64) -> f64 {
    let start = Start::new();
    let mut sum = 0;
    for i in 0..n {
        sum += tokio::spawn(async move { black_box(i) })
            .await
            .expect("no panic");
    }
    let seconds = start.seconds();
    assert_eq!(sum, sum_below(n));
    seconds / n as f64
}
