//! `greeting FLAVOUR SECONDS`: greets every 10 ms, while one other thread computes Fibonacci numbers, and then
//! two.

use measure::{argument, fib, figure};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

pub fn run(job: &str) -> bool {
    let matches = job == "greeting";
    if matches {
        let time = Duration::from_secs_f64(argument(3));
        figure("one", crate::run(latest(1, time)).as_secs_f64());
        figure("two", crate::run(latest(2, time)).as_secs_f64());
    }
    matches
}

/// How long after it was due the latest greeting came.
async fn latest(fibs: usize, time: Duration) -> Duration {
    let end = Instant::now() + time;
    let mut answers = JoinSet::new();
    for _ in 0..fibs {
        answers.spawn_blocking(move || compute(end));
    }
    let mut latest = Duration::ZERO;
    let mut interval = interval(Duration::from_millis(10));
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < end {
        let due = interval.tick().await;
        latest = latest.max(due.elapsed());
    }
    answers.join_all().await;
    latest
}

/// One number after the other, for as long as it is to take.
fn compute(end: Instant) {
    while Instant::now() < end {
        assert_eq!(fib(black_box(30)), 832_040);
    }
}
