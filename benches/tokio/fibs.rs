//! Computing with a function that yields at every call.

use measure::{Start, argument, figure};
use std::pin::Pin;
use tokio::task::yield_now;

pub fn run(job: &str) -> bool {
    match job {
        "fib_coroutine" => crate::run(measured(argument(3))),
        _ => return false,
    }
    true
}

async fn measured(n: u32) {
    let start = Start::new();
    let value = coroutine(n).await;
    figure("seconds", start.seconds());
    assert_eq!(value, (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0);
}

fn coroutine(n: u32) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        yield_now().await;
        if n > 1 {
            coroutine(n - 1).await + coroutine(n - 2).await
        } else {
            u64::from(n)
        }
    })
}
