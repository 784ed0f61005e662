//! Waiting for many children.

use crate::tasks::{self, in_local_executor};
use asyncio_to_smol::as_completed::{self};
use asyncio_to_smol::gather::{self, Spawn};
use asyncio_to_smol::run::{self};
use futures_lite::StreamExt;
use futures_lite::future::yield_now;
use measure::{argument, waiting};
use std::convert::Infallible;
use std::hint::black_box;

pub type Child = Result<u64, Infallible>;

pub async fn ready(i: u64) -> Child {
    Ok(black_box(i))
}

async fn yields(i: u64) -> Child {
    yield_now().await;
    Ok(black_box(i))
}

pub fn run(job: &str) -> bool {
    match (job, argument::<String>(2).as_str()) {
        ("gather", "run") => run::run(async |ex| gather(&ex).await),
        ("gather", "local") => in_local_executor(async |ex| gather(&*ex).await),
        ("gather", "spawn") => run::run(async |ex| spawn(&ex).await),
        ("as_completed", "run") => run::run(async |ex| as_completed(&ex).await),
        ("as_completed", "local") => in_local_executor(async |ex| as_completed(&*ex).await),
        ("gather" | "as_completed", _) => measure::unknown(2),
        _ => return false,
    }
    true
}

async fn gather(ex: &impl Spawn<'static>) {
    waiting("ready", 3, async |n| {
        sum_of_gather(ex, (0..n).map(ready)).await
    })
    .await;
    waiting("yields", 3, async |n| {
        sum_of_gather(ex, (0..n).map(yields)).await
    })
    .await;
}

async fn spawn(ex: &impl tasks::Spawn) {
    waiting("ready", 3, async |n| {
        sum_of_tasks(ex, (0..n).map(ready)).await
    })
    .await;
    waiting("yields", 3, async |n| {
        sum_of_tasks(ex, (0..n).map(yields)).await
    })
    .await;
}

async fn as_completed(ex: &impl Spawn<'static>) {
    waiting("ready", 3, async |n| {
        sum_of_as_completed(ex, (0..n).map(ready)).await
    })
    .await;
    waiting("yields", 3, async |n| {
        sum_of_as_completed(ex, (0..n).map(yields)).await
    })
    .await;
}

pub async fn sum_of_gather<F: Future<Output = Child> + 'static>(
    ex: &impl Spawn<'static>,
    children: impl Iterator<Item = F>,
) -> u64 {
    let Ok(values) = gather::gather(ex, children).await;
    values.into_iter().sum()
}

pub async fn sum_of_tasks<F: Future<Output = Child> + 'static>(
    ex: &impl tasks::Spawn,
    children: impl Iterator<Item = F>,
) -> u64 {
    let tasks: Vec<_> = children.map(|child| ex.spawn(child)).collect();
    let mut sum = 0;
    for task in tasks {
        let Ok(value) = task.await;
        sum += value;
    }
    sum
}

pub async fn sum_of_as_completed<F: Future<Output = Child> + 'static>(
    ex: &impl Spawn<'static>,
    children: impl Iterator<Item = F>,
) -> u64 {
    let results = as_completed::as_completed(ex, children);
    results.fold(0, |sum, (_, Ok(value))| sum + value).await
}
