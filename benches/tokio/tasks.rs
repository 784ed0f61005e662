//! Spawning tasks and awaiting them.

use measure::{Start, argument, figure};
use std::hint::black_box;

pub fn run(job: &str) -> bool {
    match job {
        "spawn_join" => crate::run(spawn_join(argument(3))),
        _ => return false,
    }
    true
}

async fn spawn_join(n: u64) {
    let start = Start::new();
    let tasks: Vec<_> = (0..n)
        .map(|i| tokio::spawn(async move { black_box(i) }))
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("no panic");
    }
    figure("seconds", start.seconds() / n as f64);
    assert_eq!(sum, n * (n - 1) / 2);
}
