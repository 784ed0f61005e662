//! `greeting SECONDS`: greets every 10 ms, while one other thread computes Fibonacci numbers, and then two.

use asyncio_to_smol::gather::gather_all;
use asyncio_to_smol::run::run as run_loop;
use asyncio_to_smol::ticker::Ticker;
use futures_lite::StreamExt;
use measure::{argument, fib, figure};
use std::hint::black_box;
use std::time::{Duration, Instant};

pub fn run(job: &str) -> bool {
    let matches = job == "greeting";
    if matches {
        let time = Duration::from_secs_f64(argument(2));
        figure("one", latest(1, time).as_secs_f64());
        figure("two", latest(2, time).as_secs_f64());
    }
    matches
}

/// How long after it was due the latest greeting came.
fn latest(fibs: usize, time: Duration) -> Duration {
    run_loop(async |spawner| {
        let end = Instant::now() + time;
        let answer = |_| async move { smol::unblock(move || compute(end)).await };
        let answers = gather_all(&spawner, (0..fibs).map(answer));
        let mut latest = Duration::ZERO;
        let mut ticker = Ticker::every(Duration::from_millis(10));
        while Instant::now() < end {
            let due = ticker.next().await.unwrap();
            latest = latest.max(due.elapsed());
        }
        answers.await;
        latest
    })
}

/// One number after the other, for as long as it is to take.
fn compute(end: Instant) {
    while Instant::now() < end {
        assert_eq!(fib(black_box(30)), 832_040);
    }
}
