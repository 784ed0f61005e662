//! A producer and workers with a bounded queue between them.

use crate::tasks::sum_of;
use measure::{Start, argument, figure, sum_below};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

const CAPACITY: usize = 100;

pub fn run(job: &str) -> bool {
    let n = || argument(4);
    match (job, argument::<String>(3).as_str()) {
        ("queue", "mpsc") => crate::run(measured(n(), with_mpsc)),
        ("queue", "recv_many") => crate::run(measured(n(), with_recv_many)),
        ("queue", "channel") => crate::run(measured(n(), with_async_channel)),
        ("queue", _) => measure::unknown(3),
        _ => return false,
    }
    true
}

async fn measured<F: Future<Output = u64>>(n: u64, queue: fn(u64, usize) -> F) {
    for workers in [2, 8] {
        let start = Start::new();
        let sum = queue(n, workers).await;
        figure(
            format_args!("workers_{workers}"),
            start.seconds() / n as f64,
        );
        assert_eq!(sum, sum_below(n));
    }
}

async fn with_mpsc(n: u64, workers: usize) -> u64 {
    async fn worker(receiver: Arc<Mutex<mpsc::Receiver<u64>>>) -> u64 {
        let mut sum = 0;
        loop {
            let value = receiver.lock().await.recv().await;
            match value {
                Some(value) => sum += value,
                None => return sum,
            }
        }
    }
    through_mpsc(n, workers, worker).await
}

/// Each worker takes all queued values, then processes them.
async fn with_recv_many(n: u64, workers: usize) -> u64 {
    async fn worker(receiver: Arc<Mutex<mpsc::Receiver<u64>>>) -> u64 {
        let mut values = Vec::with_capacity(CAPACITY);
        let mut sum = 0;
        loop {
            let mut receiver = receiver.lock().await;
            receiver.recv_many(&mut values, CAPACITY).await;
            drop(receiver);
            if values.is_empty() {
                return sum;
            }
            for value in values.drain(..) {
                sum += value;
            }
        }
    }
    through_mpsc(n, workers, worker).await
}

async fn through_mpsc<F: Future<Output = u64> + Send + 'static>(
    n: u64,
    workers: usize,
    worker: fn(Arc<Mutex<mpsc::Receiver<u64>>>) -> F,
) -> u64 {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let receiver = Arc::new(Mutex::new(receiver));
    let workers = (0..workers).map(|_| tokio::spawn(worker(Arc::clone(&receiver))));
    let workers: Vec<_> = workers.collect();
    for i in 0..n {
        sender.send(i).await.expect("there are workers");
    }
    drop(sender);
    sum_of(workers).await
}

async fn with_async_channel(n: u64, workers: usize) -> u64 {
    async fn worker(receiver: async_channel::Receiver<u64>) -> u64 {
        let mut sum = 0;
        while let Ok(value) = receiver.recv().await {
            sum += value;
        }
        sum
    }
    let (sender, receiver) = async_channel::bounded(CAPACITY);
    let workers = (0..workers).map(|_| tokio::spawn(worker(receiver.clone())));
    let workers: Vec<_> = workers.collect();
    for i in 0..n {
        sender.send(i).await.expect("there are workers");
    }
    drop(sender);
    sum_of(workers).await
}
