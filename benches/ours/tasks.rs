//! Spawning tasks and awaiting them.

use async_executor::{LocalExecutor, StaticLocalExecutor, Task};
use async_io::block_on;
use asyncio_to_smol::run::{self, Spawner};
use measure::{Start, argument, figure, sum_below};
use std::hint::black_box;
use std::rc::Rc;

pub fn run(job: &str) -> bool {
    let n = || argument(3);
    let seconds = match (job, argument::<String>(2).as_str()) {
        ("spawn_join", "run") => run::run(|ex| spawn_join(ex, n())),
        ("spawn_join", "local") => in_local_executor(|ex| spawn_join(ex, n())),
        ("spawn_join", "static") => in_static_executor(|ex| spawn_join(ex, n())),
        ("spawn_await", "run") => run::run(|ex| spawn_await(ex, n())),
        ("spawn_await", "local") => in_local_executor(|ex| spawn_await(ex, n())),
        ("spawn_await", "static") => in_static_executor(|ex| spawn_await(ex, n())),
        ("spawn_join" | "spawn_await", _) => measure::unknown(2),
        _ => return false,
    };
    figure("seconds", seconds);
    true
}

/// Runs `main` as a task of an executor that its tasks own.
pub fn in_local_executor<F: Future + 'static>(
    main: impl FnOnce(Rc<LocalExecutor<'static>>) -> F,
) -> F::Output {
    let ex = Rc::new(LocalExecutor::new());
    block_on(ex.run(ex.spawn(main(Rc::clone(&ex)))))
}

/// Runs `main` as a task of an executor that is never dropped.
pub fn in_static_executor<F: Future<Output: 'static> + 'static>(
    main: impl FnOnce(Static) -> F,
) -> F::Output {
    let ex: &'static StaticLocalExecutor = LocalExecutor::new().leak();
    block_on(ex.run(ex.spawn(main(Static(ex)))))
}

pub struct Static(&'static StaticLocalExecutor);

/// The compared executors.
pub trait Spawn {
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T>;
}

impl Spawn for Spawner<'static> {
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        Spawner::spawn(self, future)
    }
}

impl Spawn for Rc<LocalExecutor<'static>> {
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        LocalExecutor::spawn(self, future)
    }
}

impl Spawn for Static {
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        self.0.spawn(future)
    }
}

pub async fn sum_of(tasks: Vec<Task<u64>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    sum
}

pub async fn spawn_join(ex: impl Spawn, n: u64) -> f64 {
    let start = Start::new();
    let tasks: Vec<_> = (0..n)
        .map(|i| ex.spawn(async move { black_box(i) }))
        .collect();
    let sum = sum_of(tasks).await;
    let seconds = start.seconds();
    assert_eq!(sum, sum_below(n));
    seconds / n as f64
}

async fn spawn_await(ex: impl Spawn, n: u64) -> f64 {
    let start = Start::new();
    let mut sum = 0;
    for i in 0..n {
        sum += ex.spawn(async move { black_box(i) }).await;
    }
    let seconds = start.seconds();
    assert_eq!(sum, sum_below(n));
    seconds / n as f64
}
