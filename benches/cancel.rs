//! Cancelling many sleeping tasks, destructors included, against tokio: `just bench cancel`.
//!
//! All run in turns in this one process, on one thread. What is measured is the time from the first
//! request to cancel until the last destructor has run, and nothing before or after. Ends with status
//! 1 if that takes longer here than with the faster of tokio's two ways.

use async_io::{Timer, block_on};
use asyncio_to_smol::run::{Spawner, run};
use asyncio_to_smol::task_group::{TaskGroup, task_group};
use futures_lite::future::yield_now;
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const TASKS: usize = 100_000;
const ROUNDS: usize = 15;
const LONG: Duration = Duration::from_secs(3600);

/// Counts the guards that have been dropped.
#[derive(Clone, Default)]
struct Dropped(Arc<AtomicUsize>);

struct Guard(Arc<AtomicUsize>);

impl Dropped {
    fn guards(&self) -> impl Iterator<Item = Guard> {
        (0..TASKS).map(|_| Guard(Arc::clone(&self.0)))
    }

    /// How long it took to drop them all.
    fn all_since(&self, start: Instant) -> Duration {
        let took = start.elapsed();
        assert_eq!(self.0.load(Ordering::Relaxed), TASKS);
        took
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

async fn sleep_here(guard: Guard) {
    let _guard = guard;
    Timer::after(LONG).await;
}

async fn sleep_there(guard: Guard) {
    let _guard = guard;
    tokio::time::sleep(LONG).await;
}

fn drop_every_task() -> Duration {
    async fn main(ex: Spawner<'static>) -> Duration {
        let dropped = Dropped::default();
        let tasks: Vec<_> = (dropped.guards())
            .map(|guard| ex.spawn(sleep_here(guard)))
            .collect();
        yield_now().await;
        let start = Instant::now();
        drop(tasks);
        yield_now().await;
        dropped.all_since(start)
    }
    run(main)
}

fn end_of_run() -> Duration {
    let dropped = Dropped::default();
    let start = run(async |ex| {
        for guard in dropped.guards() {
            ex.spawn(sleep_here(guard)).detach();
        }
        yield_now().await;
        Instant::now()
    });
    dropped.all_since(start)
}

fn failing_group() -> Duration {
    async fn sleep(guard: Guard) -> Result<Infallible, Instant> {
        sleep_here(guard).await;
        Err(Instant::now())
    }
    let cancel = async {
        let dropped = Dropped::default();
        let result = task_group(async |group: TaskGroup<Instant>| {
            for guard in dropped.guards() {
                let _ = group.spawn(sleep(guard));
            }
            yield_now().await;
            Err::<(), _>(Instant::now())
        });
        let start = result
            .await
            .map_or_else(|errors| errors.0[0], |()| unreachable!());
        dropped.all_since(start)
    };
    block_on(cancel)
}

fn tokio_join_set() -> Duration {
    tokio(async {
        let dropped = Dropped::default();
        let mut tasks: JoinSet<()> = dropped.guards().map(sleep_there).collect();
        tokio::task::yield_now().await;
        let start = Instant::now();
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
        dropped.all_since(start)
    })
}

fn tokio_abort_each() -> Duration {
    tokio(async {
        let dropped = Dropped::default();
        let guards = dropped.guards();
        let tasks: Vec<_> = guards
            .map(|guard| tokio::spawn(sleep_there(guard)))
            .collect();
        tokio::task::yield_now().await;
        let start = Instant::now();
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            let _ = task.await;
        }
        dropped.all_since(start)
    })
}

fn tokio<T>(main: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(main)
}

fn main() -> ExitCode {
    type Contender = (&'static str, bool, fn() -> Duration);
    let contenders: [Contender; 5] = [
        ("drop every Task", true, drop_every_task),
        ("the end of run", true, end_of_run),
        ("a task group that fails", true, failing_group),
        ("tokio, JoinSet::abort_all and join", false, tokio_join_set),
        ("tokio, abort each and await each", false, tokio_abort_each),
    ];
    let mut rows = contenders.map(|contender| (contender, Vec::new()));
    for _ in 0..ROUNDS {
        for ((_, _, cancel), nanoseconds) in &mut rows {
            nanoseconds.push(cancel().as_nanos() as f64 / TASKS as f64);
        }
    }
    for (_, nanoseconds) in &mut rows {
        nanoseconds.sort_by(f64::total_cmp);
    }
    let median = |nanoseconds: &[f64]| nanoseconds[ROUNDS / 2];
    let tokio = rows.iter().filter(|((_, ours, _), _)| !ours);
    let tokio = tokio
        .map(|(_, nanoseconds)| median(nanoseconds))
        .fold(f64::MAX, f64::min);

    println!("{TASKS} sleeping tasks; ns a task        min  median     max   against tokio's best");
    let mut slower = false;
    for ((name, ours, _), nanoseconds) in &rows {
        let ratio = median(nanoseconds) / tokio;
        slower |= *ours && ratio > 1.0;
        println!(
            "{name:<38} {:>6.0} {:>7.0} {:>7.0}   {}",
            nanoseconds[0],
            median(nanoseconds),
            nanoseconds[ROUNDS - 1],
            if *ours {
                format!("{ratio:.2}")
            } else {
                String::new()
            },
        );
    }
    if slower {
        println!("cancelling costs more here than with tokio");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
