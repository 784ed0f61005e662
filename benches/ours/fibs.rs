//! Computing: the plain function, and one that yields at every call.

use asyncio_to_smol::run::{self};
use event_loop::EventLoop;
use futures_lite::future::yield_now;
use measure::{Start, argument, fib, figure};
use std::hint::black_box;

#[allow(dead_code, reason = "the programs of chapter 3 use the rest")]
#[path = "../../examples/03_coroutines/event_loop.rs"]
mod event_loop;

pub fn run(job: &str) -> bool {
    match job {
        "fib" => plain(argument(2)),
        "fib_coroutine" => match argument::<String>(2).as_str() {
            "event_loop" => in_event_loop(argument(3)),
            "run" => run::run(async |_| measured(argument(3)).await),
            _ => measure::unknown(2),
        },
        _ => return false,
    }
    true
}

fn plain(n: u32) {
    let start = Start::new();
    let value = fib(black_box(n));
    figure("seconds", start.seconds());
    assert_eq!(value, by_addition(n));
}

/// As in the program `fib_coroutine`, with a task that waits for input.
fn in_event_loop(n: u32) {
    let event_loop = EventLoop::default();
    let handle = event_loop.clone();
    event_loop.schedule(async move {
        handle.read_line().await;
        Ok(())
    });
    let handle = event_loop.clone();
    event_loop.schedule(async move {
        measured(n).await;
        handle.stop();
        Ok(())
    });
    event_loop.run_forever().expect("no I/O error");
}

async fn measured(n: u32) {
    let start = Start::new();
    let value = coroutine(n).await;
    figure("seconds", start.seconds());
    assert_eq!(value, by_addition(n));
}

async fn coroutine(n: u32) -> u64 {
    yield_now().await;
    if n > 1 {
        Box::pin(coroutine(n - 1)).await + Box::pin(coroutine(n - 2)).await
    } else {
        u64::from(n)
    }
}

fn by_addition(n: u32) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}
