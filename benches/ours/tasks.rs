//! Spawning tasks and awaiting them.

use async_executor::LocalExecutor;
use async_io::block_on;
use asyncio_to_smol::run;
use asyncio_to_smol::spawn::Spawn;
use measure::{Start, argument, figure};
use std::hint::black_box;
use std::rc::Rc;

pub fn run(job: &str) -> bool {
    match job {
        "spawn_join" => spawn_join(),
        _ => return false,
    }
    true
}

fn spawn_join() {
    let n: u64 = argument(3);
    match argument::<String>(2).as_str() {
        "run" => run::run(async |ex| spawn_and_join(ex, n).await),
        "local" => {
            let ex = Rc::new(LocalExecutor::new());
            block_on(ex.run(ex.spawn(spawn_and_join(Rc::clone(&ex), n))));
        }
        _ => measure::unknown(2),
    }
}

async fn spawn_and_join<'a>(ex: impl Spawn<'a>, n: u64) {
    let start = Start::new();
    let tasks: Vec<_> = (0..n)
        .map(|i| ex.spawn(async move { black_box(i) }))
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    figure("seconds", start.seconds() / n as f64);
    assert_eq!(sum, n * (n - 1) / 2);
}
