//! Waiting for many children.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use measure::{argument, waiting};
use std::hint::black_box;
use tokio::task::{JoinSet, yield_now};

pub async fn ready(i: u64) -> u64 {
    black_box(i)
}

async fn yields(i: u64) -> u64 {
    yield_now().await;
    black_box(i)
}

pub fn run(job: &str) -> bool {
    match (job, argument::<String>(3).as_str()) {
        ("gather", "join_all") => crate::run(async {
            waiting("ready", 4, async |n| futures((0..n).map(ready)).await).await;
            waiting("yields", 4, async |n| futures((0..n).map(yields)).await).await;
        }),
        ("gather", "tasks") => crate::run(async {
            waiting("ready", 4, async |n| tasks((0..n).map(ready)).await).await;
            waiting("yields", 4, async |n| tasks((0..n).map(yields)).await).await;
        }),
        ("as_completed", "join_set") => crate::run(async {
            waiting("ready", 4, async |n| join_set((0..n).map(ready)).await).await;
            waiting("yields", 4, async |n| join_set((0..n).map(yields)).await).await;
        }),
        ("as_completed", "unordered") => crate::run(async {
            waiting("ready", 4, async |n| unordered((0..n).map(ready)).await).await;
            waiting("yields", 4, async |n| unordered((0..n).map(yields)).await).await;
        }),
        ("gather" | "as_completed", _) => measure::unknown(3),
        _ => return false,
    }
    true
}

pub async fn futures(children: impl Iterator<Item = impl Future<Output = u64>>) -> u64 {
    join_all(children).await.into_iter().sum()
}

async fn tasks<F>(children: impl Iterator<Item = F>) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    let results = join_all(children.map(tokio::spawn)).await;
    results
        .into_iter()
        .map(|result| result.expect("no panic"))
        .sum()
}

pub async fn join_set<F>(children: impl Iterator<Item = F>) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    let mut tasks: JoinSet<u64> = children.collect();
    let mut sum = 0;
    while let Some(result) = tasks.join_next().await {
        sum += result.expect("no panic");
    }
    sum
}

async fn unordered(children: impl Iterator<Item = impl Future<Output = u64>>) -> u64 {
    let results: FuturesUnordered<_> = children.collect();
    results.fold(0, async |sum, value| sum + value).await
}
