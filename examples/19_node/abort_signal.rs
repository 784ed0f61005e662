//! An `AbortController` for tasks and threads: a reason, listeners, `any`, a time limit.
//!
//! Ports: none of the programs. It shows what replaces Node's `AbortController`.
//!
//! ```text
//! $ cargo run --example abort_signal
//! listener: the user clicked Stop
//! download: the user clicked Stop
//! too late: Err("the user clicked Stop")
//! time limit: Err("TimeoutError")
//! on another thread: Err("TimeoutError")
//! ```
//!
//! Usually a drop is enough. It drops a future with all that it awaits, and a time limit is `future::or` with a
//! `Timer`: the functions in between need no parameter for it. Node passes a signal since a promise cannot be
//! dropped. But a drop gives no reason, notifies no other task, does not reach a closure on another thread, and
//! leaves a task no time for graceful shutdown. A signal does these.
//!
//! It is a cell that is set once, with a reason: `OnceCell` from `smol::lock`, which any number of tasks can
//! await. The second `abort` has no effect. A listener is a task that awaits the signal, and dropping the `Task`
//! removes it. (Node calls its listeners inside `abort()`; here they run at their next turn.) `any` is a signal
//! with the cells of all, so no task has to pass the reason on. A time limit is a cell that is set at once, with a
//! time in the future: it needs no task either, and works for a closure that blocks its thread. The earliest
//! reason counts. In Node a reason may be any value; here it is a string.
//!
//! asyncio has no signal: `task.cancel(msg)` has a message, and `cancelling` and `uncancel` count requests that
//! are refused or taken back. A dropped future cannot refuse; give a task that may refuse a signal, and let it
//! decide.
//!
//! Who owns what: the controller and its signals share the cells. They hold no list of listeners, so a dropped
//! listener leaves nothing behind. The executor owns the listener's task and `stop`, which are detached because
//! they end by themselves.
//!
//! asyncio: `task.cancelling` (none: a signal that the task looks at), `task.uncancel` (none: a task that may
//! refuse gets a signal).
//! Node: `AbortController` (`smol::lock::OnceCell`), `AbortSignal` (`smol::lock::OnceCell`),
//! `AbortSignal.any` (a signal with the cells of all), `AbortSignal.timeout` (`smol::Timer::at`),
//! `signal.reason` (`smol::lock::OnceCell::get`), `signal.aborted` (`smol::lock::OnceCell::get`),
//! `signal.throwIfAborted` (a `Result` and `?`), `signal.addEventListener('abort')` (a task that awaits
//! the signal), `signal.removeEventListener` (the drop of that task).
//! Paste: `cargo add smol`.

use smol::future::{self, FutureExt};
use smol::lock::OnceCell;
use smol::{LocalExecutor, Timer, block_on, unblock};
use std::sync::Arc;
use std::time::{Duration, Instant};

const A_WHILE: Duration = Duration::from_millis(100);

/// Set once, by the first `abort`, for all signals that share it.
#[derive(Clone, Default)]
struct AbortController(Arc<OnceCell<(Instant, &'static str)>>);

impl AbortController {
    fn abort(&self, reason: &'static str) {
        let _ = self.0.set_blocking((Instant::now(), reason));
    }
}

/// Aborted by the first of its controllers, at a time that may be in the future.
#[derive(Clone)]
struct AbortSignal(Vec<AbortController>);

impl AbortSignal {
    fn timeout(limit: Duration) -> AbortSignal {
        let reason = (Instant::now() + limit, "TimeoutError");
        AbortSignal(vec![AbortController(Arc::new(reason.into()))])
    }

    fn any(signals: [AbortSignal; 2]) -> AbortSignal {
        AbortSignal(signals.into_iter().flat_map(|one| one.0).collect())
    }

    fn reason(&self) -> Option<&'static str> {
        let given = self.0.iter().filter_map(|controller| controller.0.get());
        Some(given.filter(|(at, _)| *at <= Instant::now()).min()?.1)
    }

    fn throw_if_aborted(&self) -> Result<(), &'static str> {
        self.reason().map_or(Ok(()), Err)
    }

    async fn aborted(&self) -> &'static str {
        let mut first = future::pending().boxed_local();
        for AbortController(reason) in &self.0 {
            let given = async { Timer::at(reason.wait().await.0).await };
            first = first.or(given).boxed_local();
        }
        first.await;
        self.reason().expect("its time has come")
    }
}

/// Like Node's functions with the option `{ signal }`: returns the reason as an error and drops the work.
async fn download(signal: &AbortSignal) -> Result<Instant, &'static str> {
    signal.throw_if_aborted()?;
    let work = async { Ok(Timer::after(A_WHILE * 100).await) };
    work.or(async { Err(signal.aborted().await) }).await
}

async fn listen(signal: AbortSignal) {
    println!("listener: {}", signal.aborted().await);
}

// ANCHOR: excerpt
async fn async_main(ex: &LocalExecutor<'_>) {
    let controller = AbortController::default();
    let signal = AbortSignal(vec![controller.clone()]);
    ex.spawn(listen(signal.clone())).detach();
    drop(ex.spawn(listen(signal.clone()))); // removeEventListener
    let stop = async move {
        Timer::after(A_WHILE).await;
        controller.abort("the user clicked Stop");
        controller.abort("once more");
    };
    ex.spawn(stop).detach();
    let either = AbortSignal::any([signal, AbortSignal::timeout(A_WHILE * 600)]);
    if let Err(reason) = download(&either).await {
        println!("download: {reason}");
    }
    println!("too late: {:?}", either.throw_if_aborted());
    let limit = AbortSignal::timeout(A_WHILE);
    println!("time limit: {:?}", download(&limit).await);
    let limit = AbortSignal::timeout(A_WHILE);
    let count = move || (0..u64::MAX).try_for_each(|_| limit.throw_if_aborted());
    println!("on another thread: {:?}", unblock(count).await);
}
// ANCHOR_END: excerpt

fn main() {
    let ex = LocalExecutor::new();
    block_on(ex.run(async_main(&ex)));
}
