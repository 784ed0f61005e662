//! The cost of a child among a few, and among a million.

use crate::cancelling;
use crate::sleepers::sleep_together;
use crate::tasks::spawn_join;
use crate::waiting::{futures, join_set, ready};
use measure::{Dropped, Start, argument, growth, sum_below};
use std::time::Duration;

pub fn run(job: &str) -> bool {
    if job != "growth" {
        return false;
    }
    let kind: String = argument(3);
    growth(&kind, 4, |n| match kind.as_str() {
        "gather" => timed(n, async move { futures((0..n).map(ready)).await }),
        "as_completed" => timed(n, async move { join_set((0..n).map(ready)).await }),
        "spawn" => crate::run(spawn_join(n)),
        "sleep" => crate::run(async move {
            let time = |i| Duration::from_micros(200_000 + i % 200_000);
            let start = Start::new();
            sleep_together((0..n).map(time)).await;
            start.cpu() / n as f64
        }),
        "cancel" => crate::run(cancelling::join_set(Dropped::new(n as usize))),
        _ => measure::unknown(3),
    });
    true
}

/// Seconds per child, until the values of all are there.
fn timed(n: u64, sum: impl Future<Output = u64> + Send + 'static) -> f64 {
    crate::run(async move {
        let start = Start::new();
        assert_eq!(sum.await, sum_below(n));
        start.seconds() / n as f64
    })
}
