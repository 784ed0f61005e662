//! The memory that waiting costs: `just bench memory`.
//!
//! The children are as small as they can be and never ready. Shown is what is allocated once all of
//! them have been polled, without the future itself and the place for its result.

use asyncio_to_smol::as_completed::as_completed;
use asyncio_to_smol::gather::{gather, gather_all};
use asyncio_to_smol::run::{Spawner, run};
use asyncio_to_smol::wait;
use futures_lite::future::{poll_once, yield_now};
use peak_alloc::PeakAlloc;
use std::any::Any;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// A future of 8 bytes that is never ready, and would give 8 bytes.
struct Never(#[allow(dead_code)] u64);

impl Future for Never {
    type Output = Result<u64, Infallible>;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

/// What has to be somewhere for every child: the future, and an `Option` of its result.
const NEEDED: usize = size_of::<Never>() + size_of::<Option<u64>>();

type Start = fn(&Spawner<'static>, usize) -> Box<dyn Any>;

fn main() {
    let ours: [(&str, Start); 5] = [
        ("gather", |ex, n| Box::new(gather(ex, children(n)))),
        ("gather_all", |ex, n| Box::new(gather_all(ex, children(n)))),
        ("as_completed", |ex, n| {
            Box::new(as_completed(ex, children(n)))
        }),
        ("spawn", |ex, n| Box::new(spawn(ex, n))),
        ("spawn and wait", |ex, n| {
            Box::new(ex.spawn(wait::all_completed(spawn(ex, n))))
        }),
    ];
    println!("bytes a child above {NEEDED}     10 000    100 000  1 000 000 children");
    for (name, start) in ours {
        row(name, |n| {
            run(async move |ex| {
                let before = ALLOCATED.current_usage();
                let started = start(&ex, n);
                for _ in 0..n / 50 {
                    yield_now().await; // until all have been polled
                }
                let after = ALLOCATED.current_usage();
                drop(started);
                after - before
            })
        });
    }
    row("tokio, JoinSet", |n| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            let before = ALLOCATED.current_usage();
            let mut tasks: JoinSet<_> = children(n).collect();
            poll_once(tasks.join_next()).await;
            for _ in 0..n / 50 {
                tokio::task::yield_now().await;
            }
            let after = ALLOCATED.current_usage();
            tasks.abort_all();
            after - before
        })
    });
}

fn children(n: usize) -> impl Iterator<Item = Never> {
    (0..n as u64).map(Never)
}

fn spawn(ex: &Spawner<'static>, n: usize) -> Vec<async_executor::Task<<Never as Future>::Output>> {
    children(n).map(|child| ex.spawn(child)).collect()
}

fn row(name: &str, measure: impl Fn(usize) -> usize) {
    let [a, b, c] =
        [10_000, 100_000, 1_000_000].map(|n| measure(n) as f64 / n as f64 - NEEDED as f64);
    println!("{name:<22} {a:>10.1} {b:>10.1} {c:>10.1}");
}
