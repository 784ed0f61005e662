//! The memory that waiting costs: `memory WHO FORM FEW MORE MANY`, counted by the allocator.
//!
//! The children are as small as possible and never ready. The figure is what is allocated after all have been
//! polled, without the future itself and the place for its result. It is a separate program because counting takes
//! time.

use asyncio_to_smol::as_completed::as_completed;
use asyncio_to_smol::gather::{gather, gather_all};
use asyncio_to_smol::run::{Spawner, run};
use asyncio_to_smol::wait;
use futures_lite::future::{poll_once, yield_now};
use futures_util::future::join_all;
use measure::{SIZES, argument, figure, unknown};
use peak_alloc::PeakAlloc;
use std::any::Any;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// A future of 8 bytes that is never ready, with an output of 8 bytes.
struct Never(#[allow(dead_code)] u64);

impl Future for Never {
    type Output = Result<u64, Infallible>;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

/// What every child needs: the future, and an `Option` of its result.
const NEEDED: usize = size_of::<Never>() + size_of::<Option<u64>>();

type Ours = fn(&Spawner<'static>, usize) -> Box<dyn Any>;
type Theirs = fn(usize) -> Box<dyn Any>;

fn main() {
    let form: String = argument(2);
    for (size, i) in SIZES.into_iter().zip(3..) {
        let n: usize = argument(i);
        let bytes = match argument::<String>(1).as_str() {
            "ours" => in_ours(n, ours(&form)),
            "tokio" => in_tokio(n, theirs(&form)),
            _ => unknown(1),
        };
        figure(size, bytes as f64 / n as f64 - NEEDED as f64);
    }
}

fn ours(form: &str) -> Ours {
    match form {
        "gather" => |ex, n| Box::new(gather(ex, children(n))),
        "gather_all" => |ex, n| Box::new(gather_all(ex, children(n))),
        "as_completed" => |ex, n| Box::new(as_completed(ex, children(n))),
        "spawn" => |ex, n| Box::new(spawn(ex, n)),
        "wait" => |ex, n| {
            let mut tasks = spawn(ex, n);
            Box::new(ex.spawn(async move { wait::all_completed(&mut tasks).await.len() }))
        },
        _ => unknown(2),
    }
}

fn spawn(ex: &Spawner<'static>, n: usize) -> Vec<async_executor::Task<<Never as Future>::Output>> {
    children(n).map(|child| ex.spawn(child)).collect()
}

fn theirs(form: &str) -> Theirs {
    match form {
        "join_all" => |n| Box::new(tokio::spawn(join_all(children(n)))),
        "join_set" => |n| Box::new(children(n).collect::<JoinSet<_>>()),
        "spawn" => |n| Box::new(children(n).map(tokio::spawn).collect::<Vec<_>>()),
        _ => unknown(2),
    }
}

fn children(n: usize) -> impl Iterator<Item = Never> {
    (0..n as u64).map(Never)
}

fn in_ours(n: usize, start: Ours) -> usize {
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
}

fn in_tokio(n: usize, start: Theirs) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        let before = ALLOCATED.current_usage();
        let mut started = start(n);
        for _ in 0..n / 50 {
            tokio::task::yield_now().await;
        }
        if let Some(tasks) = started.downcast_mut::<JoinSet<<Never as Future>::Output>>() {
            poll_once(tasks.join_next()).await; // as a program that owns it would wait
        }
        ALLOCATED.current_usage() - before
    })
}
