//! A producer and workers with a bounded queue between them.

use crate::tasks::{Spawn, in_local_executor, sum_of};
use asyncio_to_smol::queue::Queue;
use asyncio_to_smol::run::{self};
use measure::{Start, argument, figure, sum_below};

const CAPACITY: usize = 100;

pub fn run(job: &str) -> bool {
    match (job, argument::<String>(2).as_str()) {
        ("queue", "queue") => run::run(|ex| measured(ex, argument(3), with_queue)),
        ("queue", "run") => run::run(|ex| measured(ex, argument(3), with_async_channel)),
        ("queue", "local") => in_local_executor(|ex| measured(ex, argument(3), with_async_channel)),
        ("queue", _) => measure::unknown(2),
        _ => return false,
    }
    true
}

async fn measured<S: Spawn>(ex: S, n: u64, queue: impl AsyncFn(&S, u64, usize) -> u64) {
    for workers in [2, 8] {
        let start = Start::new();
        let sum = queue(&ex, n, workers).await;
        figure(
            format_args!("workers_{workers}"),
            start.seconds() / n as f64,
        );
        assert_eq!(sum, sum_below(n));
    }
}

async fn with_queue(ex: &impl Spawn, n: u64, workers: usize) -> u64 {
    async fn worker(queue: Queue<u64>) -> u64 {
        let mut sum = 0;
        while let Ok(value) = queue.get().await {
            sum += value;
        }
        sum
    }
    let queue = Queue::bounded(CAPACITY);
    let workers = (0..workers).map(|_| ex.spawn(worker(queue.clone())));
    let workers: Vec<_> = workers.collect();
    for i in 0..n {
        queue.put(i).await.expect("it is open");
    }
    queue.close();
    sum_of(workers).await
}

async fn with_async_channel(ex: &impl Spawn, n: u64, workers: usize) -> u64 {
    async fn worker(receiver: async_channel::Receiver<u64>) -> u64 {
        let mut sum = 0;
        while let Ok(value) = receiver.recv().await {
            sum += value;
        }
        sum
    }
    let (sender, receiver) = async_channel::bounded(CAPACITY);
    let workers = (0..workers).map(|_| ex.spawn(worker(receiver.clone())));
    let workers: Vec<_> = workers.collect();
    for i in 0..n {
        sender.send(i).await.expect("there are workers");
    }
    drop(sender);
    sum_of(workers).await
}
