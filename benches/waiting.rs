//! `gather` and `as_completed` against tokio's `join_all` and `JoinSet`: `just bench waiting`.
//!
//! All run in turns in this one process, on one thread. The ratios are against the fastest of tokio's
//! ways. Ends with status 1 if a child costs more than with `join_all` or `JoinSet`.

use asyncio_to_smol::as_completed::as_completed;
use asyncio_to_smol::gather::gather;
use asyncio_to_smol::run::run;
use asyncio_to_smol::wait;
use futures_lite::StreamExt;
use futures_lite::future::yield_now;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use std::convert::Infallible;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;
use tokio::task::JoinSet;

const ROUNDS: usize = 15;

type Child = Result<usize, Infallible>;

async fn ready(n: usize) -> Child {
    Ok(black_box(n))
}

async fn yields_once(n: usize) -> Child {
    yield_now().await;
    Ok(black_box(n))
}

#[derive(Clone, Copy, PartialEq)]
enum Who {
    Ours,
    /// What we must not be slower than.
    Tokio,
    /// Faster than what the tokio documentation leads to.
    TokioByHand,
}

/// A way to run `n` children and look at what each of them returned.
struct Contender {
    name: &'static str,
    /// What it is to be compared with: the rows with the same letter.
    job: char,
    who: Who,
    run: fn(usize) -> usize,
}

macro_rules! contenders {
    ($child:ident) => {
        [
            Contender {
                name: "gather",
                job: 'g',
                who: Who::Ours,
                run: |n| {
                    run(async move |ex| {
                        let Ok(values) = gather(&ex, (0..n).map($child)).await;
                        values.into_iter().sum()
                    })
                },
            },
            Contender {
                name: "tokio, join_all of futures",
                job: 'g',
                who: Who::Tokio,
                run: |n| {
                    tokio(async move {
                        let results = join_all((0..n).map($child)).await;
                        results.into_iter().map(value).sum()
                    })
                },
            },
            Contender {
                name: "tokio, join_all of spawned tasks",
                job: 'g',
                who: Who::Tokio,
                run: |n| {
                    tokio(async move {
                        let tasks = (0..n).map(|n| tokio::spawn($child(n)));
                        let results = join_all(tasks).await;
                        results
                            .into_iter()
                            .map(|result| value(result.unwrap()))
                            .sum()
                    })
                },
            },
            Contender {
                name: "as_completed",
                job: 'c',
                who: Who::Ours,
                run: |n| {
                    run(async move |ex| {
                        let results = as_completed(&ex, (0..n).map($child));
                        results.fold(0, |sum, result| sum + value(result)).await
                    })
                },
            },
            Contender {
                name: "tokio, JoinSet",
                job: 'c',
                who: Who::Tokio,
                run: |n| {
                    tokio(async move {
                        let mut tasks: JoinSet<_> = (0..n).map($child).collect();
                        let mut sum = 0;
                        while let Some(result) = tasks.join_next().await {
                            sum += value(result.unwrap());
                        }
                        sum
                    })
                },
            },
            Contender {
                name: "tokio, FuturesUnordered",
                job: 'c',
                who: Who::TokioByHand,
                run: |n| {
                    tokio(async move {
                        let results: FuturesUnordered<_> = (0..n).map($child).collect();
                        results.fold(0, |sum, result| sum + value(result)).await
                    })
                },
            },
            Contender {
                name: "spawn and await in order",
                job: ' ',
                who: Who::Ours,
                run: |n| {
                    run(async move |ex| {
                        let tasks: Vec<_> = (0..n).map(|n| ex.spawn($child(n))).collect();
                        let mut sum = 0;
                        for task in tasks {
                            sum += value(task.await);
                        }
                        sum
                    })
                },
            },
            Contender {
                name: "spawn and wait::all_completed",
                job: ' ',
                who: Who::Ours,
                run: |n| {
                    run(async move |ex| {
                        let tasks = (0..n).map(|n| ex.spawn($child(n)));
                        let (done, _) = wait::all_completed(tasks).await.unwrap();
                        done.into_iter().map(|task| value(task.result())).sum()
                    })
                },
            },
        ]
    };
}

fn value(child: Child) -> usize {
    let Ok(value) = child;
    value
}

fn tokio<T>(main: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(main)
}

fn main() -> ExitCode {
    let mut slower = false;
    for n in [10_000, 100_000] {
        slower |= compare("ready at once", n, contenders!(ready));
        slower |= compare("ready after one yield", n, contenders!(yields_once));
    }
    if slower {
        println!("a child costs more here than with tokio");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Prints a table, and returns whether one of ours is slower than tokio's.
fn compare<const N: usize>(children: &str, n: usize, contenders: [Contender; N]) -> bool {
    let mut rows = contenders.map(|contender| (contender, Vec::new()));
    for _ in 0..ROUNDS {
        for (contender, nanoseconds) in &mut rows {
            let start = Instant::now();
            let sum = (contender.run)(n);
            nanoseconds.push(start.elapsed().as_nanos() as f64 / n as f64);
            assert_eq!(sum, n * (n - 1) / 2);
        }
    }
    let rows = rows.map(|(contender, mut nanoseconds)| {
        nanoseconds.sort_by(f64::total_cmp);
        (contender, nanoseconds)
    });
    println!("{n} children, {children}; ns a child   min  median     max   against tokio's best");
    let mut slower = false;
    for (contender, nanoseconds) in &rows {
        let median = median(nanoseconds);
        let ratio_to = |is_peer: fn(Who) -> bool| {
            let peers = rows.iter().filter(|(peer, _)| {
                contender.who == Who::Ours && is_peer(peer.who) && peer.job == contender.job
            });
            let best = peers.map(|(_, nanoseconds)| self::median(nanoseconds));
            best.reduce(f64::min).map(|best| median / best)
        };
        slower |= ratio_to(|who| who == Who::Tokio).is_some_and(|ratio| ratio > 1.0);
        println!(
            "{:<42} {:>6.0} {median:>7.0} {:>7.0}   {}",
            contender.name,
            nanoseconds[0],
            nanoseconds[ROUNDS - 1],
            ratio_to(|who| who != Who::Ours).map_or(String::new(), |ratio| format!("{ratio:.2}")),
        );
    }
    println!();
    slower
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}
