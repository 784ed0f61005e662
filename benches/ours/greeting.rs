//! `greeting FIBS SECONDS`: greets every 10 ms, while so many threads compute Fibonacci numbers.

use asyncio_to_smol::fib::fib;
use asyncio_to_smol::gather::gather_all;
use asyncio_to_smol::run::run as run_loop;
use asyncio_to_smol::ticker::Ticker;
use measure::{argument, figure};
use std::time::{Duration, Instant};

pub fn run(job: &str) -> bool {
    let matches = job == "greeting";
    if matches {
        greeting(argument(2), Duration::from_secs_f64(argument(3)));
    }
    matches
}

fn greeting(fibs: usize, time: Duration) {
    let latest = run_loop(async |spawner| {
        let end = Instant::now() + time;
        let compute = || async move { smol::unblock(move || compute(end)).await };
        let answers = spawner.spawn(gather_all(&spawner, (0..fibs).map(|_| compute())));
        let mut latest = Duration::ZERO;
        let mut ticker = Ticker::every(Duration::from_millis(10));
        while Instant::now() < end {
            let due = ticker.tick().await;
            latest = latest.max(due.elapsed());
        }
        answers.await;
        latest
    });
    figure("seconds", latest.as_secs_f64());
}

/// One number after the other, for as long as it is to take.
fn compute(end: Instant) {
    while Instant::now() < end {
        assert_eq!(fib(30), Ok(832_040));
    }
}
