//! tokio's contenders: `tokio JOB [ARGUMENT…]`, one job a process.

mod cancelling;
mod fibs;
mod network;
mod queues;
mod scale;
mod sleepers;
mod tasks;
mod threads;
mod waiting;

use tokio::runtime::{Builder, Runtime};

fn main() {
    let job: String = measure::argument(1);
    let groups = [
        cancelling::run,
        fibs::run,
        network::run,
        queues::run,
        scale::run,
        sleepers::run,
        tasks::run,
        threads::run,
        waiting::run,
    ];
    if !groups.iter().any(|run| run(&job)) {
        measure::unknown(1);
    }
}

/// The runtime of the flavour that the second argument names.
fn runtime() -> Runtime {
    let mut builder = match measure::argument::<String>(2).as_str() {
        "current_thread" | "block_on" => Builder::new_current_thread(),
        "multi_thread" => Builder::new_multi_thread(),
        _ => measure::unknown(2),
    };
    builder.enable_all().build().expect("a runtime")
}

/// Runs `main` on the runtime: as a task, which is mostly faster, or, if the second argument says `block_on`, as
/// the future of a `block_on` on one thread.
fn run<T: Send + 'static>(main: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = runtime();
    match measure::argument::<String>(2).as_str() {
        "block_on" => runtime.block_on(main),
        _ => runtime.block_on(async { tokio::spawn(main).await.expect("no panic") }),
    }
}
