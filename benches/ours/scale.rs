//! The cost of a child among a few, and among a million.

use crate::cancelling::drop_every_task;
use crate::sleepers::sleep_together;
use crate::tasks::spawn_join;
use crate::waiting::{ready, sum_of_as_completed, sum_of_gather};
use asyncio_to_smol::run::{Spawner, run as run_main};
use measure::{Dropped, Start, argument, growth, sum_below};
use std::time::Duration;

pub fn run(job: &str) -> bool {
    if job != "growth" {
        return false;
    }
    let kind: String = argument(2);
    growth(&kind, 3, |n| match kind.as_str() {
        "gather" => timed(n, |ex| async move {
            sum_of_gather(&ex, (0..n).map(ready)).await
        }),
        "as_completed" => timed(n, |ex| async move {
            sum_of_as_completed(&ex, (0..n).map(ready)).await
        }),
        "spawn" => run_main(|ex| spawn_join(ex, n)),
        "sleep" => {
            let time = |i| Duration::from_micros(200_000 + i % 200_000);
            run_main(async move |ex| {
                let start = Start::new();
                sleep_together(ex, (0..n).map(time)).await;
                start.cpu() / n as f64
            })
        }
        "cancel" => drop_every_task(&Dropped::new(n as usize)),
        _ => measure::unknown(2),
    });
    true
}

/// Seconds per child, until the values of all are there.
fn timed<F: Future<Output = u64> + 'static>(
    n: u64,
    sum: impl FnOnce(Spawner<'static>) -> F,
) -> f64 {
    run_main(|ex| {
        let sum = sum(ex);
        async move {
            let start = Start::new();
            assert_eq!(sum.await, sum_below(n));
            start.seconds() / n as f64
        }
    })
}
