//! A producer and workers, and a queue between them that may be full.

use crate::tasks::in_local_executor;
use asyncio_to_smol::run;
use asyncio_to_smol::spawn::Spawn;
use measure::{Start, argument, figure, sum_below};

pub fn run(job: &str) -> bool {
    match (job, argument::<String>(2).as_str()) {
        ("queue", "run") => run::run(|ex| queue(ex, argument(3))),
        ("queue", "local") => in_local_executor(|ex| queue(ex, argument(3))),
        ("queue", _) => measure::unknown(2),
        _ => return false,
    }
    true
}

async fn queue(ex: impl Spawn<'static>, n: u64) {
    for workers in [2, 8] {
        let start = Start::new();
        let (sender, receiver) = async_channel::bounded(100);
        let worker = |receiver: async_channel::Receiver<u64>| async move {
            let mut sum = 0;
            while let Ok(value) = receiver.recv().await {
                sum += value;
            }
            sum
        };
        let workers: Vec<_> = (0..workers)
            .map(|_| ex.spawn(worker(receiver.clone())))
            .collect();
        for i in 0..n {
            sender.send(i).await.expect("there are workers");
        }
        drop(sender);
        let count = workers.len();
        let mut sum = 0;
        for worker in workers {
            sum += worker.await;
        }
        figure(format_args!("workers_{count}"), start.seconds() / n as f64);
        assert_eq!(sum, sum_below(n));
    }
}
